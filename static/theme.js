// Runs before the first paint: the theme that was chosen on this device.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch { /* storage is shut: the system's theme holds */ }
})();
