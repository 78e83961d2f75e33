/* Drafts of forms, kept on this computer under a key that the server gives their writer alone:
   docs/decisions/0015-drafts.md. A draft is named after its form's token; whose it is, of which form and what it says
   nobody can tell without the key. */
"use strict";

const DRAFT = "draft:";
const KEPT = 7 * 24 * 60 * 60 * 1000; // milliseconds
const PAUSE = 500; // milliseconds between two writings
const LETTING_GO = 1000; // milliseconds
const HEARING = 5000; // milliseconds that the server has for a sign of life

const draftNames = () => Object.keys(localStorage).filter((name) => name.startsWith(DRAFT));

function stored(name) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? {};
  } catch {
    return {};
  }
}

/* What the server has saved needs no draft any more, and nobody's draft is kept for ever. */
function tidyDrafts() {
  const saved = all("[data-saved]").map((note) => DRAFT + note.dataset.saved);
  const isPast = (name) => saved.includes(name) || !(Date.now() - stored(name).at < KEPT);
  for (const name of draftNames().filter(isPast)) localStorage.removeItem(name);
}

/* ---- what is typed in a form ---- */

// The form's own token is the draft's name; other secrets, and where to go afterwards, belong to the page as it is now.
const NOT_DRAFTED = "button, [type=hidden]:not([name=version]), [type=password], [type=file]";
const boxesOf = (form) => [...form.elements].filter((box) => box.name && !box.matches(NOT_DRAFTED));
const isTick = (box) => box.type === "checkbox" || box.type === "radio";

/* Values, those of lists with their text: a row that was looked up is not among the options of a page opened anew. */
function chosen(box) {
  if (box.options) return [...box.selectedOptions].map((option) => [option.value, option.text]);
  return isTick(box) && !box.checked ? [] : [[box.value]];
}

function contents(form) {
  const values = {};
  for (const box of boxesOf(form)) values[box.name] = [...(values[box.name] ?? []), ...chosen(box)];
  return values;
}

/* The version makes no difference: nobody typed it. */
function sayTheSame(one, other) {
  const said = (values) => Object.entries(values).map(([name, lines]) => [name, lines.map(([value]) => value)]);
  const typed = (values) => JSON.stringify(said(values).filter(([name]) => name !== "version"));
  return typed(one) === typed(other);
}

function fillIn(form, values) {
  for (const box of boxesOf(form).filter((each) => each.name in values)) {
    const wanted = values[box.name];
    if (box.options) select(box, wanted);
    else if (isTick(box)) box.checked = wanted.some(([value]) => value === box.value);
    else box.value = wanted[0][0];
  }
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

function select(box, wanted) {
  const known = [...box.options].map((option) => option.value);
  box.append(...wanted.filter(([value]) => !known.includes(value)).map(([value, text]) => new Option(text, value)));
  for (const option of box.options) option.selected = wanted.some(([value]) => value === option.value);
  box.tomselect?.sync();
}

/* ---- locking and unlocking: AES-GCM, bound to the form's address ---- */

const toHex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));

/* Without where to go afterwards, but with whom it is about: one person's draft is not offered for another. */
function formAddress() {
  const query = new URLSearchParams(location.search);
  query.delete("url");
  query.sort();
  return new TextEncoder().encode(`${location.pathname}?${query}`);
}

async function lock(key, values) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = new TextEncoder().encode(JSON.stringify(values));
  const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: formAddress() }, await key, plain);
  return JSON.stringify({ at: Date.now(), iv: toHex(iv), data: toHex(data) });
}

/* No values, where the draft is another user's or another form's. */
async function unlock(key, name) {
  try {
    const { at, iv, data } = stored(name);
    const how = { name: "AES-GCM", iv: fromHex(iv), additionalData: formAddress() };
    const plain = await crypto.subtle.decrypt(how, await key, fromHex(data));
    return { name, at, values: JSON.parse(new TextDecoder().decode(plain)) };
  } catch {
    return { name };
  }
}

/* ---- one form and its drafts ---- */

function keepDrafts(form, place) {
  const token = form.elements.form_token;
  const key = crypto.subtle.importKey("raw", fromHex(place.dataset.draftKey), "AES-GCM", false, ["encrypt", "decrypt"]);
  let timer, isAbandoned, isChecking, isHeard;

  const ownName = () => DRAFT + token.value;
  // Held as long as the page stands, so that another tab does not offer what is still being typed here.
  const hold = () => navigator.locks.request(ownName(), () => new Promise(() => {}));

  async function write() {
    clearTimeout(timer);
    timer = undefined;
    try {
      const locked = await lock(key, contents(form));
      if (!isAbandoned) localStorage.setItem(ownName(), locked);
    } catch {
      // The browser has no room left: this form goes without a draft, but it goes.
    }
  }

  const writeSoon = () => (timer ??= setTimeout(write, PAUSE));
  const writeNow = () => timer && write();

  function abandon() {
    isAbandoned = true;
    localStorage.removeItem(ownName());
  }

  // A page that is just being left takes a moment to let go.
  const isIdle = (name) =>
    navigator.locks.request(name, { signal: AbortSignal.timeout(LETTING_GO) }, () => true).catch(() => false);

  /* This user's drafts of this form, newest first, without those that another open page is still writing. */
  async function find() {
    const others = draftNames().filter((name) => name !== ownName());
    const read = await Promise.all(others.map((name) => unlock(key, name)));
    const mine = read.filter((draft) => draft.values).sort((one, other) => other.at - one.at);
    const idle = await Promise.all(mine.map((draft) => isIdle(draft.name)));
    return mine.filter((draft, index) => idle[index]);
  }

  function offer(drafts) {
    const [draft, ...others] = drafts.filter(({ values }) => !sayTheSame(values, contents(form)));
    if (!draft) return false;
    const when = new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "short" }).format(draft.at);
    tell(
      "info",
      (whose(draft) ? texts.draftFoundOf : texts.draftFound)
        .replace("%(when)s", when.replace(",", ""))
        .replace("%(whose)s", () => whose(draft)),
      answer(texts.restore, "btn-primary", () => restore(draft)),
      answer(texts.discard, "btn-outline-secondary", () => discard(draft, others)),
    );
    return true;
  }

  /* By the fields that name the record; a looked-up person stands there with number and year, of which the name is enough. */
  function whose({ values }) {
    const names = place.dataset.draftNames.split(" ").map((name) => values[name]?.[0] ?? []);
    return names.map(([value = "", text = value]) => text.split(" · ")[0]).join(" ").trim();
  }

  const answer = (textContent, look, onclick) =>
    make("button", { type: "button", className: `btn btn-sm ${look}`, textContent, onclick });

  const tell = (kind, textContent, ...buttons) =>
    place.replaceChildren(
      make("div", { className: `message message-${kind}` }, make("span", { textContent }), ...buttons),
    );

  /* It is that very form again, token and all: should it have been saved after all, no second record comes of it. */
  function restore(draft) {
    token.value = draft.name.slice(DRAFT.length);
    hold();
    fillIn(form, draft.values);
    tell("info", texts.restored);
    place.focus();
  }

  function discard(draft, others) {
    localStorage.removeItem(draft.name);
    if (!offer(others)) tell("info", texts.discarded);
    place.focus();
  }

  /* A form that nobody would hear is not sent: the browser's page of errors would take the place of what was typed. */
  async function sendIfHeard(event) {
    if (event.target !== form || isHeard) return;
    event.preventDefault();
    if (isChecking) return;
    isChecking = true;
    event.submitter?.setAttribute("aria-busy", "true");
    document.getElementById("not-heard")?.remove();
    await write();
    isHeard = await isServerThere();
    if (isHeard) form.requestSubmit(event.submitter);
    else tellNotHeard(event.submitter);
    isHeard = isChecking = false;
  }

  /* Any answer but a broken server's will do: the form's own answer tells the rest. */
  const isServerThere = () =>
    fetch(place.dataset.alive, { cache: "no-store", signal: AbortSignal.timeout(HEARING) }).then(
      (response) => response.status < 500,
      () => false,
    );

  /* Beside the button that was pressed, which on a long form is far from the top. */
  function tellNotHeard(button) {
    button?.removeAttribute("aria-busy");
    const alert = make("div", { id: "not-heard", role: "alert", className: "message message-error" });
    form.querySelector(".action-bar").prepend(alert);
    alert.textContent = texts.notHeard;
  }

  form.addEventListener("input", writeSoon);
  form.addEventListener("change", writeSoon);
  document.addEventListener("visibilitychange", writeNow);
  document.addEventListener("submit", sendIfHeard, true);
  window.addEventListener("pagehide", writeNow);
  on("click", "[data-leave]", abandon);
  hold();
  // Beside what was just refused or just saved, an older draft would only be in the way: it waits for the next opening.
  if (!document.querySelector("[data-dirty], [data-saved]")) find().then(offer);
}

const draftPlace = document.querySelector("[data-draft-key]");

tidyDrafts();
// Without a secure connection a browser has no cryptography: then there are no drafts.
if (draftPlace && crypto.subtle) keepDrafts(document.querySelector("form[data-guard]"), draftPlace);
