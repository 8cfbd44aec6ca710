/** What a page needs before it can be used: where it can't be had, the page says so with a way to load it again. */
import { el } from "mapwright/lib/dom.js";
import { oneAtATime } from "mapwright/lib/once.js";

const wordsOf = (error) =>
  error.signedOut && error.code !== "other_person"
    ? "You are signed out. Sign in again in another tab, then load this again."
    : error.message || "This could not be loaded.";

const CONTROLS = ["input", "select", "textarea", "button"].map((one) => `${one}:not([disabled])`).join();

/** The keyboard goes on with the first thing that can be used there, else with the heading. */
function goOnIn(place) {
  const control = [...place.querySelectorAll(CONTROLS)].find((one) => one.checkVisibility());
  const next = control ?? place.querySelector("h1, h2, h3") ?? place;
  if (!control) next.tabIndex = -1;
  next.focus({ preventScroll: true });
}

/**
 * Load until it comes: again by a button, and by itself once the connection is back.
 * @param {() => Promise} load
 * @param {HTMLElement} at where it is said, at its beginning, that it did not come
 * @returns {Promise} what was loaded; it is never refused
 */
export function firstLoad(load, at) {
  return new Promise((resolve) => {
    let note = null;
    const attempt = oneAtATime(async () => {
      try {
        const found = await load();
        window.removeEventListener("online", attempt);
        const stood = note?.contains(document.activeElement);
        note?.remove();
        if (stood) goOnIn(at);
        resolve(found);
      } catch (error) {
        if (!error.code && error.name !== "ConnectionError") console.error(error);
        say(wordsOf(error));
      }
    });
    function say(words) {
      const stood = note?.contains(document.activeElement);
      const again = el("button", {
        type: "button",
        class: "button button-small",
        text: "Load again",
        on: { click: attempt },
      });
      const fresh = el(
        "div",
        { class: "note note-warn load-again", role: "alert" },
        el("span", { text: words }),
        again,
      );
      if (note) note.replaceWith(fresh);
      else at.prepend(fresh);
      note = fresh;
      if (stood) again.focus({ preventScroll: true });
    }
    window.addEventListener("online", attempt);
    attempt();
  });
}
