/** The map of the page of map scans: the region's image, and a scan laid over it where it was found. */
import { api } from "mapwright/lib/api.js";
import { createCompare } from "mapwright/lib/compare.js";
import { bindCompareKeys } from "mapwright/lib/compare-keys.js";
import { byId } from "mapwright/lib/dom.js";
import { bindKey } from "mapwright/lib/keys.js";
import { createMap, creditLine, geometryBounds, imageLayer, mapLayer, outline, toBounds } from "mapwright/lib/map.js";
import { notifyError } from "mapwright/lib/notices.js";

export function createScanMap(region) {
  const map = createMap(byId("map"), { label: `Map scans of ${region.name}` });
  const compare = createCompare(map, {
    key: "mapwright.compare.scans",
    initial: { mode: "overlay", swipe: 0.5, opacity: 0.6 },
    covers: false,
  });
  const images = new Map(); // id of an imagery -> promise of it
  let shown = null;
  let layers = [];
  let photo = null;

  byId("compare").append(compare.controls);
  if (region.bounds) map.fitBounds(toBounds(region.bounds), { animate: false });

  const imageryOf = (id) => {
    if (!images.has(id)) images.set(id, api.get(`/api/imagery/${id}/`));
    return images.get(id);
  };

  /** The image under everything: that of the scan, else the one in use. */
  async function lay(scan) {
    const id = scan?.imagery ?? (await api.get(`/api/regions/${region.id}/summary/`)).imagery;
    if (!id || photo?.id === id) return;
    const imagery = await imageryOf(id);
    photo?.layer.remove();
    photo = { id, imagery, layer: imageLayer(imagery).addTo(map) };
  }

  const bounds = () => {
    const place = shown?.placed?.outline;
    return place ? geometryBounds(place) : region.bounds && toBounds(region.bounds);
  };
  const fit = () => bounds() && map.fitBounds(bounds().pad(0.08), { animate: false });

  bindKey("f", "Fit the view to the scan", fit, { group: "Look" });
  bindCompareKeys(compare, "scan");

  return {
    /** Show where a scan lies; null shows the region alone. */
    async show(scan) {
      shown = scan;
      layers.forEach((layer) => layer.remove());
      layers = [];
      byId("map-words").textContent = !scan
        ? ""
        : scan.placed
          ? `${scan.original_name}, where it was found`
          : `${scan.original_name}: not found yet`;
      byId("map-words").hidden = !scan;
      try {
        await lay(scan);
      } catch (error) {
        notifyError(error);
      }
      if (shown !== scan) return;
      const place = scan?.placed?.outline;
      if (scan?.tiles) layers.push(mapLayer(scan, place ? { bounds: boundsOf(place) } : {}).addTo(map));
      if (place) layers.push(outline(place, "candidate").addTo(map));
      layers.push(creditLine(map, { imagery: photo?.imagery, ...(scan?.tiles ? { snapshot: scan } : {}) }));
      if (place) fit();
    },
  };
}

/** [west, south, east, north] of a GeoJSON geometry. */
function boundsOf(geometry) {
  const found = geometryBounds(geometry);
  return [found.getWest(), found.getSouth(), found.getEast(), found.getNorth()];
}
