/** What the points come to, asked of the server as they change: not at every move, and never an old reply over a newer one. */
import { api } from "mapwright/lib/api.js";

const WAIT_MS = 120;

/**
 * @param {{onAnswer: (reply, work) => void, onRefused: (error, work) => void}} options
 */
export function createRefit({ onAnswer, onRefused }) {
  let latest = 0;
  let timer = 0;

  async function send(id, payload, work, mine) {
    try {
      const reply = await api.post(`/api/correspondences/${id}/refit/`, payload);
      if (mine === latest) onAnswer(reply, work);
    } catch (error) {
      if (mine === latest) onRefused(error, work);
    }
  }

  return {
    /** Ask what `payload` comes to; `work` comes back with the reply. */
    ask(id, payload, work) {
      const mine = (latest += 1);
      clearTimeout(timer);
      timer = setTimeout(() => send(id, payload, work, mine), WAIT_MS);
    },
    /** Whatever is under way is of no interest any more. */
    forget() {
      latest += 1;
      clearTimeout(timer);
    },
  };
}
