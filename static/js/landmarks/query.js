/** A search as a value: what is looked for and within what, as this page's address and as the API's. */

export const FIRST_COUNT = 24;
export const MOST_COUNT = 96;

/** `kind` is "" (nothing is asked yet), "words" (coordinates too: the server tells them apart), "tile" or "photo". */
export const NOTHING = Object.freeze({
  kind: "",
  text: "",
  tile: null,
  photo: null,
  region: "",
  score: "",
  from: "",
  to: "",
  bbox: null,
  count: FIRST_COUNT,
  anyway: false,
});

/** The filters that are set, by name. */
export const filtersOf = ({ region, score, from, to, bbox }) =>
  Object.entries({ region, score, from, to, bbox }).filter(([, value]) => value);

const numbers = (text, many) => {
  const found = String(text).split(",").map(Number);
  return found.length === many && found.every(Number.isFinite) ? found : null;
};

/** What an address of this page asks; what makes no sense in it is left out. */
export function fromAddress(search) {
  const given = new URLSearchParams(search);
  const text = (given.get("q") ?? "").trim();
  const tile = Number(given.get("tile"));
  const kind = Number.isInteger(tile) && tile > 0 ? "tile" : text ? "words" : "";
  const day = (name) => (/^\d{4}-\d\d-\d\d$/.test(given.get(name) ?? "") ? given.get(name) : "");
  return {
    ...NOTHING,
    kind,
    text: kind === "words" ? text : "",
    tile:
      kind === "tile"
        ? { id: tile, address: /^\d+\/\d+\/\d+$/.test(given.get("at") ?? "") ? given.get("at") : "" }
        : null,
    region: /^\d+$/.test(given.get("region") ?? "") ? given.get("region") : "",
    score: /^[\d.]+-[\d.]+$/.test(given.get("score") ?? "") ? given.get("score") : "",
    from: day("from"),
    to: day("to"),
    bbox: given.has("bbox") ? numbers(given.get("bbox"), 4) : null,
    anyway: given.get("anyway") === "1",
  };
}

/** The address of this page for a search; a photo stays on the page that it was dropped on. */
export function toAddress({ kind, text, tile, region, score, from, to, bbox, anyway }) {
  const query = new URLSearchParams();
  if (kind === "words") query.set("q", text);
  if (kind === "tile") {
    query.set("tile", String(tile.id));
    if (tile.address) query.set("at", tile.address);
  }
  for (const [name, value] of Object.entries({ region, score, from, to })) if (value) query.set(name, value);
  if (bbox) query.set("bbox", bbox.map((value) => value.toFixed(6)).join(","));
  if (anyway && query.size) query.set("anyway", "1");
  return query.size ? `?${query}` : location.pathname;
}

/** The filters as the API names them. */
function filterParameters({ region, score, from, to, bbox, count, anyway }) {
  const [low, high] = score ? score.split("-") : ["", ""];
  const given = {
    region,
    score_min: Number(low) > 0 ? low : "",
    score_max: high && Number(high) < 1 ? high : "",
    date_from: from,
    date_to: to,
    bbox: bbox ? bbox.map((value) => value.toFixed(7)).join(",") : "",
    count: String(count),
    anyway: anyway ? "true" : "",
  };
  return Object.entries(given).filter(([, value]) => value);
}

/** What is asked of the API: `{path}`, and `form` where a photo is sent. */
export function request(wish) {
  const filters = filterParameters(wish);
  if (wish.kind === "photo") {
    const form = new FormData();
    form.set("photo", wish.photo);
    for (const [name, value] of filters) form.set(name, value);
    return { path: "/api/search/photo/", form };
  }
  const query = new URLSearchParams(filters);
  if (wish.kind === "words") query.set("q", wish.text);
  return { path: wish.kind === "tile" ? `/api/tiles/${wish.tile.id}/similar/?${query}` : `/api/search/?${query}` };
}
