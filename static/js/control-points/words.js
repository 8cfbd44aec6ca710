/** What a fit of control points comes to, in words a person can weigh. */
import { metres, plural } from "mapwright/lib/format.js";

/** How good a fit is, as far as its points can tell. `counts` are those of points.js; `where` ends the sentence. */
export function accuracyWords({ fit_rmse_m: fit, check_rmse_m: check }, counts, where = "on this tile") {
  const fitted = `${plural(counts.fit, "point is", "points are")} fitted to within ${metres(fit)} (RMSE).`;
  if (check === null)
    return `${fitted} No check point: nothing says how good it is elsewhere. Keep two or three points out of the fit.`;
  const checked = `${plural(counts.check, "check point", "check points")}, kept out of the fit, ${counts.check === 1 ? "lies" : "lie"} ${metres(check)} off`;
  if (check > 2 * Math.max(fit, 0.1))
    return `${fitted} But ${checked}, much more than the fit's own error: a simpler model may do better, or one of the points is wrong.`;
  return `${fitted} ${checked}: expect an error of about ${metres(Math.max(fit, check))} ${where}.`;
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
