/** Keep the leases of what is on the screen while somebody works; let them run out when nobody does. */

const LONGEST_BEAT_MS = 45000;
const IDLE_MS = 120000;

export function keepLeases({ store, server, leaseSeconds, onTick, onLost }) {
  const beat = Math.min(LONGEST_BEAT_MS, (leaseSeconds * 1000) / 3);
  let active = Date.now();
  const touch = () => {
    active = Date.now();
  };
  for (const event of ["pointerdown", "pointermove", "keydown", "wheel"])
    document.addEventListener(event, touch, { passive: true });

  async function renew(claim) {
    try {
      const lease = await server.heartbeat(claim);
      store.apply((state) => ({ ...state, ...changed(state, claim, lease) }));
    } catch (error) {
      if (error.status === 409 || error.status === 404) onLost(claim, error);
    }
  }

  const changed = (state, claim, lease) => ({
    current: state.current?.id === claim.id ? { ...state.current, ...lease } : state.current,
    ahead: state.ahead.map((one) => (one.id === claim.id ? { ...one, ...lease } : one)),
  });

  setInterval(() => {
    if (document.hidden || Date.now() - active > IDLE_MS) return;
    for (const claim of [store.state.current, ...store.state.ahead]) if (claim && !claim.undoing) renew(claim);
  }, beat);
  setInterval(onTick, 1000);
}
