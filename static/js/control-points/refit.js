/** What the points come to, asked of the server as they change: not at every move, and never an old reply over a newer one. */
const WAIT_MS = 120;

/**
 * @param {{send: (subject, payload) => Promise, onAnswer: (reply, work) => void, onRefused: (error, work) => void}} options
 */
export function createRefit({ send, onAnswer, onRefused }) {
  let latest = 0;
  let timer = 0;

  async function ask(subject, payload, work, mine) {
    try {
      const reply = await send(subject, payload);
      if (mine === latest) onAnswer(reply, work);
    } catch (error) {
      if (mine === latest) onRefused(error, work);
    }
  }

  return {
    /** Ask what `payload` comes to; `work` comes back with the reply. */
    ask(subject, payload, work) {
      const mine = (latest += 1);
      clearTimeout(timer);
      timer = setTimeout(() => ask(subject, payload, work, mine), WAIT_MS);
    },
    /** Whatever is under way is of no interest any more. */
    forget() {
      latest += 1;
      clearTimeout(timer);
    },
  };
}
