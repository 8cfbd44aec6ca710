/** The form of an anchor: eleven attributes, the choices of the one at hand, the summary. Drawn once, then only filled. */
import { byId, el, fill } from "mapwright/lib/dom.js";
import { plural, valueWords } from "mapwright/lib/format.js";
import { differences, summaryChanged, valueOf, wordsIn } from "mapwright/anchors/anchor-state.js";

/**
 * @param {Array} schema per attribute its name, label, question and choices [[value, label]]
 * @param {{maxWords: number, reasons: Array<string>, onChoose: Function, onSelect: Function, onReason: Function}} options
 */
export function createForm(schema, { maxWords, reasons, onChoose, onSelect, onReason }) {
  const rows = schema.map((attribute, index) => {
    const value = el("span", { class: "attribute-value" });
    const was = el("span", { class: "attribute-was" });
    const button = el(
      "button",
      { type: "button", class: "attribute", data: { name: attribute.name }, on: { click: () => onSelect(index) } },
      el("span", { class: "attribute-mark", "aria-hidden": "true" }),
      el("span", { class: "attribute-name", text: attribute.label }),
      value,
      was,
    );
    return { attribute, button, value, was };
  });
  byId("attributes").append(...rows.map(({ button }) => el("li", {}, button)));

  function drawRow({ attribute, button, value, was }, work) {
    const changed = attribute.name in work.changes;
    button.classList.toggle("attribute-changed", changed);
    value.textContent = valueWords(valueOf(work, attribute.name));
    fill(
      was,
      changed ? el("span", { class: "visually-hidden", text: "changed, proposed was " }) : null,
      changed ? el("s", { text: valueWords(work.proposed[attribute.name]) }) : null,
    );
  }

  function choice(label, index, pressed, proposed, run) {
    return el(
      "button",
      { type: "button", class: "choice", "aria-pressed": String(pressed), on: { click: run } },
      el("kbd", { text: String(index + 1) }),
      el("span", { text: label }),
      proposed ? el("span", { class: "choice-proposed", text: "proposed" }) : null,
    );
  }

  function drawChoices(work, at) {
    const { attribute } = rows[at];
    byId("choices-title").textContent = attribute.question;
    fill(
      byId("choices"),
      ...attribute.choices.map(([value, label], index) =>
        choice(
          label,
          index,
          valueOf(work, attribute.name) === value,
          work.proposed[attribute.name] === value && attribute.name in work.changes,
          () => onChoose(index),
        ),
      ),
    );
  }

  function drawReasons() {
    byId("choices-title").textContent = "Reject because (Esc goes back)";
    fill(
      byId("choices"),
      ...reasons.map((reason, index) => choice(valueWords(reason), index, false, false, () => onReason(reason))),
    );
  }

  return {
    rows: schema.length,
    choicesOf: (at) => schema[at].choices,
    nameOf: (at) => schema[at].name,
    /** Fill in everything. `fresh`: another anchor came. */
    draw(work, { at, rejecting, fresh = false }) {
      rows.forEach((row, index) => {
        drawRow(row, work);
        row.button.setAttribute("aria-current", String(index === at && !rejecting));
      });
      if (rejecting) drawReasons();
      else drawChoices(work, at);
      const field = byId("summary");
      if (fresh) field.value = work.summary;
      const words = wordsIn(field.value);
      const over = words > maxWords || words === 0;
      const count = byId("word-count");
      count.textContent =
        words === 0
          ? "✕ a sentence is needed"
          : over
            ? `✕ ${words} of ${maxWords} words: ${plural(words - maxWords, "word")} too many`
            : `${words} of ${maxWords} words`;
      count.classList.toggle("over", over);
      field.setAttribute("aria-invalid", String(over));
      const stale = Object.keys(work.changes).length ? "Attributes have changed: does this sentence still hold?" : "";
      byId("summary-was").textContent = summaryChanged(work) ? `≠ Proposed: ${work.proposedSummary}` : stale;
      byId("summary-was").hidden = !byId("summary-was").textContent;
      const changes = differences(work);
      byId("accept-label").textContent = changes ? `Save ${plural(changes, "change")}` : "Accept as it is";
    },
    fits: (text) => wordsIn(text) > 0 && wordsIn(text) <= maxWords,
  };
}
