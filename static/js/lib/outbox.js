/** Decisions on their way to the server: in order, kept in this browser until acknowledged, tried again when a connection is lost. */
import { drop, loadAll, save } from "mapwright/lib/storage.js";

const FIRST_WAIT_MS = 800;
const LONGEST_WAIT_MS = 15000;

/**
 * Each message is kept under a key of its own, so that two tabs never overwrite one another's; what a closed tab left is
 * sent by the next that opens, and what two tabs send has one effect by its idempotency key.
 *
 * @param {Object} options
 * @param {string} options.key where waiting messages are kept; one per person
 * @param {(message) => Promise} options.send sends one; throws ApiError or ConnectionError
 * @param {(message, answer) => void} options.onDone
 * @param {(message, error) => void} options.onRefused the server said no for good; the message has left the queue
 * @param {(status) => void} options.onStatus `{state: "saved"|"saving"|"offline"|"signed-out", waiting}`
 */
export function createOutbox({ key, send, onDone, onRefused, onStatus }) {
  const place = ({ at, key: name }) => `${key}/${String(at).padStart(16, "0")}/${name}`;
  let waiting = loadAll(`${key}/`);
  let busy = false;
  let wait = FIRST_WAIT_MS;
  let timer = 0;
  let trouble = null;
  let asked = false; // a retry was asked for while an attempt was under way

  const status = () => ({ state: trouble ?? (waiting.length ? "saving" : "saved"), waiting: waiting.length });
  const tell = () => onStatus(status());

  function done(message) {
    waiting = waiting.filter((one) => one.key !== message.key);
    drop(place(message));
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
      done(message);
      onRefused(message, error);
      return true;
    }
    trouble = null;
    wait = FIRST_WAIT_MS;
    done(message);
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
    if (asked) {
      asked = false;
      await run();
    }
  }

  function retryNow() {
    wait = FIRST_WAIT_MS;
    if (busy) asked = true;
    return run();
  }

  window.addEventListener("online", retryNow);
  window.addEventListener("focus", () => trouble && retryNow());

  return {
    get status() {
      return status();
    },
    get messages() {
      return waiting;
    },
    /** @param {Object} given with a `key` of its own */
    add(given) {
      const message = { ...given, at: Math.max(Date.now(), (waiting.at(-1)?.at ?? 0) + 1) };
      waiting = [...waiting, message];
      save(place(message), message);
      tell();
      if (!trouble) run();
    },
    /** Change messages that wait, such as giving an undo the version that its decision has got by now. */
    amend(change) {
      waiting = waiting.map(change);
      for (const message of waiting) save(place(message), message);
    },
    start: run,
    retryNow,
  };
}
