/** How long running work will take yet, by how fast it went on while this page watched it. */

const LEAST_SECONDS = 4;
const LEAST_SHARE = 0.01;
const watched = new Map(); // by job: where it was when it was first seen

/**
 * Seconds until a running job ends, or NaN while too little of it was seen: what was done before this page
 * watched says nothing, since work that was taken up again begins in the middle.
 * @param {{id: string, state: string, progress: number}} job
 * @param {number} [now] milliseconds
 */
export function timeLeft({ id, state, progress }, now = Date.now()) {
  const first = watched.get(id);
  if (state !== "running") {
    watched.delete(id);
    return NaN;
  }
  if (!first || progress < first.progress) {
    watched.set(id, { at: now, progress });
    return NaN;
  }
  const [seconds, share] = [(now - first.at) / 1000, progress - first.progress];
  return seconds < LEAST_SECONDS || share < LEAST_SHARE ? NaN : ((1 - progress) * seconds) / share;
}
