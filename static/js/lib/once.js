/** What is asked twice happens once: keys for saves that are repeated, and presses while the first is still at work. */

/** A random UUID; also where the page is not served securely. */
export function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** `run` for presses: one that comes while the last is still at work, such as loading what it will ask, is none. */
export function oneAtATime(run) {
  let busy = false;
  return async (...given) => {
    if (busy) return undefined;
    busy = true;
    try {
      return await run(...given);
    } finally {
      busy = false;
    }
  };
}

/** `begin()` for what is loaded again and again; what it returns says whether nothing was begun since: older answers come too late. */
export function latest() {
  let newest = 0;
  return () => {
    const mine = (newest += 1);
    return () => mine === newest;
  };
}
