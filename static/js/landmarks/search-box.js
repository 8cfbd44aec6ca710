/** The one box: words in it, or what stands in their place: a photo or a tile, with a way to take it out. */
import { byId, el, fill } from "mapwright/lib/dom.js";
import { refusal, takeDrops } from "mapwright/lib/dropped.js";

/**
 * @param {{onPhoto: (file: File) => void, onRefused: (text: string) => void, onEmptied: () => void}} acts
 */
export function createSearchBox({ onPhoto, onRefused, onEmptied }) {
  const input = byId("q");
  const given = byId("given");
  const chooser = byId("photo");
  let picture = "";
  let shown = null;

  function take(file) {
    const why = refusal(file);
    if (why) onRefused(why);
    else onPhoto(file);
  }

  function forget() {
    if (picture) URL.revokeObjectURL(picture);
    picture = "";
  }

  function put(source, text, name) {
    const image = source && el("img", { src: source, alt: "", width: "28", height: "28" });
    if (image) image.addEventListener("error", () => image.remove());
    fill(
      given,
      image,
      el("span", { class: "given-text", text }),
      el("button", {
        type: "button",
        class: "icon-button",
        "aria-label": `Take ${name} out of the search`,
        text: "×",
        on: {
          click: () => {
            onEmptied();
            input.focus();
          },
        },
      }),
    );
    given.hidden = false;
    input.placeholder = "or words instead";
  }

  byId("choose-photo").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    const [file] = chooser.files;
    chooser.value = "";
    if (file) take(file);
  });
  takeDrops(document.querySelector("[data-drop]"), take);
  input.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    take(file);
  });
  const words = input.placeholder;

  return {
    input,
    /** Show what is searched by; where that is what it was, the words that are being typed stay. */
    show({ kind, text, tile, photo }) {
      const now = [kind, text, tile?.id, photo];
      if (shown && now.every((one, at) => one === shown[at])) return;
      shown = now;
      input.value = kind === "words" ? text : "";
      input.placeholder = words;
      forget();
      given.hidden = true;
      if (kind === "photo") {
        picture = URL.createObjectURL(photo);
        put(picture, photo.name, "the photo");
      }
      if (kind === "tile")
        put(tile.image ?? null, tile.address ? `Like tile ${tile.address}` : "Like this tile", "the tile");
    },
  };
}
