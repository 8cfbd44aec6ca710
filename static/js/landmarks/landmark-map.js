/** The landmarks of a region on its imagery or map, and the pin that says where a new one is. */
/* global L */
import { api } from "mapwright/lib/api.js";
import { createMap, creditLine, imageLayer, mapLayer, toBounds } from "mapwright/lib/map.js";

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CLOSE_ZOOM = 18;
const icon = (className = "") =>
  L.divIcon({ className: `found-mark found-mark-landmark ${className}`, html: "", iconSize: [24, 24] });

/**
 * @param {HTMLElement} container
 * @param {Object} region
 * @param {{onChoose: (id: number) => void, onPlace: (place: {lon: number, lat: number}) => void}} options
 *   `onPlace` hears of clicks and of moves of the pin while there is one
 */
export function createLandmarkMap(container, region, { onChoose, onPlace }) {
  const map = createMap(container, { label: `Landmarks of ${region.name}` });
  const layer = L.layerGroup().addTo(map);
  const markers = new Map();
  let pin = null;
  let placing = false;

  if (region.bounds) map.fitBounds(toBounds(region.bounds), { animate: false });
  map.on("click", ({ latlng }) => placing && move(latlng));

  async function lay() {
    const summary = await api.get(`/api/regions/${region.id}/summary/`);
    const [imagery, snapshot] = await Promise.all([
      summary.imagery && api.get(`/api/imagery/${summary.imagery}/`),
      summary.snapshot && api.get(`/api/snapshots/${summary.snapshot}/`),
    ]);
    if (imagery) imageLayer(imagery, { bounds: imagery.bounds }).addTo(map);
    else if (snapshot) mapLayer(snapshot).addTo(map);
    creditLine(map, { imagery, snapshot: imagery ? null : snapshot });
  }

  function move(latlng) {
    const place = latlng.wrap();
    put({ lon: place.lng, lat: place.lat });
    onPlace({ lon: place.lng, lat: place.lat });
  }

  function put({ lon, lat }) {
    if (pin) {
      pin.setLatLng([lat, lon]);
      return;
    }
    pin = L.marker([lat, lon], {
      icon: icon("found-mark-pin"),
      draggable: true,
      autoPan: true,
      keyboard: true,
      alt: "Where it is: drag, or the arrow keys",
      zIndexOffset: 1000,
    }).addTo(map);
    const node = pin.getElement();
    node.textContent = "✛";
    node.setAttribute("aria-label", "Where the landmark is");
    pin.on("drag", () => {
      const { lng, lat: at } = pin.getLatLng();
      onPlace({ lon: lng, lat: at });
    });
    node.addEventListener("keydown", (event) => {
      const way = MOVES[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      const step = event.shiftKey ? 20 : 2;
      const from = map.latLngToContainerPoint(pin.getLatLng());
      move(map.containerPointToLatLng(from.add([way[0] * step, way[1] * step])));
    });
  }

  return {
    map,
    lay,
    fit: () => region.bounds && map.fitBounds(toBounds(region.bounds), { animate: false }),
    show(landmarks) {
      layer.clearLayers();
      markers.clear();
      for (const one of landmarks) {
        const marker = L.marker([one.lat, one.lon], { icon: icon(), keyboard: false, alt: one.name }).addTo(layer);
        marker.getElement().textContent = "◆";
        marker.getElement().title = one.name;
        marker.on("click", () => !placing && onChoose(one.id));
        markers.set(one.id, marker);
      }
    },
    /** Mark one of them, and bring it into view where it is out of it. */
    point(landmark) {
      for (const [id, marker] of markers)
        marker.getElement().classList.toggle("found-mark-chosen", id === landmark?.id);
      if (!landmark) return;
      const at = L.latLng(landmark.lat, landmark.lon);
      if (!map.getBounds().contains(at)) map.panTo(at, { animate: false });
    },
    /** Look closely at one. */
    close(landmark) {
      map.setView([landmark.lat, landmark.lon], Math.max(CLOSE_ZOOM, map.getZoom()), { animate: false });
    },
    /** Begin to place one, at `place` or where the map is clicked first. */
    place(place) {
      placing = true;
      container.dataset.placing = "";
      if (place) put(place);
    },
    put,
    endPlacing() {
      placing = false;
      delete container.dataset.placing;
      pin?.remove();
      pin = null;
    },
  };
}
