/** What control points and their fit come to, in words a person can weigh. */
import { metres, number, plural } from "mapwright/lib/format.js";

/** What the matcher has to say for itself, and whether that is a match. */
export function evidenceWords({ transform, inliers, needed_inliers: needed, rmse_m: rmse, refused }) {
  if (!transform) return `The matcher found no match: ${refused}. Set points by hand, or reject it.`;
  const chance = needed > 0 ? `; chance alone gives up to ${number(Math.max(0, needed - 1))}` : "";
  return `${plural(inliers, "point agrees", "points agree")}${chance}. They lie ${metres(rmse)} off (RMSE).`;
}

/** How good a fit is, as far as its points can tell. `counts` are those of points.js. */
export function accuracyWords({ fit_rmse_m: fit, check_rmse_m: check }, counts) {
  const fitted = `${plural(counts.fit, "point is", "points are")} fitted to within ${metres(fit)} (RMSE).`;
  if (check === null)
    return `${fitted} No check point: nothing says how good it is elsewhere. Keep two or three points out of the fit.`;
  const checked = `${plural(counts.check, "check point", "check points")}, kept out of the fit, ${counts.check === 1 ? "lies" : "lie"} ${metres(check)} off`;
  if (check > 2 * Math.max(fit, 0.1))
    return `${fitted} But ${checked}, much more than the fit's own error: a simpler model may do better, or one of the points is wrong.`;
  return `${fitted} ${checked}: expect an error of about ${metres(Math.max(fit, check))} on this tile.`;
}

/** The number of the enabled point that lies farthest off, where it is worth a word. */
export function worstOf(points, residuals) {
  let worst = null;
  let most = 0;
  for (const { number: name, enabled } of points) {
    const off = residuals.get(name);
    if (enabled && off > most) [worst, most] = [name, off];
  }
  return points.length > 1 && most >= 0.005 ? worst : null;
}

const DECISIONS = { accept: "as proposed", adjust: "corrected", reject: "rejected", cant_tell: "can't tell" };
export const decisionWords = (decision) => DECISIONS[decision] ?? decision;

/** How far two answers lie apart. */
export const apartWords = (distance, agree) =>
  distance === null
    ? "They can't be measured against one another: one of them took no transform."
    : `They bring the tile's corners ${metres(distance)} apart on average; up to ${metres(agree)} counts as the same.`;
