/** Drafts of answers, kept in this browser until the answer is saved: a comment, an adjusted shape, changed attributes. */
import { drop, load, save } from "mapwright/lib/storage.js";

export function createDrafts(person) {
  const key = (id) => `mapwright.draft.${person}.${id}`;
  return {
    read: (id) => load(key(id), {}),
    write(id, change) {
      const draft = { ...load(key(id), {}), ...change };
      if (Object.values(draft).some(Boolean)) save(key(id), draft);
      else drop(key(id));
    },
    drop: (id) => drop(key(id)),
  };
}
