// Runs before anything is painted, so that neither theme nor language flashes. Keep it tiny.
(function () {
  var root = document.documentElement;
  function kept(name) {
    try {
      return localStorage.getItem("vedette." + name);
    } catch {
      return null; // storage is forbidden: the system's choice holds
    }
  }
  var theme = kept("theme");
  var dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "dark" : "light";
  var lang = kept("lang") || navigator.language || "en";
  root.lang = /^zh/i.test(lang) ? "zh" : "en";
})();
