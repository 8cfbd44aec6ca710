/** The four corners of an image as handles on the map: dragged, moved by arrows, or all together by the one in the middle. */
/* global L */

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const NAMES = ["upper left", "upper right", "lower right", "lower left"];

const icon = (middle) =>
  L.divIcon({ className: `corner${middle ? " corner-middle" : ""}`, html: "", iconSize: [26, 26] });

/** Corners of an image turned by a quarter: each takes the place of the one before it. */
export const turned = (corners) => [corners[3], corners[0], corners[1], corners[2]];

/** Corners of an image of this shape in the middle of what a map shows. */
export function cornersInView(map, width, height) {
  const size = map.getSize();
  const scale = (0.5 * Math.min(size.x / width, size.y / height)) / 2;
  const [x, y] = [size.x / 2, size.y / 2];
  return [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ].map(([across, down]) => {
    const place = map.containerPointToLatLng([x + across * width * scale, y + down * height * scale]);
    return [place.lng, place.lat];
  });
}

/**
 * @param {L.Map} map
 * @param {(corners) => void} onMove hears every move
 */
export function createCorners(map, onMove) {
  let corners = null;
  let markers = [];

  const latlng = ([lon, lat]) => L.latLng(lat, lon);
  const middle = () =>
    map.layerPointToLatLng(
      corners
        .map((one) => map.latLngToLayerPoint(latlng(one)))
        .reduce((sum, point) => sum.add(point))
        .divideBy(4),
    );

  function place() {
    corners.forEach((one, index) => markers[index].setLatLng(latlng(one)));
    markers[4].setLatLng(middle());
  }

  function moveTo(index, target) {
    if (index < 4) corners = corners.map((one, k) => (k === index ? [target.lng, target.lat] : one));
    else {
      const by = map.latLngToLayerPoint(target).subtract(map.latLngToLayerPoint(middle()));
      corners = corners.map((one) => {
        const moved = map.layerPointToLatLng(map.latLngToLayerPoint(latlng(one)).add(by));
        return [moved.lng, moved.lat];
      });
    }
    place();
    onMove(corners);
  }

  function handle(index) {
    const whole = index === 4;
    const name = whole ? "The whole image" : `Corner ${index + 1}, ${NAMES[index]} of the image`;
    const marker = L.marker(whole ? middle() : latlng(corners[index]), {
      icon: icon(whole),
      draggable: true,
      autoPan: true,
      keyboard: true,
      alt: name,
      title: `${name}: drag, or the arrow keys`,
      zIndexOffset: 1000,
    }).addTo(map);
    const node = marker.getElement();
    node.textContent = whole ? "✥" : String(index + 1);
    node.setAttribute("aria-label", name);
    marker.on("drag", () => moveTo(index, marker.getLatLng()));
    node.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!move) return;
      event.preventDefault();
      event.stopPropagation();
      const step = event.shiftKey ? 10 : 1;
      const from = map.latLngToLayerPoint(marker.getLatLng());
      moveTo(index, map.layerPointToLatLng(from.add([move[0] * step, move[1] * step])));
    });
    return marker;
  }

  return {
    show(next) {
      this.clear();
      corners = next.map((one) => [...one]);
      markers = [0, 1, 2, 3, 4].map(handle);
    },
    clear() {
      markers.forEach((marker) => marker.remove());
      markers = [];
    },
    get shown() {
      return markers.length > 0;
    },
  };
}
