/** What figures of training and comparison are called, in which unit, and what they mean. */
import { humanise, KINDS, number, percent, plural } from "mapwright/lib/format.js";

/** Losses of the networks, one curve per fold: what is learnt, and what a low value means. */
export const LOSSES = {
  "evidence/loss": ["Building evidence", "How far the network's buildings are from the map's."],
  "evidence/held_out_f1": [
    "Buildings found on tiles held out",
    "F1 against the map on a few tiles that the fold does not learn from: 1 is the same, 0 nothing in common. The ring marks the best epoch; the last point is the network that is kept.",
  ],
  "consistency/contrastive_loss": [
    "Image and map meet their anchor",
    "How badly a tile's own anchor is found among others.",
  ],
  "consistency/image_text": ["Image meets its anchor", "The same for the image alone."],
  "consistency/map_text": ["Map meets its anchor", "The same for the map alone."],
  "consistency/cell_loss": ["Building cover, cell by cell", "How badly the cover of each part of a tile is told."],
  "consistency/image_cells": ["Building cover in the image alone", "The same for the image alone."],
  "consistency/discriminator_loss": [
    "Matched told from mismatched",
    "How badly pairs that agree are told from pairs that don't.",
  ],
  "consistency/prototype_loss": [
    "Distance to typical matches",
    "How far a matched pair is from what matches look like.",
  ],
  "structure/coarse_loss": ["The right map at the right place", "How badly it is told from all other maps and places."],
  "structure/fine_loss": ["Patches at their place", "How badly the place of a patch of the map is told in its window."],
  "landmarks/loss": ["All that is learnt", "How badly what belongs together is told from all else."],
  "locator/loss": ["All that is learnt", "The sum of the losses."],
  "locator/coarse": ["Cells at their place", "How badly cells of a picture are told from others of its base."],
  "locator/fine": ["Points at their place", "How badly points are placed to a fraction of a pixel."],
  "locator/distillation": [
    "Topics of the ground",
    "How far its topics are from those of the teacher, if there is one.",
  ],
  "locator/extra": ["Pictures and bases apart", "How badly a picture's base is told from others."],
  "locator/tokens_found": ["Cells found", "Share of cells whose best place is the right one."],
  "locator/bases_found": ["Bases found", "Share of pictures whose base is the likest of those drawn."],
  "structure/near_share": ["Patches found", "Share of patches whose best place is within a cell of the right one."],
};

/** Measured on what is not learnt from, so that the best epoch says something. */
const MEASURED = new Set(["evidence/held_out_f1"]);
export const isMeasured = (name) => MEASURED.has(name);

const HIGHER = new Set([...MEASURED, "structure/near_share", "locator/tokens_found", "locator/bases_found"]);

/** What a figure means, and which way is better. */
export const lossHint = (name) =>
  LOSSES[name] && `${LOSSES[name][1]} ${HIGHER.has(name) ? "Higher" : "Lower"} is better.`;

const COUNTS = {
  verified_tiles: ["Tiles learnt from", "Tiles whose match people verified."],
  pictures: ["Pictures learnt from", "Pieces of imagery of 1024 px with ground that may be learnt."],
  mapped_tiles: ["Tiles learnt from", "Mapped tiles with enough image."],
  folds: ["Folds", "Blocks of tiles; each is scored by networks that did not learn from it."],
  tuned_share: [
    "Share of the evidence learnt here",
    "The rest is what the model that it started from still knows.",
    percent,
  ],
  "calibration/editions": [
    "Simulated editions of the map",
    "Known errors, put in to learn how sure a suggestion may be.",
  ],
  "calibration/add_examples": ["Simulated: missing buildings", "Examples that the confidence was learnt on."],
  "calibration/part_examples": ["Simulated: missing parts of buildings", "Examples that the confidence was learnt on."],
  "calibration/remove_examples": ["Simulated: invented buildings", "Examples that the confidence was learnt on."],
  "calibration/modify_examples": ["Simulated: wrong shapes and places", "Examples that the confidence was learnt on."],
  "decisions/accepted": ["Learnt from people: accepted", "Suggestions that people accepted as they were."],
  "decisions/adjusted": ["Learnt from people: adjusted", "Suggestions that people gave another shape."],
  "decisions/rejected": [
    "Learnt from people: rejected",
    "Suggestions that people turned down: the model learns not to repeat them.",
  ],
};

const decimals = (value) => number(value, 3);

/** Figures of a comparison: label, what it means, and how its values and differences are written. */
export const COMPARED = {
  tile_auroc: {
    label: "Wrong tiles told from right ones",
    hint: "Chance that a wrong tile looks the more doubtful; 0.5 is a coin.",
    show: decimals,
  },
  first_precision: {
    label: "Right among the first 40",
    hint: "Of the 40 surest suggestions, the share that is right.",
    show: percent,
  },
  recall_add: { label: "Missing buildings found", hint: "With a confidence of 50 % or more.", show: percent },
  recall_remove: { label: "Invented buildings found", hint: "With a confidence of 50 % or more.", show: percent },
  recall_modify: { label: "Wrong shapes and places found", hint: "With a confidence of 50 % or more.", show: percent },
  placed: {
    label: "Brought within 1 m",
    hint: "Verified tiles whose map is brought within 1 m of where people saw it.",
    show: percent,
  },
  close: {
    label: "How near",
    hint: "1 is exact, 0 is 3 pixels off or no answer, on average over tiles.",
    show: decimals,
  },
  moved_placed: {
    label: "Within 1 m, map moved",
    hint: "The same where the map was moved up to 20 m, turned up to 5° and scaled up to 5 %.",
    show: percent,
  },
  moved_close: { label: "How near, map moved", hint: "The same on the moved map.", show: decimals },
  refused_elsewhere: {
    label: "Maps of other places refused",
    hint: "Share of maps of another block that it did not claim to find here.",
    show: percent,
  },
  located: {
    label: "Found within 5 m",
    hint: "Pictures of which it says itself that they lie here, and is right, to 5 m on average over the corners.",
    show: percent,
  },
  first_right: {
    label: "First suggestion within 5 m",
    hint: "The same whether it believes its first suggestion or not.",
    show: percent,
  },
  located_close: {
    label: "How near",
    hint: "1 is exact, 0 is 5 m off or no suggestion, on average over pictures.",
    show: decimals,
  },
  refused_foreign: {
    label: "Pictures of other ground refused",
    hint: "Share of pictures that it did not believe to find where their ground was kept from it.",
    show: percent,
  },
  text_finds_tile: {
    label: "Words find their tile",
    hint: "Sentences of which a tile that they speak of is among the first 10.",
    show: percent,
  },
  place_finds_tile: {
    label: "Coordinates find their tile",
    hint: "Positions of which the tile that holds them is among the first 10.",
    show: percent,
  },
  tile_finds_text: {
    label: "Tiles find their words",
    hint: "Tiles of which a sentence that speaks of them is among the first 10.",
    show: percent,
  },
  photo_finds_tile: {
    label: "Photos find their tile",
    hint: "Photos from the ground of which their tile is among the first 10.",
    show: percent,
  },
  agreement: {
    label: "Agrees with people",
    hint: "Chance that it is surer of an accepted suggestion than of a rejected one. An earlier model had been sure of all of them.",
    show: decimals,
  },
};

export const WORDS = {
  better: ["badge badge-good", "Better"],
  worse: ["badge badge-bad", "Worse"],
  unclear: ["badge badge-plain", "No clear difference"],
  too_few: ["badge badge-plain", "Too few to tell"],
  alone: ["badge badge-plain", "Nothing to compare"],
};

/** Names of a loss and its fold: `evidence/loss/fold-1` -> ["evidence/loss", "Fold 1"]. */
export function lossOf(name) {
  const found = /^(.*)\/fold-(\d+)$/.exec(name);
  if (found) return [found[1], `Fold ${found[2]}`];
  return [name, /^(structure|locator|landmarks)\//.test(name) ? "All pairs" : "All folds"];
}

export const lossLabel = (name) => LOSSES[name]?.[0] ?? humanise(name.replace(/\//g, ": "));

/** Rows of a definition list: counts first, then each network's last loss over the folds. */
export function metricRows(metrics) {
  const rows = [];
  const losses = new Map();
  for (const [name, value] of Object.entries(metrics)) {
    const loss = /^fold_\d+\/(.*)$/.exec(name);
    if (loss) losses.set(loss[1], [...(losses.get(loss[1]) ?? []), value]);
    else if (LOSSES[name]) rows.push([`${lossLabel(name)}: last epoch`, decimals(value)]);
    else if (COUNTS[name]) rows.push([COUNTS[name][0], (COUNTS[name][2] ?? number)(value)]);
    else rows.push([humanise(name.replace(/\//g, ": ")), Number.isInteger(value) ? number(value) : decimals(value)]);
  }
  for (const [name, values] of losses) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    rows.push([
      `${lossLabel(name)}: last ${HIGHER.has(name) ? "epoch" : "loss"}`,
      low === high ? decimals(low) : `${decimals(low)} to ${decimals(high)} over ${plural(values.length, "fold")}`,
    ]);
  }
  return rows;
}

const DECISION_WORDS = ["accepted", "adjusted", "rejected"];

/** `12 accepted, 1 adjusted, 4 rejected`, or nothing where nobody decided. */
export function decisionsInWords(counts) {
  const sums = DECISION_WORDS.map((word) => [
    word,
    Object.values(counts ?? {}).reduce((sum, one) => sum + (one[word] ?? 0), 0),
  ]);
  return sums
    .filter(([, sum]) => sum)
    .map(([word, sum]) => `${number(sum)} ${word}`)
    .join(", ");
}

/** Rows of the table of decisions: kind, then a number for each word. */
export const decisionRows = (counts) =>
  Object.entries(counts).map(([kind, one]) => [
    KINDS[kind]?.label ?? humanise(kind),
    ...DECISION_WORDS.map((word) => one[word] ?? 0),
  ]);
