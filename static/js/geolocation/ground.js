/** What lies below an image: the imagery or map that it was matched with, else those of a region. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { createMap, creditLine, imageLayer, mapLayer, toBounds } from "mapwright/lib/map.js";

export function createGround(container, name) {
  const map = createMap(container, { label: `Where ${name} lies` });
  const fetched = new Map(); // address -> promise of what lies there
  let layers = [];
  let shown = "";

  const get = (path) => {
    if (!fetched.has(path)) fetched.set(path, api.get(path));
    fetched.get(path).catch(() => fetched.delete(path));
    return fetched.get(path);
  };

  function put({ imagery, snapshot, picture }) {
    layers.forEach((layer) => layer.remove());
    layers = [];
    if (imagery) layers.push(imageLayer(imagery).addTo(map));
    else if (picture)
      layers.push(L.imageOverlay(picture.address, toBounds(picture.bounds), { pane: "photo" }).addTo(map));
    else if (snapshot) layers.push(mapLayer(snapshot).addTo(map));
    layers.push(creditLine(map, { imagery: imagery ?? picture, snapshot: imagery ? null : snapshot }));
  }

  /** The imagery in use of a region, else its map. */
  async function ofRegion(id) {
    const summary = await get(`/api/regions/${id}/summary/`);
    if (summary.imagery) return { imagery: await get(`/api/imagery/${summary.imagery}/`) };
    return summary.snapshot ? { snapshot: await get(`/api/snapshots/${summary.snapshot}/`) } : {};
  }

  /** Put a region's once it is here, unless something else was asked for meanwhile; what failed is asked for again. */
  async function lateOf(region, sign) {
    try {
      const found = await ofRegion(region);
      if (shown === sign) put(found);
    } catch (error) {
      if (shown === sign) shown = "";
      throw error;
    }
  }

  return {
    map,
    /** Below a place: what it was matched with. */
    async lay(place, region) {
      const sign = `${place.imagery?.id} ${place.snapshot?.id} ${place.picture?.address} ${region}`;
      if (sign === shown) return;
      shown = sign;
      if (place.imagery || place.snapshot || place.picture) put(place);
      else if (region) await lateOf(region, sign);
    },
    /** A region as it is, where nothing was found. */
    async layRegion(id, regions) {
      const region = regions.find((one) => one.id === id);
      if (!region || shown === `region ${id}`) return;
      shown = `region ${id}`;
      if (region.bounds) map.fitBounds(toBounds(region.bounds), { animate: false });
      await lateOf(id, shown);
    },
    /** The region that holds the middle of a place. */
    regionOf(place, regions) {
      const middle = place.corners.reduce(([x, y], [lon, lat]) => [x + lon / 4, y + lat / 4], [0, 0]);
      const inside = ({ bounds }) =>
        bounds && bounds[0] <= middle[0] && middle[0] <= bounds[2] && bounds[1] <= middle[1] && middle[1] <= bounds[3];
      return regions.find(inside)?.id ?? null;
    },
    fit: (bounds) => bounds && map.fitBounds(bounds.pad(0.1), { animate: false, maxZoom: 21 }),
    /** The middle of what is shown, and how far it reaches. */
    centre() {
      const { lng, lat } = map.getCenter();
      const radius = map.distance(map.getCenter(), L.latLng(map.getBounds().getNorth(), lng));
      return { lon: lng, lat, radius_m: Math.min(20000, Math.max(1, radius)) };
    },
  };
}
