/** Decisions on their way to the server: in order, kept in this browser until acknowledged, tried again when a connection is lost. */
import { drop, load, save } from "mapwright/lib/storage.js";

const FIRST_WAIT_MS = 800;
const LONGEST_WAIT_MS = 15000;

/**
 * @param {Object} options
 * @param {string} options.key where waiting messages are kept; one per person
 * @param {(message) => Promise} options.send sends one; throws ApiError or ConnectionError
 * @param {(message, answer) => void} options.onDone
 * @param {(message, error) => void} options.onRefused the server said no for good; the message has left the queue
 * @param {(status) => void} options.onStatus `{state: "saved"|"saving"|"offline"|"signed-out", waiting}`
 */
export function createOutbox({ key, send, onDone, onRefused, onStatus }) {
  let waiting = load(key, []);
  let busy = false;
  let wait = FIRST_WAIT_MS;
  let timer = 0;
  let trouble = null;
  let asked = false; // a retry was asked for while an attempt was under way

  const status = () => ({ state: trouble ?? (waiting.length ? "saving" : "saved"), waiting: waiting.length });
  const tell = () => onStatus(status());

  function keep() {
    if (waiting.length) save(key, waiting);
    else drop(key);
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(run, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }

  async function sendFirst() {
    const message = waiting[0];
    let answer = null;
    try {
      answer = await send(message);
    } catch (error) {
      if (error.signedOut || error.passing) {
        trouble = error.signedOut ? "signed-out" : "offline";
        later();
        return false;
      }
      waiting = waiting.slice(1);
      keep();
      onRefused(message, error);
      return true;
    }
    trouble = null;
    wait = FIRST_WAIT_MS;
    waiting = waiting.slice(1);
    keep();
    onDone(message, answer);
    return true;
  }

  async function run() {
    if (busy) return;
    busy = true;
    clearTimeout(timer);
    let going = true;
    while (going && waiting.length) {
      tell();
      going = await sendFirst();
    }
    busy = false;
    tell();
    if (asked) { asked = false; await run(); }
  }

  function retryNow() {
    wait = FIRST_WAIT_MS;
    if (busy) asked = true;
    return run();
  }

  window.addEventListener("online", retryNow);
  window.addEventListener("focus", () => trouble && retryNow());

  return {
    get status() { return status(); },
    get messages() { return waiting; },
    add(message) {
      waiting = [...waiting, message];
      keep();
      tell();
      if (!trouble) run();
    },
    /** Change messages that wait, such as giving an undo the version that its decision has got by now. */
    amend(change) {
      waiting = waiting.map(change);
      keep();
    },
    start: run,
    retryNow,
  };
}
