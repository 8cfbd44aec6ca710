/** Whether the map's server has a suggestion's building in a newer state: asked once the page is drawn, said quietly. */
import { api } from "mapwright/lib/api.js";
import { el, fill, pageData } from "mapwright/lib/dom.js";
import { moment } from "mapwright/lib/format.js";

const WAIT_MS = 600;
/** What the server said of each suggestion, as long as the page is open. */
const told = new Map();
const asked = new Set();

/** The place in the panel where it is said. */
export const serverNode = () => el("div", { id: "on-server", role: "status" });

function words({ state, detail, asked_at: at }) {
  if (state === "newer")
    return el(
      "p",
      { class: "note note-warn" },
      el("strong", { text: "The map has a newer version. " }),
      `${detail} `,
      el(
        "button",
        { type: "button", class: "button button-small", id: "compare-server", "data-against": "server" },
        "Compare ",
        el("kbd", { text: "9" }),
      ),
    );
  if (state === "same")
    return el("p", { class: "muted small", text: `The map's server has it so, too (${moment(at)}).` });
  return el("p", {
    class: "muted small",
    text: `Whether the map has a newer version is not known: ${detail.replace(/\.$/, "")}.`,
  });
}

function draw(id) {
  const node = document.getElementById("on-server");
  const known = told.get(id);
  if (node && known && known.state !== "off") fill(node, words(known));
}

/** Whether the server is known to have it newer. */
export const newerOnServer = (id) => told.get(id)?.state === "newer";

/**
 * Asks of the suggestion that is on the screen once it has been there for a moment; what is known is drawn at once.
 * `isShown` says whether it still is.
 */
export function askServer({ id, footprint }, isShown = () => true) {
  if (!pageData().asks_server || !footprint) return;
  draw(id);
  if (asked.has(id)) return;
  setTimeout(async () => {
    if (asked.has(id) || !isShown()) return;
    asked.add(id);
    try {
      told.set(id, await api.get(`/api/changes/${id}/on-server/`));
      if (isShown()) draw(id);
    } catch {
      // nothing depends on it: the page goes on without
    }
  }, WAIT_MS);
}
