/** A tag that a person set, as it is read: with its value, or that it goes. */
import { el } from "mapwright/lib/dom.js";

/** @param {[string, string]} tag an empty value takes off what the map has */
export const tagWords = ([key, value]) =>
  value ? el("code", { text: `${key}=${value}` }) : el("span", {}, el("code", { text: key }), " taken off");
