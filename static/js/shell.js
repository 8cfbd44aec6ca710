/** What every page does: theme, keys, ways between the pages. */
import { byId, pageData } from "mapwright/lib/dom.js";
import { bindFind } from "mapwright/lib/find.js";
import { bindKey, listenToKeys, showKeys } from "mapwright/lib/keys.js";
import { fillOutlooks } from "mapwright/lib/outlook.js";
import { toggleTheme } from "mapwright/lib/theme.js";
import { sendLeftovers } from "mapwright/review/leftovers.js";

byId("toggle-theme").addEventListener("click", toggleTheme);
byId("show-keys").addEventListener("click", showKeys);
listenToKeys();
if (pageData("person").id) {
  fillOutlooks();
  bindFind();
  sendLeftovers(pageData("person").id);
}

const tabs = [...document.querySelectorAll(".tabs a")];
tabs.forEach((tab, index) => {
  bindKey(String(index + 1), `Go to ${tab.textContent}`, () => tab.click(), {
    group: "Everywhere",
    shown: `G 1 … ${tabs.length}`,
    hidden: true,
    when: () => goMode,
  });
});

let goMode = false;
if (tabs.length) {
  bindKey(
    "g",
    "Go to a page of the region, by its number",
    () => {
      goMode = true;
      setTimeout(() => {
        goMode = false;
      }, 1500);
    },
    { group: "Everywhere", shown: `G 1 … ${tabs.length}` },
  );
}
if (pageData("person").id)
  bindKey("Escape", "Leave a field", () => document.activeElement?.blur(), { group: "Everywhere", shown: "Esc" });
