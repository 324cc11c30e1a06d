// @ts-check
/**
 * Sends the forms of the admin's pages and puts what is answered in the place of the page. Counterpart: admin/pages.py.
 * One rule: it asks this server alone, and shows only what the server has made.
 */

import { csrf, renew } from "./session.js";

const NO_ANSWER = "No answer from the server. Look whether it was done before you try again.";

/**
 * Send a form; where the access token has run out, once more with a new one.
 * @param {HTMLFormElement} form
 */
async function send(form) {
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form)) body.append(name, String(value));
  /** @type {Record<string, string>} */
  const headers = csrf();
  const tenant = document.body.getAttribute("data-tenant");
  if (tenant !== null) headers["X-Tenant"] = tenant;
  const ask = () => fetch(form.action, { method: "POST", body, headers });
  const first = await ask();
  if (first.headers.get("X-Session") !== "over" || !(await renew())) return first;
  return ask();
}

/**
 * Put an answer in the place of the page; passwords stay typed where the form was refused.
 * @param {Response} response
 * @param {string} action
 */
async function show(response, action) {
  const there = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!response.ok) {
    for (const typed of document.querySelectorAll("input[type=password]")) {
      const old = /** @type {HTMLInputElement} */ (typed);
      if (old.form?.getAttribute("action") !== action) continue;
      const next = there.querySelector(`form[action="${CSS.escape(action)}"] input[name="${CSS.escape(old.name)}"]`);
      if (next instanceof HTMLInputElement) next.value = old.value;
    }
  }
  document.title = there.title;
  document.body.className = there.body.className;
  for (const name of ["data-renews", "data-tenant"]) {
    const value = there.body.getAttribute(name);
    if (value === null) document.body.removeAttribute(name);
    else document.body.setAttribute(name, value);
  }
  document.body.replaceChildren(...there.body.childNodes);
  const address = response.headers.get("Content-Location");
  if (address && address !== location.pathname) history.replaceState(null, "", address);
  begin();
  const wanted = ["[aria-invalid]", "[data-first]", "[role=alert]", "[role=status]", "[autofocus]"];
  const found = wanted.map((selector) => document.querySelector(selector)).find((one) => one !== null);
  if (found instanceof HTMLElement) {
    found.focus();
    found.scrollIntoView({ block: "nearest" });
  } else scrollTo(0, 0);
}

/** @param {HTMLFormElement} form */
async function submit(form) {
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  try {
    const response = await send(form);
    const to = response.headers.get("Location");
    if (to) location.assign(to);
    else await show(response, form.getAttribute("action") ?? "");
  } catch {
    const said = document.createElement("p");
    said.className = "problem";
    said.setAttribute("role", "alert");
    said.textContent = NO_ANSWER;
    form.querySelector(":scope > .problem")?.remove();
    form.prepend(said);
  } finally {
    form.ariaBusy = null;
  }
}

/** @param {Element} button */
async function copy(button) {
  const source = document.getElementById(button.getAttribute("data-copies") ?? "");
  if (!source) return;
  try {
    await navigator.clipboard.writeText(source.textContent ?? "");
    button.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(source);
    button.textContent = "Selected: copy it";
  }
}

/** What a page does by itself: take new tokens, look at a link. */
function begin() {
  document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  const target = document.body.getAttribute("data-renews");
  if (target !== null) {
    const login = `/admin/login?next=${target}`;
    renew().then(
      (done) => location.replace(done ? location.href : login),
      () => location.replace(login),
    );
  }
  const form = document.querySelector("form[data-at-once]");
  const token = location.hash.slice(1);
  if (form instanceof HTMLFormElement && token) {
    const field = form.elements.namedItem("token");
    if (field instanceof HTMLInputElement) field.value = token;
    history.replaceState(null, "", location.pathname);
    submit(form);
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
  event.preventDefault();
  submit(form);
});

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const button = target?.closest("[data-copies]");
  if (button) copy(button);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!target || !menu.contains(target)) menu.removeAttribute("open");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.activeElement?.closest("details[open]");
  if (!open) return;
  open.removeAttribute("open");
  open.querySelector("summary")?.focus();
});

document.addEventListener("change", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || box.name !== "sites" || !box.checked) return;
  const some = box.form?.querySelector("input[name=reach][value=some]");
  if (some instanceof HTMLInputElement) some.checked = true;
});

addEventListener("hashchange", () => {
  if (location.hash.startsWith("#hgl_")) location.reload();
});

begin();
