// What pages do beyond their markup. Everything works without this file; nothing here
// stores or reads anything about health.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { /* shut */ } };
  document.documentElement.classList.add("js");

  const announce = (text) => {
    const region = $("#announcer");
    if (!region || !text) return;
    region.textContent = "";
    setTimeout(() => { region.textContent = text; }, 50);
  };

  // What a form said that was answered without a page (HX-Trigger: announce).
  document.addEventListener("announce", (event) => {
    const told = event.detail.value || [];
    const box = $("#messages");
    announce(told.join(" "));
    if (!box) return;
    box.replaceChildren(...told.map((text) => {
      const notice = document.createElement("p");
      notice.className = "notice notice--fine";
      notice.textContent = text;
      return notice;
    }));
  });

  // --- What was typed in an open form of the panel or file is not lost unasked --------
  const typed = (form) => $$("input:not([type=hidden]), textarea, select", form).some((one) => {
    if (one.matches("[type=checkbox], [type=radio]")) return one.checked !== one.defaultChecked;
    if (one.matches("select")) {
      const before = [...one.options].find((option) => option.defaultSelected) || one.options[0];
      return Boolean(before) && one.value !== before.value;
    }
    return one.value !== one.defaultValue;
  });
  // Before htmx and the browser: in the phase that goes down.
  document.addEventListener("click", (event) => {
    const way = event.target.closest("[data-leaves]");
    if (!way) return;
    const forms = way.closest("form") ? [way.closest("form")] : $$(".panel form");
    if (!forms.some(typed) || confirm($("#announcer").dataset.askTyped)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // --- Clicks ------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest(selector);
    let found;
    if ((found = hit("[data-show-password]"))) {
      const box = document.getElementById(found.getAttribute("aria-controls"));
      const shown = box.type === "text";
      box.type = shown ? "password" : "text";
      found.setAttribute("aria-pressed", String(!shown));
    } else if ((found = hit("[data-stepper] [data-by]"))) {
      step(found.closest("[data-stepper]"), Number(found.dataset.by));
    } else if (hit("[data-theme-switch]")) {
      const root = document.documentElement;
      const dark = root.dataset.theme === "dark" ||
        (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
      root.dataset.theme = dark ? "light" : "dark";
      remember("theme", root.dataset.theme);
    } else if (hit("[data-keys-help]")) {
      showKeys();
    } else if ((found = hit("[data-close-dialog]"))) {
      found.closest("dialog").close();
    } else if (hit("[data-emergency-close]")) {
      $("[data-emergency-box]").hidden = true;
    } else {
      for (const open of $$("details.more[open]")) {
        if (!open.contains(event.target)) open.open = false;
      }
    }
  });

  // --- Temperature: − and +, comma or point ------------------------------------------
  const step = (stepper, by) => {
    const box = $("input", stepper);
    const size = Number(stepper.dataset.step);
    const comma = box.value.includes(",") || (!box.value && document.documentElement.lang.startsWith("de"));
    const now = Number(box.value.replace(",", "."));
    const next = box.value && !Number.isNaN(now) ? now + by * size : Number(stepper.dataset.start);
    const text = next.toFixed(1);
    box.value = comma ? text.replace(".", ",") : text;
    box.dispatchEvent(new Event("change", { bubbles: true }));
    announce(`${box.value} °C`);
  };

  // --- Emergency signs: a switch, or a number from a limit on; needs no network --------
  const isEmergency = (control) => {
    if (control.matches(".toggle__switch")) return control.checked;
    const typed = control.value.replace(/[°C%\s]/g, "").replace(",", ".");
    const { emergencyMax: most, emergencyMin: least } = control.dataset;
    if (!typed || Number.isNaN(Number(typed))) return false;
    return (most && Number(typed) <= Number(most)) || (least && Number(typed) >= Number(least));
  };

  // --- Switches: emergency signs, no thermometer -------------------------------------
  document.addEventListener("change", (event) => {
    const target = event.target;
    if (target.matches("[data-keys-switch]")) {
      remember("keys", target.checked ? "on" : "off");
      applyKeys();
      return;
    }
    const signs = "[data-emergency] .toggle__switch, [data-emergency-max], [data-emergency-min]";
    const box112 = $("[data-emergency-box]");
    if (box112 && target.matches(signs)) box112.hidden = !$$(signs).some(isEmergency);
    if (target.matches("[data-empties]") && target.checked) {
      const box = $(target.dataset.empties);
      if (box) box.value = "";
    }
    // Who types a temperature has a thermometer.
    const empties = target.id && target.value && $(`[data-empties="#${target.id}"]`);
    if (empties) empties.checked = false;
  });

  // --- Something else: filter a list as one types ------------------------------------
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  document.addEventListener("input", (event) => {
    const filter = event.target.dataset.filter;
    if (!filter) return;
    const words = fold(event.target.value).split(/\s+/).filter(Boolean);
    let left = 0;
    for (const one of $$(`${filter} > *`)) {
      const text = fold(one.textContent);
      const keep = $("input:checked", one) || words.every((word) => text.includes(word));
      one.hidden = !keep;
      left += keep ? 1 : 0;
    }
    announce(String(left));
  });

  // --- A form is sent once -----------------------------------------------------------
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    const buttons = $$("button[type=submit]", form);
    if (form.id) buttons.push(...$$(`button[form="${form.id}"]`));
    for (const button of buttons) button.setAttribute("aria-busy", "true");
  });
  const release = () => {
    for (const form of $$("form[data-sent]")) delete form.dataset.sent;
    for (const button of $$("[aria-busy=true]")) button.removeAttribute("aria-busy");
  };
  addEventListener("pageshow", release);
  document.addEventListener("htmx:afterRequest", release);
  // One stands at the first question of a form that was opened.
  const begin = (root) => {
    const form = $("form[autofocus]", root);
    const first = form && $("input:not([type=hidden]), select, textarea", form);
    if (first) first.focus();
  };
  document.addEventListener("htmx:afterSwap", (event) => {
    // After an outer swap htmx names what stood there before: look it up by its id.
    const before = event.detail.target || document;
    const now = (before.id && document.getElementById(before.id)) || before;
    const said = $("[data-announce]", now);
    const wrong = $("[aria-invalid=true]", now);
    if (said) announce(said.dataset.announce);
    else if (wrong) {
      // What was refused is told, and one stands where it is mended.
      announce($$(".errorlist li, [role=alert]", now).map((one) => one.textContent.trim()).join(" "));
      wrong.focus();
    }
    keepRow();
    applyKeys();
  });

  // htmx gives the form itself the focus when it has settled: this comes after.
  document.addEventListener("htmx:load", (event) => {
    if (!$("[aria-invalid=true]", event.target)) begin(event.target);
  });

  // --- Keys: only on pages with data-keys, never in fields, can be switched off ------
  const applyKeys = () => {
    document.body.classList.toggle("no-keys", remembered("keys") === "off");
    for (const box of $$("[data-keys-switch]")) box.checked = remembered("keys") !== "off";
    // A key is named only where it does something.
    for (const one of $$("[data-needs]")) one.hidden = !$(`[data-key="${one.dataset.needs}"]`);
  };
  const showKeys = () => {
    const dialog = $("#keys-dialog");
    if (dialog && !dialog.open) dialog.showModal();
  };
  let waitingForGo = 0;
  let lastRow = null;
  let following = 0;
  const rows = () => $$("tr.row");
  // A panel that was closed leads back to its row, as the address says.
  const current = () => document.activeElement.closest("tr.row") ||
    $("tr.row.is-selected") || $("tr.row:has(:target)");
  const keepRow = () => {
    if (!lastRow || document.activeElement !== document.body) return;
    const link = $(`a.row__link[href="${CSS.escape(lastRow)}"]`);
    if (link) link.focus();
  };
  const move = (by) => {
    const all = rows();
    const at = all.indexOf(current());
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    const link = next && $("a.row__link", next);
    if (!link) return;
    link.focus();
    lastRow = link.getAttribute("href");
    next.scrollIntoView({ block: "nearest" });
    // Where rows open a panel, it follows whoever stays on a row.
    clearTimeout(following);
    if (link.id && link.hasAttribute("hx-get")) {
      following = setTimeout(() => document.getElementById(link.id)?.click(), 400);
    }
  };
  const press = (key) => {
    const hits = $$(`[data-key="${CSS.escape(key)}"]`).filter((one) => one.offsetParent !== null || one.closest(".panel"));
    // An open form comes first: Escape closes it, not what it stands in.
    const target = hits.find((one) => one.closest("form")) || hits[0];
    if (!target) return false;
    if (target.matches("input")) target.focus(); else target.click();
    return true;
  };
  document.addEventListener("keydown", (event) => {
    if (!$("[data-keys]") || remembered("keys") === "off") return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if ($("dialog[open]")) return;
    const inField = event.target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    const key = event.key.toLowerCase();
    if (inField) {
      if (key === "escape") event.target.blur();
      return;
    }
    let done = true;
    if (Date.now() - waitingForGo < 1500) {
      waitingForGo = 0;
      const link = $(`[data-go="${CSS.escape(key)}"]`);
      if (link) link.click(); else done = false;
    } else if (key === "j" || key === "k") {
      // Through the rows of a list, or from file to file.
      if (rows().length) move(key === "j" ? 1 : -1); else done = press(key);
    }
    else if (key === "g") waitingForGo = Date.now();
    else if (key === "?") showKeys();
    else if (key === "x") {
      const box = current() && $("input.row-check", current());
      if (box) { box.checked = !box.checked; box.dispatchEvent(new Event("change", { bubbles: true })); }
    } else if (key === "enter") {
      const link = event.target.matches("a.row__link[data-file]") ? event.target : null;
      if (link) location.assign(link.dataset.file);
      else done = event.target === document.body && press(key);
    } else if ("cesanrp/123456".includes(key) || key === "escape") done = press(key);
    else done = false;
    if (done) event.preventDefault();
  });

  // --- The ways of a phone lie in one line that moves sideways --------------------------
  // Browsers do not move it for what is half in sight already.
  const inSight = (one) => one?.scrollIntoView({ block: "nearest", inline: "nearest" });
  document.addEventListener("focusin", (event) => {
    inSight(event.target.closest?.(".side nav .menu__link"));
  });
  inSight(document.querySelector(".side nav .menu__link[aria-current]"));

  // --- On paper nothing stays folded --------------------------------------------------
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = $$("details.fold:not([open])");
    folded.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));

  // --- After 'Is it you?': what was typed goes on by itself, once ---------------------
  const waiting = $("form[data-at-once]");
  if (waiting) waiting.requestSubmit();

  begin(document);
  $("a.row__link:target")?.focus();
  applyKeys();
})();
