/** Beside a candidate: places that look like it, and what people said of them. */
import { api } from "mapwright/lib/api.js";
import { byId, el, fill } from "mapwright/lib/dom.js";
import { DECISIONS, KINDS, number, plural } from "mapwright/lib/format.js";

const COUNT = 12;
/** A candidate that stays on the screen this long is asked about: quick answers cost no search. */
const STILL_MS = 250;

const MARKS = { accept: ["good", "✓"], correct: ["good", "✓"], reject: ["bad", "✕"] };

function picture(place) {
  const [tone, mark] = MARKS[place.verdict] ?? (place.verdict ? ["warn", "?"] : ["open", ""]);
  const said = place.verdict ? (DECISIONS[place.verdict] ?? place.verdict) : "not decided yet";
  const kind = KINDS[place.kind]?.label ?? "";
  const name = [kind, said, `likeness ${number(place.likeness, 2)}`].filter(Boolean).join(", ");
  return el(
    "li",
    {},
    el(
      "a",
      { class: `similar similar-${tone}`, href: place.page_url, target: "_blank", rel: "noopener", title: name },
      el("img", { src: place.image_url, alt: name, width: "52", height: "52" }),
      mark ? el("span", { class: "similar-mark", "aria-hidden": "true", text: mark }) : null,
    ),
  );
}

/** "12 similar places, 9 of them accepted", and what became of the rest. */
function headline({ similar, decided, accepted }) {
  const rest = [
    decided - accepted ? `${decided - accepted} not` : "",
    similar - decided ? `${similar - decided} open` : "",
  ].filter(Boolean);
  const one = accepted ? "accepted" : "not accepted";
  const some = similar === 1 ? one : `${number(accepted)} of them accepted`;
  const words = decided ? some : "none decided yet";
  return [
    el("strong", { text: `${plural(similar, "similar place")}, ${words}` }),
    rest.length && decided && similar > 1 ? el("span", { class: "muted", text: ` (${rest.join(", ")})` }) : null,
  ];
}

export function createSimilar() {
  const node = byId("similar");
  let asked = 0;
  let timer = 0;

  function clear() {
    clearTimeout(timer);
    asked = 0;
    node.hidden = true;
    fill(node);
  }

  async function load(id) {
    let found = null;
    try {
      found = await api.get(`/api/changes/${id}/similar/?count=${COUNT}`);
    } catch {
      return; // an answer needs none of it; the candidate itself tells what is wrong with the connection
    }
    if (asked !== id || !found.similar) return;
    fill(
      node,
      el("h2", { id: "similar-title" }, ...headline(found)),
      el("ul", { class: "similar-row" }, ...found.results.map(picture)),
    );
    node.hidden = false;
  }

  return {
    clear,
    show({ id }) {
      clear();
      asked = id;
      timer = setTimeout(() => load(id), STILL_MS);
    },
    /** Put the keyboard on the first of them. */
    enter: () => node.querySelector("a")?.focus(),
  };
}
