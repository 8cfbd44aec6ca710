/** The steps of the work on a region, in order: what is done, what runs, what may be started and by whom. */
import { api } from "mapwright/lib/api.js";
import { byId, el, refill } from "mapwright/lib/dom.js";
import { day, number, plural } from "mapwright/lib/format.js";
import { cancelJob, FINISHED, followJob, jobName, jobProgress } from "mapwright/lib/jobs.js";
import { notifyError } from "mapwright/lib/notices.js";
import { askPreset } from "mapwright/sources/start-training.js";

const followed = new Map();

/** What each step shows: its words, whether it is done, the jobs that are its work, what starts it. */
function steps({ region, summary, imagery, snapshots }) {
  const base = `/api/regions/${region.id}`;
  const page = `/regions/${region.id}`;
  const has = (list) => list.some((one) => one.state === "ready");
  const sources = has(imagery) && has(snapshots);
  const { latest_model: model, latest_scan: scan, changes } = summary;
  const scanned = scan?.state === "ready";
  const { needed } = summary.training;
  const enough = summary.mapped >= needed;
  return [
    {
      name: "Imagery",
      done: has(imagery),
      text: has(imagery) ? plural(imagery.length, "image") : "add a GeoTIFF",
      link: [`${page}/sources/`, has(imagery) ? "Look" : "Add"],
      kinds: ["sources.import_imagery"],
    },
    {
      name: "Map",
      done: has(snapshots),
      text: has(snapshots) ? plural(snapshots.length, "extract") : "add an OSM extract",
      link: [`${page}/sources/`, has(snapshots) ? "Look" : "Add"],
      kinds: ["sources.import_map"],
    },
    {
      name: "Cut into tiles",
      done: summary.pairs > 0,
      text: summary.pairs ? plural(summary.pairs, "tile") : "image and map, piece by piece",
      run: sources && [`${base}/pairs/`, {}],
      by: "editor",
      needs: "needs image and map",
      kinds: ["tiles.build_pairs"],
    },
    {
      name: "Describe the tiles",
      done: summary.anchors > 0,
      text: summary.anchors
        ? `${plural(summary.anchors, "tile")}: what stands on each`
        : "what stands on each tile (its anchor)",
      run: summary.pairs > 0 && [`${base}/anchors/`, { generator: "geometric" }],
      needs: "needs tiles",
      link: summary.anchors > 0 ? [`${page}/anchors/`, "Look"] : null,
      kinds: ["anchors.generate"],
    },
    {
      name: "Train",
      done: Boolean(model),
      text: `${model ? `model ${model.id}, ${day(model.created_at)}` : "models for this region"}${
        summary.pairs && !enough ? `; ${plural(summary.mapped, "mapped tile")}, ${needed} are needed` : ""
      }`,
      run: summary.anchors > 0 && enough && [`${base}/training-runs/`, { seed: 0 }],
      needs: enough ? "needs described tiles" : "needs mapped tiles",
      asks: "The region's tiles are learnt from, and what people decided.",
      kinds: ["learning.train"],
    },
    {
      name: "Scan",
      done: scanned,
      text: scanned
        ? `${day(scan.created_at)}${scan.stale?.length ? `, older than the ${scan.stale.map((one) => (one === "snapshot" ? "map" : one)).join(" and ")}` : ""}`
        : "score every tile",
      run: model && [`${base}/scans/`, { include_unmapped: false }],
      needs: "needs a model",
      kinds: ["consistency.scan"],
    },
    {
      name: "Find changes",
      done: changes.open + changes.decided > 0,
      text:
        changes.open + changes.decided
          ? `${plural(changes.open + changes.decided, "candidate")}`
          : "building by building",
      run: scanned && [`${base}/changes/find/`, {}],
      needs: "needs a scan",
      kinds: ["changes.find"],
    },
    {
      name: "Review",
      done: changes.decided > 0 && changes.open === 0,
      text: changes.open
        ? `${number(changes.open)} to decide`
        : changes.decided
          ? "every candidate has an answer"
          : "a person decides each one",
      link: changes.open || changes.decided ? [`${page}/changes/review/`, "Review"] : null,
      kinds: [],
      main: changes.open > 0,
    },
    {
      name: "Edits",
      done: summary.changesets > 0,
      text: summary.changesets ? plural(summary.changesets, "changeset") : "accepted changes as map edits",
      link: changes.decided ? [`${page}/edits/`, "Look"] : null,
      kinds: [],
    },
  ];
}

/** Start the work; what trains asks for its size first. */
async function start([path, body], { asks, title, kind, region, presets, refresh }) {
  try {
    const preset = asks ? await askPreset({ title, text: asks, kind, region, presets }) : null;
    if (!asks || preset) await api.post(path, preset ? { ...body, preset } : body);
  } catch (error) {
    notifyError(error);
  }
  await refresh();
}

function button(step, busy, { person, region, summary, refresh }) {
  if (step.link)
    return el("a", {
      class: `button button-small${step.main ? " button-main" : ""}`,
      href: step.link[0],
      text: step.link[1],
      "aria-label": `${step.link[1]}: ${step.name}`,
    });
  if (busy || (!step.run && !step.needs)) return el("span");
  const by = step.by ?? "admin";
  const why = !step.run ? step.needs : person[by] ? "" : `${by === "admin" ? "an admin" : "an editor"} starts it`;
  if (why) return el("span", { class: "muted small", text: why });
  return el("button", {
    type: "button",
    class: "button button-small",
    text: step.done ? "Again" : "Run",
    "aria-label": `${step.done ? "Run again" : "Run"}: ${step.name}`,
    on: {
      click: (event) => {
        event.target.disabled = true;
        const asked = { asks: step.asks, title: `${step.name}${step.done ? " again" : ""}`, kind: step.kinds[0] };
        start(step.run, { ...asked, region: region.id, presets: summary.training.presets, refresh });
      },
    },
  });
}

/** A block that follows one job and refreshes the page when it ends. */
function follower(job, person, refresh) {
  const block = el("div");
  const draw = (fresh) =>
    block.replaceChildren(
      jobProgress(fresh, { onCancel: person.admin || fresh.created_by === person.name ? cancelJob : null }),
    );
  draw(job);
  followed.get(job.id)?.();
  followed.set(job.id, followJob(job.id, draw, { onEnd: refresh }));
  return block;
}

function drawStep(step, index, jobs, busyAll, context) {
  const { person, refresh } = context;
  const job = jobs.find((one) => step.kinds.includes(one.kind) && !FINISHED.has(one.state));
  const failed = !step.done && jobs.find((one) => step.kinds.includes(one.kind));
  const more = job ? follower(job, person, refresh) : failed?.state === "failed" ? jobProgress(failed) : null;
  return el(
    "li",
    { class: "step", data: { done: String(step.done), busy: String(Boolean(job)), step: step.name, key: step.name } },
    el("span", { class: "step-mark", "aria-hidden": "true", text: job ? "◐" : step.done ? "✓" : String(index + 1) }),
    el(
      "span",
      { class: "step-text" },
      el("strong", {}, step.name, el("span", { class: "visually-hidden", text: step.done ? ", done" : "" })),
      el("span", { text: step.text }),
    ),
    button(step, Boolean(job) || busyAll, context),
    more && el("div", { class: "step-more" }, more),
  );
}

/** Whether a source is the one that the region works with. */
const used = ({ imagery, snapshot }, source) => source.id === ("captured_on" in source ? imagery : snapshot);

/** The one button that does all: pairs, anchors, training, scan, candidates. */
function drawMainJob({ region, person, summary, imagery, snapshots, refresh }, jobs) {
  const node = byId("main-job");
  const whole = ["changes.first_look", "changes.main_job"];
  const running = jobs.find((one) => whole.includes(one.kind) && !FINISHED.has(one.state));
  const last = jobs.find((one) => one.kind === "changes.main_job");
  const ready = [imagery, snapshots].every((list) => list.some((one) => one.state === "ready"));
  const parts = [];
  if (running) parts.push(el("h2", { text: jobName(running.kind) }), follower(running, person, refresh));
  else if (person.admin && ready) {
    const again = summary.latest_scan?.state === "ready";
    const doubts = [...imagery, ...snapshots].filter((one) => used(summary, one)).flatMap((one) => one.warnings ?? []);
    parts.push(
      el("button", {
        type: "button",
        id: "run-main-job",
        class: `button${again || doubts.length ? "" : " button-main"}`,
        text: again ? "Run the main job again" : "Run the main job",
        on: {
          click: (event) => {
            event.target.disabled = true;
            start([`/api/regions/${region.id}/main-job/`, {}], {
              asks: `Image and map are compared from end to end: cut into tiles, described, learnt from, scanned for changes.${doubts.length ? ` But first: ${doubts.join("; ")}.` : ""}`,
              title: again ? "Run the main job again?" : "Run the main job?",
              kind: "changes.main_job",
              region: region.id,
              presets: summary.training.presets,
              refresh,
            });
          },
        },
      }),
      el("p", {
        class: "small muted",
        text: "All of the steps below up to the review, one after the other: cut into tiles, describe, train, scan, find changes.",
      }),
    );
    if (last?.state === "failed") parts.push(el("h3", { text: "The last main job failed" }), jobProgress(last));
  }
  node.hidden = !parts.length;
  refill(node, ...parts);
  return Boolean(running);
}

export function drawSteps(context) {
  const jobs = context.summary.jobs ?? [];
  const busy = drawMainJob(context, jobs);
  refill(byId("steps"), ...steps(context).map((step, index) => drawStep(step, index, jobs, busy, context)));
  for (const list of [context.imagery, context.snapshots])
    for (const source of list)
      if (source.state === "pending" && source.job && !followed.has(source.job))
        followed.set(
          source.job,
          followJob(source.job, () => {}, { onEnd: context.refresh }),
        );
}
