/** Drafts of answers: a comment, an adjusted shape; kept in this browser until the answer is saved. */
import { drop, load, save } from "mapwright/lib/storage.js";

export function createDrafts(person) {
  const key = (id) => `mapwright.draft.${person}.${id}`;
  return {
    read: (id) => load(key(id), {}),
    write(id, change) {
      const draft = { ...load(key(id), {}), ...change };
      if (draft.comment || draft.geometry) save(key(id), draft);
      else drop(key(id));
    },
    drop: (id) => drop(key(id)),
  };
}
