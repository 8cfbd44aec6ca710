/** Maps whose views move together. */

/** @returns {(work: Function) => void} does `work` with the maps unlinked, as while their sizes change one by one */
export function linkViews(first, second) {
  let following = false;
  const follow = (from, to) =>
    from.on("move zoom", () => {
      if (following) return;
      following = true;
      to.setView(from.getCenter(), from.getZoom(), { animate: false });
      following = false;
    });
  follow(first, second);
  follow(second, first);
  return (work) => {
    following = true;
    work();
    following = false;
  };
}
