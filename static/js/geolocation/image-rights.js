/** Under which rights an image is confirmed: filled in before anybody types, kept for the next image. */
import { load, save } from "mapwright/lib/storage.js";

const RIGHTS = "mapwright.image.rights";

/** What was told with the upload, else what was said the last time; what is typed already stays. */
export function fillRights(form, image) {
  const last = load(RIGHTS, {});
  for (const name of ["licence", "attribution"]) form.elements[name].value ||= image[name] || last[name] || "";
  form.elements.captured_on.value ||= image.captured_at?.slice(0, 10) ?? "";
}

/** @param {{licence: string, attribution: string}} rights */
export const keepRights = (rights) => save(RIGHTS, rights);
