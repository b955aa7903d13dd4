// Before the first frame. Dark, unless the device asks for light: a wall must not dazzle at night.
(function () {
  var light = matchMedia("(prefers-color-scheme: light)");
  function show() {
    document.documentElement.dataset.theme = light.matches ? "light" : "dark";
  }
  // Old WebViews know only addListener.
  if (light.addEventListener) light.addEventListener("change", show);
  else light.addListener(show);
  show();
})();
