/** A review page's talk with the server: claims, leases, decisions that survive a lost connection. */
import { api, ApiError, csrf } from "mapwright/lib/api.js";
import { freshKey } from "mapwright/lib/once.js";
import { createOutbox } from "mapwright/lib/outbox.js";

const itemPath = (id, act) => `/api/review/items/${id}/${act}/`;

/**
 * @param {Object} options
 * @param {string} options.stage whose queue
 * @param {number} options.region
 * @param {?number} options.batch of which batch; null for what is in none
 * @param {number} options.person
 * @param {number} options.leaseSeconds
 * @param {Function} options.onSaved (message, answer)
 * @param {Function} options.onRefused (message, error)
 * @param {Function} options.onStatus
 */
export function createServer({ stage, region, batch = null, person, leaseSeconds, onSaved, onRefused, onStatus }) {
  const asClaim = (answer) => ({
    ...leaseOf(answer.item),
    id: answer.item.id,
    subject: answer.subject,
    flag: answer.flag,
  });
  const leaseOf = (item) => ({
    version: item.version,
    lease_token: item.lease_token,
    leaseEnds: Date.now() + leaseSeconds * 1000,
  });

  async function reclaim(id) {
    return asClaim(await api.post(itemPath(id, "claim")));
  }

  /** Save under the lease, and under a new one where it ended and nobody else has the item. */
  async function saveLeased({ act, item, lease_token, version, key, body }) {
    try {
      return await api.post(itemPath(item, act), { ...body, lease_token, version, idempotency_key: key });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "lease_lost" || !error.data.free) throw error;
      const again = await reclaim(item);
      if (again.version !== version) throw error;
      return api.post(itemPath(item, act), { ...body, lease_token: again.lease_token, version, idempotency_key: key });
    }
  }

  const SENDERS = {
    decide: saveLeased,
    undo: (message) =>
      api.post(itemPath(message.item, "undo"), { version: message.version, idempotency_key: message.key }),
    reassign: saveLeased,
    unflag: ({ item, version, key }) =>
      api.post(itemPath(item, "reassign"), { to: null, lease_token: 0, version, idempotency_key: key }),
  };
  const send = (message) => SENDERS[message.act](message);

  /** Later messages on the same item go out with the version and the lease that this one got. */
  function learn(message, answer) {
    const known = {
      version: answer.item.version,
      ...(answer.item.lease_token ? { lease_token: answer.item.lease_token } : {}),
    };
    outbox.amend((one) => (one.item === message.item ? { ...one, ...known } : one));
  }

  const outbox = createOutbox({
    key: `mapwright.outbox.${person}.${stage}`,
    send,
    onDone: (message, answer) => {
      learn(message, answer);
      onSaved(message, answer);
    },
    onRefused,
    onStatus,
  });

  return {
    outbox,
    leaseOf,
    reclaim,
    /** Items whose decision is still on its way: the server would hand them out again. */
    underWay: () => outbox.messages.map((message) => message.item),
    async claim(skip, first, wanted = null) {
      const answer = await api.post(`/api/review/${stage}/claim/`, { region, skip, batch, first, wanted });
      return answer.item
        ? { claim: asClaim(answer), next: answer.next }
        : {
            counts: { open: answer.open, leased: answer.leased, blocked: answer.blocked, countedTo: answer.counted_to },
          };
    },
    async heartbeat(claim) {
      return leaseOf(await api.post(itemPath(claim.id, "heartbeat"), { lease_token: claim.lease_token }));
    },
    /** Give items back, also while the page goes away; done once the server heard of all. */
    releaseAll: (claims) =>
      Promise.all(
        claims.map(({ id, lease_token }) =>
          fetch(itemPath(id, "release"), {
            method: "POST",
            keepalive: true,
            headers: { "Content-Type": "application/json", "X-CSRFToken": csrf() },
            body: JSON.stringify({ lease_token }),
          }).catch(() => {}),
        ),
      ),
    saveDecision: (claim, body) =>
      outbox.add({
        act: "decide",
        item: claim.id,
        version: claim.version,
        lease_token: claim.lease_token,
        key: freshKey(),
        body,
      }),
    saveFlag: (claim, to, comment) =>
      outbox.add({
        act: "reassign",
        item: claim.id,
        version: claim.version,
        lease_token: claim.lease_token,
        key: freshKey(),
        body: { to, comment },
      }),
    /** Put an item that was flagged back for everyone. */
    saveUnflag: (id, version) => outbox.add({ act: "unflag", item: id, version, key: freshKey() }),
    saveUndo: (id, version) => outbox.add({ act: "undo", item: id, version, key: freshKey() }),
  };
}
