/** What the card of a batch of anchors says. */
import { humanise, number, percent } from "mapwright/lib/format.js";
import { drawnWords } from "mapwright/review/batch-card.js";

/** "94.2 % accepted (91.8 to 95.9 %)" */
export function acceptanceWords(share) {
  if (!share || share.share === null) return "no verdict yet";
  return `${percent(share.share, 1)} accepted (${number(share.low * 100, 1)} to ${percent(share.high, 1)})`;
}

/** "4 of 500 inspected, 75.0 % accepted (30.1 to 95.4 %)" */
export const headlineOf = ({ inspected, size, acceptance }) =>
  `${number(inspected)} of ${number(size)} inspected, ${acceptanceWords(acceptance)}`;

/** "500 anchors by strata of land use, from geometric, 10 % answered twice" */
export function drawnOf(batch) {
  const { options, second_share: second, generator } = batch;
  const by = options.by ? ` of ${humanise(options.by).toLowerCase()}` : "";
  const from = options.generator ?? generator;
  return [
    `${drawnWords(batch, "anchor")}${by}`,
    from ? `from ${from}` : null,
    second ? `${percent(second)} answered twice` : null,
  ]
    .filter(Boolean)
    .join(", ");
}
