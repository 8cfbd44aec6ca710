/** What an accepting answer carries, and the draft that it is made again from where it comes back. */
import { parted } from "mapwright/changes/parting.js";

/** The shape with its cut or merge, and tags, as the server takes them; `more` goes along. */
export function payloadOf({ geometry: drawn, tags }, more) {
  const { shape: geometry, parts } = parted(drawn);
  return { ...more, ...(geometry && { geometry, ...parts }), ...(tags && { tags }) };
}

/** The draft of an answer that was refused or taken back. */
export function draftOf({ comment, payload: { geometry, cut, merge, tags } = {} }) {
  return { comment, geometry: geometry && { ...geometry, ...(cut && { cut }), ...(merge && { merge }) }, tags };
}

/** Whether a draft makes two buildings of one, or one of two: that is answered by itself, and not with a group. */
export const partsBuilding = (draft) => Object.keys(parted(draft?.geometry).parts).length > 0;
