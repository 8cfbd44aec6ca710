/** What the points come to: the matcher's own word while they are as proposed, else the server's, asked as they change. */
import { plural } from "mapwright/lib/format.js";
import { notifyError } from "mapwright/lib/notices.js";
import { counts, payloadOf } from "mapwright/control-points/points.js";
import { createRefit } from "mapwright/control-points/refit.js";

const UNKNOWN = "What these points come to can't be asked just now; the next change asks again.";
const ARTICLES = { affine: "An affine", auto: "A place" };
const tooFew = (kind, needed, there) =>
  `${ARTICLES[kind] ?? `A ${kind}`} needs ${plural(needed, "point")} in the fit or more; there ${there === 1 ? "is" : "are"} ${there}.`;
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/**
 * @param {{send: Function, least: Object, onMatrix: (matrix) => void, onChange: () => void}} options `send(subject, payload)` asks
 *   the server; `least` points of the fit by kind of model; `onMatrix` hears what brings the map onto the image
 * @returns {Object} `state`: `fit` {fit_rmse_m, check_rmse_m, counts} or null, `matrix`, `residuals` in metres by number,
 *   `waiting` for the server, its `reply`, and its `refusal` in words
 */
export function createFit({ send, least, onMatrix, onChange }) {
  const refit = createRefit({ send, onAnswer: answered, onRefused: refused });
  let state = { fit: null, matrix: null, residuals: new Map(), waiting: false, refusal: "", reply: null };

  function become(next) {
    state = { ...state, waiting: false, ...next };
    if ("matrix" in next) onMatrix(state.matrix);
  }

  function answered(reply, work) {
    become({
      fit: { fit_rmse_m: reply.fit_rmse_m, check_rmse_m: reply.check_rmse_m, counts: counts(work) },
      residuals: new Map(reply.points.map((point) => [point.number, point.residual_m])),
      matrix: reply.transform.matrix,
      refusal: reply.refusal ? sentence(reply.refusal) : "",
      reply,
    });
    onChange();
  }

  function refused(error) {
    if (error.status === 400)
      become({ fit: null, residuals: new Map(), refusal: sentence(error.message), reply: null });
    else {
      become({ refusal: UNKNOWN });
      if (!error.passing) notifyError(error);
    }
    onChange();
  }

  return {
    get state() {
      return state;
    },
    forget: refit.forget,
    /** Nothing is known of what is worked on from now. */
    begin() {
      refit.forget();
      become({ fit: null, matrix: null, residuals: new Map(), refusal: "", reply: null });
    },
    /** The points are as the matcher proposed them: what they come to is known. */
    asProposed({ transform, rmse_m: rmse, inliers, points }) {
      refit.forget();
      become({
        fit: transform ? { fit_rmse_m: rmse, check_rmse_m: null, counts: { fit: inliers, check: 0 } } : null,
        residuals: new Map(points.map((point) => [point.number, point.residual_m ?? 0])),
        matrix: transform?.matrix ?? null,
        refusal: "",
      });
    },
    ask(subject, work) {
      const there = counts(work).fit;
      if (there < least[work.kind]) {
        refit.forget();
        const refusal = tooFew(work.kind, least[work.kind], there);
        become({ fit: null, residuals: new Map(), refusal, reply: null });
        return;
      }
      state = { ...state, waiting: true };
      refit.ask(subject, payloadOf(work), work);
    },
  };
}
