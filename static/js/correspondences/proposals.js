/** Every proposal of a region as a table, newest first, page by page. */
import { placeOf } from "mapwright/lib/tiles.js";
import { api } from "mapwright/lib/api.js";
import { byId, el } from "mapwright/lib/dom.js";
import { humanise, metres, number } from "mapwright/lib/format.js";
import { held } from "mapwright/lib/forms.js";
import { notifyError } from "mapwright/lib/notices.js";
import { arrow, direction } from "mapwright/lib/offset.js";

const PAGE = 25;
const STATES = {
  proposed: ["badge", "Waiting"],
  verified: ["badge badge-good", "Verified"],
  corrected: ["badge badge-good", "Corrected"],
  rejected: ["badge badge-bad", "Rejected"],
};

function offsetWords({ offset, refused, state }) {
  if (!offset) return el("span", { class: "muted", text: state === "rejected" ? "rejected" : `no match: ${refused}` });
  const { east_m: east, north_m: north } = offset;
  const length = Math.hypot(east, north);
  if (length < 0.05) return el("span", { text: "on the map" });
  return el(
    "span",
    {},
    el("strong", { "aria-hidden": "true", text: `${arrow(east, north)} ` }),
    `${metres(length)} to the ${direction(east, north)}`,
  );
}

function errorWords({ final_check_rmse_m: check, final_fit_rmse_m: fit, rmse_m: proposed }) {
  if (check !== null) return `${metres(check)} (check)`;
  return [fit, proposed].some((value) => value !== null) ? metres(fit ?? proposed) : "–";
}

const row = (region, one) =>
  el(
    "tr",
    {},
    el(
      "th",
      { scope: "row" },
      el("a", {
        href: `/regions/${region}/tiles/${one.z}/${one.x}/${one.y}/`,
        class: "number",
        text: placeOf(one),
      }),
    ),
    el(
      "td",
      {},
      el("span", { class: STATES[one.state][0], text: STATES[one.state][1] }),
      one.passed_gate ? el("span", { class: "small muted", text: " by the gate" }) : null,
    ),
    el("td", {}, offsetWords(one)),
    el("td", { text: one.transform ? humanise(one.transform.kind) : "–" }),
    el("td", { class: "number", text: one.inliers ? number(one.inliers) : "–" }),
    el("td", { class: "number", text: errorWords(one) }),
    el(
      "td",
      {},
      el("span", { text: humanise(one.matcher), title: one.matcher_digest }),
      one.scan ? el("div", { class: "small muted", text: `scan ${one.scan_name}` }) : null,
    ),
  );

/** @returns {{restart: Function}} */
export function showProposals(region) {
  let next = null;
  let generation = 0; // of the filter: an answer to an earlier one comes too late

  async function load(path) {
    const mine = generation;
    try {
      const answer = await api.get(path);
      if (mine !== generation) return;
      byId("proposals").append(...answer.results.map((one) => row(region, one)));
      if (!byId("proposals").children.length)
        byId("proposals").append(
          el("tr", {}, el("td", { colspan: "7", class: "muted", text: "No proposal here: match the tiles first." })),
        );
      next = answer.next;
      byId("more-proposals").hidden = !next;
    } catch (error) {
      notifyError(error);
    }
  }

  function restart() {
    generation += 1;
    byId("proposals").replaceChildren();
    const query = new URLSearchParams({ page_size: PAGE });
    for (const name of ["state", "scan"]) if (byId(name).value) query.set(name, byId(name).value);
    load(`/api/regions/${region}/correspondences/?${query}`);
  }

  const more = byId("more-proposals");
  more.addEventListener("click", () => held(more, () => load(new URL(next).pathname + new URL(next).search)));
  for (const name of ["state", "scan"]) byId(name).addEventListener("change", restart);
  restart();
  return { restart };
}
