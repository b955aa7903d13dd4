// Before the first frame, so that nobody is dazzled by the wrong one. Blocking and tiny on purpose.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem("parlor.theme");
  } catch {
    // Storage is shut off: the device's choice it is.
  }
  var dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = choice || (dark ? "dark" : "light");
})();
