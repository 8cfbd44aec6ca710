/** What comes back of saved answers, undos and flags: what is known by then, and what returns to the screen. */
import { notify, notifyError } from "mapwright/lib/notices.js";
import * as act from "mapwright/review/state.js";

export const sentence = (text) => `${text}.`.replace("..", ".");

/**
 * @param {Object} line
 * @param {Object} line.store the state of the line
 * @param {Object} line.server
 * @param {Object} line.drafts
 * @param {Set} line.returning ids on their way back to the screen
 * @param {(body) => Object} line.draftOf the draft that a refused answer leaves
 * @param {(message) => void} line.onSaved
 * @param {() => void} line.fillUp claim what is missing
 */
export function createOutcomes({ store, server, drafts, returning, draftOf, onSaved, fillUp }) {
  const current = () => store.state.current;

  function decisionSaved(message, reply) {
    if (!server.underWay().includes(message.item)) drafts.drop(message.item); // an undo behind it wants the draft
    store.apply(act.versionKnown, message.item, reply.item.version);
    onSaved(message);
    if (!current()) fillUp();
  }

  /** The server said no for good: say why in words; an answer it can't take comes back to the screen as a draft. */
  async function decisionRefused(message, error) {
    store.apply(act.forgetDecision, message.item);
    notify(sentence(`Not saved: ${error.message}`), { kind: "bad" });
    const draft = draftOf(message.body);
    if (Object.values(draft).some(Boolean)) drafts.write(message.item, draft);
    if (error.status === 400) await bringBack(message.item);
  }

  async function bringBack(id) {
    returning.add(id);
    try {
      store.apply(act.bringBack, await server.reclaim(id));
    } catch (error) {
      notifyError(error);
    }
    returning.delete(id);
  }

  async function undoSaved(message, reply) {
    onSaved(message);
    if (reply.item.state !== "open") {
      notify("Taken back. Its batch is closed, so nobody answers it again.", { kind: "good" });
      store.apply(act.dropItem, message.item);
      fillUp();
      return;
    }
    if (act.held(store.state).includes(message.item))
      store.apply(act.leaseChanged, message.item, { ...server.leaseOf(reply.item), undoing: false });
    else await bringBack(message.item);
  }

  function undoRefused(message, error) {
    notify(sentence(`Not undone: ${error.message}`), { kind: "bad" });
    store.apply(act.dropItem, message.item);
    fillUp();
  }

  function flagSaved(message, reply) {
    if (!server.underWay().includes(message.item)) drafts.drop(message.item); // a taking back behind it wants the draft
    store.apply(act.versionKnown, message.item, reply.item.version);
  }

  async function flagRefused(message, error) {
    store.apply(act.forgetFlag, message.item);
    notify(sentence(`Not flagged: ${error.message}`), { kind: "bad" });
    if ([400, 403].includes(error.status)) await bringBack(message.item);
  }

  return {
    saved: { decide: decisionSaved, undo: undoSaved, reassign: flagSaved, unflag: ({ item }) => bringBack(item) },
    refused: {
      decide: decisionRefused,
      undo: undoRefused,
      reassign: flagRefused,
      unflag: (_, error) => notify(sentence(`The flag stays: ${error.message}`), { kind: "bad" }),
    },
    bringBack,
  };
}
