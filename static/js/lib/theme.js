/** Light and dark: the system's wish, or the person's choice kept in this browser. */
const KEY = "mapwright.theme";

export const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

/** Change to the other theme; choosing what the system wishes anyway goes back to following it. */
export function toggleTheme() {
  const theme = isDark() ? "light" : "dark";
  const follows = matchMedia("(prefers-color-scheme: dark)").matches === (theme === "dark");
  if (follows) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (follows) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    /* storage is off: the choice holds for this page */
  }
  document.dispatchEvent(new CustomEvent("mapwright:theme"));
}
