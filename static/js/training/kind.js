/** Which kind of model the page is about, where the API has it, and what is said of it. */
import { pageData } from "mapwright/lib/dom.js";

export const { region, kind } = pageData();
const LIST = {
  region: `/api/regions/${region?.id}/training-data/`,
  locator: "/api/training-data/locators/",
  landmarks: "/api/training-data/landmarks/",
};
/** What the next training would learn from. */
export const dataPath = LIST[kind.name] ?? "/api/training-data/";
export const base = kind.per_region ? `/api/regions/${region.id}` : "/api";
export const ofKind = `?kind=${encodeURIComponent(kind.name)}`;

/** What a click on "use" leads to. */
export const NEXT_STEP =
  {
    region: "Scan again to see what it suggests.",
    locator: "All bases are described anew by it; what answered before does so until that is done.",
    landmarks: "All tiles are read anew by it; what answered before does so until that is done.",
  }[kind.name] ?? "The next matching of a region is done by it.";

/** The other one of a comparison: a model, or what is used while no model is. */
export const nameOfOther = (against) => (against === null ? kind.built_in : `model ${against}`);

/** Whether a job can be followed by this person: those for all regions are the administrators'. */
export const mayFollow = () => kind.per_region || pageData("person").admin;
