/** Imagery of other servers over ours, under the drawn map: a quiet switch, its credit, and what was really looked at. */
/* global L */
import { el, fill } from "mapwright/lib/dom.js";
import { createImageShift } from "mapwright/lib/offset.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify } from "mapwright/lib/notices.js";
import { load, save } from "mapwright/lib/storage.js";

const HALF_M = 20037508.342789244;
export const USE = {
  allowed: "may be used for OSM edits",
  forbidden: "not for OSM edits",
  unknown: "unknown whether for OSM edits",
};

/** The address of one tile of a layer: XYZ, TMS (rows from the south), or a WMS in EPSG:3857. */
export function layerUrl({ template, kind }, { z, x, y }) {
  const size = (2 * HALF_M) / 2 ** z;
  const values = { z, x, y, "-y": 2 ** z - 1 - y };
  const wms = { width: 256, height: 256, proj: "EPSG:3857" };
  const box = [x * size - HALF_M, HALF_M - (y + 1) * size, (x + 1) * size - HALF_M, HALF_M - y * size];
  return template.replace(/\{([^{}]*)\}/g, (place, name) => {
    if (name.startsWith("switch:")) {
      const hosts = name.slice("switch:".length).split(",");
      return hosts[(x + y) % hosts.length];
    }
    return (kind === "wms" ? { ...wms, bbox: box.join(",") } : values)[name] ?? place;
  });
}

function tiles(layer) {
  const Other = L.TileLayer.extend({
    getTileUrl: function ({ x, y }) {
      return layerUrl(layer, { z: this._getZoomForUrl(), x, y });
    },
    _getTiledPixelBounds: function (centre) {
      const plain = L.TileLayer.prototype._getTiledPixelBounds.call(this, centre);
      const edge = this._map.options.otherEdgePx ?? 0;
      return edge ? L.bounds(plain.min.subtract([edge, edge]), plain.max.add([edge, edge])) : plain;
    },
  });
  return new Other("", {
    pane: "other",
    tileSize: 256,
    minZoom: layer.min_zoom,
    maxNativeZoom: layer.max_zoom,
    maxZoom: 24,
    keepBuffer: 2,
    updateWhenZooming: false,
    referrerPolicy: "strict-origin", // many servers want to know which site asks; none needs to know which page
  });
}

/** "© Maker" with its link, when it was taken, and what it may be used for. */
function credit({ title, attribution, attribution_url: url, captured, osm_use: use, licence }) {
  const by = `© ${attribution.replace(/^©\s*/, "")}`;
  const maker = url
    ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer", text: by, title: licence })
    : el("span", { text: by, title: licence });
  return el(
    "div",
    { class: "map-credit layer-credit" },
    el(
      "span",
      { class: "credit-part" },
      el("strong", { text: captured ? `${title}: ${captured}` : title }),
      maker,
      el("span", { class: use === "allowed" ? "" : "credit-warn", text: USE[use] }),
    ),
  );
}

/**
 * @param {L.Map} map with the pane "photo"
 * @param {{layers?: Array, person: Object, region: Object, place?: string}} options the choice is kept for this person, by `place`
 */
export function createLayers(map, { layers = [], person, region, place = "" }) {
  const keep = `mapwright.layer.${place}.${person.id}.${region.id}`;
  const pane = map.createPane("other");
  pane.style.zIndex = 210;
  const shift = createImageShift(map, "other");
  const state = el("span", { class: "layer-state small", role: "status" });
  const choice = el(
    "select",
    { "aria-label": "Imagery to look at", title: "Imagery to look at (8 and 7)" },
    el("option", { value: "", text: "Our imagery" }),
    ...layers.map(({ id, title, osm_use: use }) =>
      el("option", { value: String(id), text: use === "allowed" ? title : `${title} (${USE[use]})` }),
    ),
  );
  const controls = el("div", { class: "map-tool layer-switch", hidden: !layers.length }, choice, state);
  let shown = null; // {about, layer, credit, loaded: tiles on the screen, failed: of the newest move}
  let looked = new Set();

  const alive = () => shown !== null && shown.loaded.size > 0;

  function tell() {
    if (!shown) fill(state);
    else if (map.getZoom() < shown.about.min_zoom)
      fill(state, `Begins at zoom ${shown.about.min_zoom}: this is our imagery.`);
    else if (shown.failed && !alive())
      fill(state, `${shown.about.title} can't be reached, or has nothing here: this is our imagery.`);
    else fill(state, shown.failed ? "Parts of it can't be loaded: there, this is our imagery." : "");
    if (shown) shown.credit.getContainer().hidden = !alive();
    state.dataset.state = shown ? (alive() ? "shown" : shown.failed ? "dead" : "loading") : "ours";
  }

  function leave() {
    if (alive()) looked.add(shown.about.id);
    shown?.layer.remove();
    shown?.credit.remove();
    shown = null;
    shift(null);
  }

  function show(id) {
    leave();
    const about = layers.find((one) => String(one.id) === String(id));
    choice.value = about ? String(about.id) : "";
    save(keep, about ? about.id : null);
    if (about) {
      const Credit = L.Control.extend({ options: { position: "bottomright" }, onAdd: () => credit(about) });
      const mine = { about, layer: tiles(about), credit: new Credit(), loaded: new Set(), failed: 0 };
      const telling = (change) => (event) => {
        change(event);
        if (shown === mine) tell();
      };
      mine.layer.on("loading", () => (mine.failed = 0)); // what is on the screen stays there while more comes
      mine.layer.on(
        "tileload",
        telling(({ tile }) => mine.loaded.add(tile)),
      );
      mine.layer.on("tileunload", ({ tile }) => mine.loaded.delete(tile));
      mine.layer.on(
        "tileerror",
        telling(() => (mine.failed += 1)),
      );
      shown = mine;
      mine.credit.addTo(map);
      shift(about.east_m || about.north_m ? { east: -about.east_m, north: -about.north_m } : null);
      mine.layer.addTo(map);
    }
    tell();
  }

  function turn(by) {
    const ids = ["", ...layers.map((one) => String(one.id))];
    show(ids[(ids.indexOf(choice.value) + by + ids.length) % ids.length]);
  }

  let byMouse = false;
  choice.addEventListener("pointerdown", () => (byMouse = true));
  choice.addEventListener("change", () => {
    show(choice.value);
    if (byMouse) choice.blur(); // the keyboard goes back to the page
    byMouse = false;
  });
  map.on("zoomend", tell);
  if (layers.length) {
    bindKey("8", "The next imagery: ours, or that of another server", () => turn(1), { group: "Look" });
    bindKey("7", "The imagery before", () => turn(-1), { group: "Look" });
    show(load(keep, null));
  }

  return {
    controls,
    show,
    /** An edit must not stand on imagery that OSM may not be edited by: ours is shown; whether there was any. */
    putAway() {
      if (!alive() || shown.about.osm_use !== "forbidden") return false;
      const { title } = shown.about;
      show("");
      notify(`OSM may not be edited by ${title}: this is our imagery. Look again, then accept.`, { kind: "warn" });
      return true;
    },
    /** A new thing is looked at: what was looked at before does not count for it. */
    begin: () => (looked = new Set()),
    /** What an accepted change says of it: the ids of the layers that were really seen since then, if any. */
    said() {
      const ids = alive() ? new Set([...looked, shown.about.id]) : looked;
      // One that OSM may not be edited by was put away again before: it was no ground for the answer.
      const seen = layers.filter((one) => ids.has(one.id) && one.osm_use !== "forbidden").map((one) => one.id);
      return seen.length ? { layers: seen } : {};
    },
  };
}
