/** What control points and their fit come to, in words a person can weigh. */
import { metres, number, plural } from "mapwright/lib/format.js";

/** What the matcher has to say for itself, and whether that is a match. */
export function evidenceWords({ transform, inliers, needed_inliers: needed, rmse_m: rmse, refused }) {
  if (!transform) return `The matcher found no match: ${refused}. Set points by hand, or reject it.`;
  const chance = needed > 0 ? `; chance alone gives up to ${number(Math.max(0, needed - 1))}` : "";
  return `${plural(inliers, "point agrees", "points agree")}${chance}. They lie ${metres(rmse)} off (RMSE).`;
}

const DECISIONS = { accept: "as proposed", adjust: "corrected", reject: "rejected", cant_tell: "can't tell" };
export const decisionWords = (decision) => DECISIONS[decision] ?? decision;

/** How far two answers lie apart. */
export const apartWords = (distance, agree) =>
  distance === null
    ? "They can't be measured against one another: one of them took no transform."
    : `They bring the tile's corners ${metres(distance)} apart on average; up to ${metres(agree)} counts as the same.`;
