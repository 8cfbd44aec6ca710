/** What every review page shows of its own work: saved state, lease, tally, and words instead of an item. */
import { byId, el, fill } from "mapwright/lib/dom.js";
import { DECISIONS, humanise, plural } from "mapwright/lib/format.js";

const STATUS = {
  saved: () => ["✓", "Saved", "good"],
  saving: (waiting) => ["◐", waiting > 1 ? `Saving ${waiting}` : "Saving", "busy"],
  offline: (waiting) => ["!", `Offline: ${waiting} waiting`, "warn"],
  "signed-out": (waiting) => ["!", `Signed out: ${waiting} waiting`, "bad"],
};

export function drawStatus({ state, waiting }) {
  const [mark, text, kind] = STATUS[state](waiting);
  const node = byId("saved-state");
  node.className = `saved-state saved-${kind}`;
  node.dataset.state = state;
  fill(node, el("span", { "aria-hidden": "true", text: mark }), ` ${text}`);
  byId("sign-in-again").hidden = state !== "signed-out";
}

export function drawLease(claim, what) {
  const node = byId("lease");
  if (!claim?.leaseEnds) {
    node.textContent = "";
    return;
  }
  const left = Math.max(0, Math.round((claim.leaseEnds - Date.now()) / 1000));
  node.textContent = left
    ? `Yours for ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`
    : "Your hold has ended";
  node.classList.toggle("lease-short", left < 30);
  node.title = left
    ? `Nobody else gets this ${what} in the meantime; working here renews it`
    : "Any answer takes it again, if nobody else has it";
}

export function drawTally(state) {
  const last = state.decided.at(-1);
  byId("tally").textContent = state.session ? plural(state.session, "decision") : "";
  byId("undo").disabled = !last;
  byId("undo-what").textContent = last ? `Undo: ${DECISIONS[last.decision] ?? humanise(last.decision)}` : "Undo";
  byId("undo").title = last ? byId("undo-what").textContent : "";
}

/** `countedTo`: the server counts no further; null: it counts all. */
const atLeast = (count, { countedTo }) => (countedTo === null || count < countedTo ? "" : "At least ");

const texts = {
  refused: ({ refusal }) => ["Nothing more to answer here", refusal, null],
  loading: (_, { what }) => [`Fetching the next ${what}`, "", null],
  waiting: ({ counts }, { what }) => [
    "Others have the rest just now",
    `${atLeast(counts.leased, counts)}${plural(counts.leased, `${what} is`, `${what}s are`)} on other people's screens, or brought up to date. This page looks again every few seconds; nothing to do.`,
    null,
  ],
  blocked: ({ counts }, { what }) => [
    "The rest is for somebody else",
    `${atLeast(counts.blocked, counts)}${plural(counts.blocked, `${what} waits`, `${what}s wait`)} for another person: flagged to them, or for a second answer by somebody who did not give the first.`,
    null,
  ],
  empty: ({ skipped, counts }, { what, done, title }) => {
    if (skipped.length)
      return [`You skipped ${plural(skipped.length, what)}`, "Everything else has an answer.", "again"];
    return counts.open
      ? ["Saving the last answers", "", null]
      : [title ?? `Every ${what} has an answer`, done ?? "", null];
  },
};

/** What is shown instead of an item. `offer`: what it is called, a closing sentence, and `links` [[text, address]]. */
export function drawPhase(state, offer, onAgain) {
  const reviewing = state.phase === "reviewing";
  byId("review").hidden = !reviewing;
  byId("no-item").hidden = reviewing;
  document.body.dataset.phase = state.phase;
  if (reviewing) return;
  const [title, text, action] = texts[state.phase](state, offer);
  const over = ["empty", "blocked", "refused"].includes(state.phase) && !action;
  const links = over ? (offer.links ?? []) : [];
  fill(
    byId("no-item"),
    el("h2", { text: title }),
    text ? el("p", { text }) : null,
    action
      ? el("button", {
          type: "button",
          class: "button button-main",
          text: "Go through them again",
          on: { click: onAgain },
        })
      : null,
    ...links.map(([label, address], index) =>
      el("p", {}, el("a", { href: address, class: index ? null : "button button-main", text: label })),
    ),
  );
}
