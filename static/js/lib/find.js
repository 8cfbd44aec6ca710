/** The way to the search from every page: the box of the bar, the key `/`, a photo dropped on the box. */
import { refusal, takeDrops } from "mapwright/lib/dropped.js";
import { handOver } from "mapwright/lib/handed-over.js";
import { bindKey } from "mapwright/lib/keys.js";
import { notify } from "mapwright/lib/notices.js";

export function bindFind() {
  const box = document.getElementById("q") ?? document.getElementById("find");
  if (!box) return;
  bindKey(
    "/",
    "Find a place",
    () => {
      box.focus();
      box.select();
    },
    { group: "Everywhere" },
  );
  const form = document.getElementById("find-form");
  if (form) takeDrops(form, (file) => takePhoto(form, file));
}

/** The page of the search takes the photo over. */
async function takePhoto(form, file) {
  const why = refusal(file);
  if (why) {
    notify(why, { kind: "warn" });
    return;
  }
  try {
    await handOver(file);
  } catch {
    notify("This browser keeps no files for other pages: drop the photo on the page of the search.", { kind: "warn" });
    return;
  }
  const query = new URLSearchParams(new FormData(form));
  query.delete("q");
  query.set("photo", "");
  location.assign(`${form.action}?${query}`);
}
