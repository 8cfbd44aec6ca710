/* Nothing of a page can be pressed before its modules listen: a press would be lost. Runs as a plain script, at the end of the body. */
(() => {
  // A page without a module of its own works without any.
  if (document.querySelectorAll("script[type=module]").length < 2) return;
  const main = document.getElementById("main");
  main.inert = true;
  // All modules have run by then, or could not be loaded.
  document.addEventListener("DOMContentLoaded", () => {
    main.inert = false;
    main.querySelector("[autofocus]")?.focus();
  });
})();
