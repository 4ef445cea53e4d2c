// The browser's part of a passkey: fetches the challenge, lets the device answer, and
// sends the answer as a form. Nothing is stored here.
(() => {
  "use strict";
  const bytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0)).buffer;
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const create = async (options) => {
    const made = await navigator.credentials.create({ publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: described(options.excludeCredentials),
    } });
    return { id: made.id, rawId: text(made.rawId), type: made.type, response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
    } };
  };

  const get = async (options) => {
    const found = await navigator.credentials.get({ publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: described(options.allowCredentials),
    } });
    const { response } = found;
    return { id: found.id, rawId: text(found.rawId), type: found.type, response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: response.userHandle ? text(response.userHandle) : null,
    } };
  };

  const say = (form, what) => {
    for (const one of form.querySelectorAll("[data-said]")) one.hidden = one.dataset.said !== what;
  };
  const busy = (form, is) => {
    const button = form.querySelector("button[type=submit]");
    if (is) button.setAttribute("aria-busy", "true"); else button.removeAttribute("aria-busy");
    form.classList.toggle("is-waiting", is);
  };

  const ask = async (form) => {
    const body = new URLSearchParams({ csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value });
    const answer = await fetch(form.dataset.challenge, { method: "POST", body });
    if (answer.status === 403 && form.dataset.passkey === "create") {
      // Too long ago: the server asks first who it is.
      const way = form.elements.next ? `?next=${encodeURIComponent(form.elements.next.value)}` : "";
      location.assign(form.action + way);
      return new Promise(() => {});
    }
    return answer.ok ? (await answer.json()).publicKey : null;
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-passkey]")) return;
    event.preventDefault();
    if (form.classList.contains("is-waiting")) return;
    say(form, "");
    if (!window.PublicKeyCredential) { say(form, "unable"); return; }
    busy(form, true);
    try {
      const options = await ask(form);
      if (!options) { say(form, "away"); busy(form, false); return; }
      const answer = await (form.dataset.passkey === "create" ? create : get)(options);
      form.elements.credential.value = JSON.stringify(answer);
      form.submit();
    } catch (error) {
      if (error.name === "InvalidStateError") say(form, "known");
      else if (error.name === "TypeError") say(form, "away");
      else say(form, "stopped");
      busy(form, false);
    }
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form.is-waiting")) busy(form, false);
  });
})();
