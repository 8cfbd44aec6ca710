/** Answers that a closed review page could not send: any page sends them, and says so. */
import { plural } from "mapwright/lib/format.js";
import { notify } from "mapwright/lib/notices.js";
import { loadAll } from "mapwright/lib/storage.js";
import { createServer } from "mapwright/review/server.js";

/** What is newer is on its way from a page that is open. */
const LEFT_AFTER_MS = 2000;
const STAGES = ["changes", "anchors", "anchor-adjudication", "correspondences", "correspondence-adjudication"];

function send(person, stage) {
  let saved = 0;
  let told = () => {};
  let trouble = "";
  const server = createServer({
    stage,
    person,
    region: null,
    leaseSeconds: 0,
    onSaved: () => {
      saved += 1;
    },
    onRefused: (_, error) => notify(`An answer of before could not be saved: ${error.message}`, { kind: "bad" }),
    onStatus({ state, waiting }) {
      if (state === trouble) return;
      trouble = state;
      if (state === "saved" && saved)
        notify(`${plural(saved, "answer")} of before ${saved === 1 ? "is" : "are"} saved now.`, {
          kind: "good",
          seconds: 12,
        });
      told();
      if (state === "offline" || state === "signed-out")
        told = notify(
          `${plural(waiting, "answer")} of before ${waiting === 1 ? "waits" : "wait"} in this browser${state === "offline" ? " for the connection" : ": sign in again to save them"}.`,
          { kind: "warn", seconds: 3600 },
        );
    },
  });
  server.outbox.start();
}

/** @param {number} person who is signed in */
export function sendLeftovers(person) {
  if (document.getElementById("saved-state")) return; // a review page sends its own, and shows it
  setTimeout(() => {
    for (const stage of STAGES) {
      const left = loadAll(`mapwright.outbox.${person}.${stage}/`).filter(({ at }) => at < Date.now() - LEFT_AFTER_MS);
      if (left.length) send(person, stage);
    }
  }, LEFT_AFTER_MS);
}
