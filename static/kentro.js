/* Behaviour of the pages. Every parameter comes from a data- attribute, and what is said from `texts`, which assets.py
   puts before this; nothing is inline, so that the content security policy can stay at default-src 'self'. */
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (type, selector, handler) =>
  document.addEventListener(type, (event) => {
    const target = event.target.closest?.(selector);
    if (target) handler(event, target);
  });

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/* ---- dialogs: a button's data- attributes fill the dialog that it names ---- */

function openDialog(dialog, values) {
  for (const [name, value] of Object.entries(values)) {
    const input = dialog.querySelector(`input[type=hidden][name="${name}"]`);
    const slot = dialog.querySelector(`[data-slot="${name}"]`);
    if (input) input.value = value;
    if (slot) slot.textContent = value;
  }
  dialog.showModal();
}

on("click", "[data-dialog]", (event, button) => {
  const { dialog, ...values } = button.dataset;
  openDialog(document.getElementById(dialog), values);
});
document.querySelector("dialog[data-open]")?.showModal();
on("click", "[data-dialog-close]", (event, button) => button.closest("dialog").close());

on("click", "[data-confirm]", (event, button) => {
  if (button.dataset.confirmIf && !button.form.querySelector(button.dataset.confirmIf)) return;
  event.preventDefault();
  const dialog = document.getElementById("confirm-dialog");
  const yes = dialog.querySelector("[data-confirm-yes]");
  yes.textContent = button.textContent;
  yes.className = `btn btn-${button.matches(".btn-outline-danger, .btn-danger") ? "danger" : "primary"}`;
  yes.onclick = () => {
    dialog.close();
    button.setAttribute("aria-busy", "true");
    button.form.requestSubmit(copyWithoutQuestion(button));
  };
  const count = document.querySelector("[data-bulk] [data-slot=count]")?.textContent;
  openDialog(dialog, { text: button.dataset.confirm.replace("{}", count) });
});

function copyWithoutQuestion(button) {
  const copy = button.cloneNode();
  delete copy.dataset.confirm;
  copy.hidden = true;
  button.form.append(copy);
  return copy;
}

on("click", "[data-print]", () => window.print());

/* ---- forms: no second submission, no silent loss of what was typed ---- */

// A request that is stopped leaves its page standing: after this many milliseconds its form may be sent again.
const PATIENCE = 30_000;

let unsaved = Boolean(document.querySelector("[data-dirty]"));

on("input", "[data-guard]", () => {
  unsaved = true;
});
on("change", "[data-guard]", () => {
  unsaved = true;
});
on("click", "[data-leave]", () => {
  unsaved = false;
});
window.addEventListener("beforeunload", (event) => {
  if (unsaved || document.querySelector("[data-download][aria-busy]")) event.preventDefault();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  // Signing out or changing the language beside a half-typed form is leaving it: the browser asks, and nothing is sent yet.
  if (unsaved && !form.matches("[data-guard]")) return;
  unsaved = false;
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
  // After the event, so that the pressed button's own name still travels with the form.
  setTimeout(() => setButtons(form, true));
  setTimeout(() => release(form), PATIENCE);
});

function setButtons(form, disabled) {
  const buttons = [...form.elements].filter((element) => element.type === "submit");
  buttons.forEach((button) => {
    button.disabled = disabled;
    if (!disabled) button.removeAttribute("aria-busy");
  });
}

function release(form) {
  delete form.dataset.sent;
  setButtons(form, false);
}

// Back to a page that the browser kept: its forms may be sent again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) all("form[data-sent]").forEach(release);
});

on("click", "[data-focus-field]", (event, link) => {
  const field = document.getElementById(link.dataset.focusField);
  if (!field) return;
  event.preventDefault();
  (field.tomselect ?? field).focus();
});

/* ---- dates: dd/mm/yyyy, typed; the browser's own calendar as a help ---- */

const DAY = /^(\d{2})(\d{2})(\d{4})$|^(\d{1,2})[-./](\d{1,2})[-./](\d{4})$/;

function spellDate(text) {
  const [day, hour = ""] = text.trim().split(/\s+/, 2);
  const parts = day.match(DAY)?.slice(1).filter(Boolean);
  if (!parts) return text;
  const time = hour.replace(/^(\d{1,2})[.:](\d{2})$|^(\d{2})(\d{2})$/, (_, a, b, c, d) => `${(a ?? c).padStart(2, "0")}:${b ?? d}`);
  return `${parts[0].padStart(2, "0")}/${parts[1].padStart(2, "0")}/${parts[2]} ${time}`.trim();
}

on("change", "input[data-kind]", (event, input) => {
  input.value = spellDate(input.value);
});

// 25/03/2026 and 2026-03-25 are each other read backwards.
const turn = (day, from, to) => day.split(from).reverse().join(to);

on("click", "[data-pick-date]", (event, button) => {
  const input = document.getElementById(button.dataset.pickDate);
  const picker = button.nextElementSibling ?? makePicker(button, input);
  // A calendar with hours shows no day without one: the day's beginning, where none is typed yet.
  const [day, time = "09:00"] = spellDate(input.value).split(" ");
  picker.value = day && turn(day, "/", "-") + (picker.type === "date" ? "" : `T${time}`);
  picker.showPicker();
});

function makePicker(button, input) {
  const type = input.dataset.kind === "date" ? "date" : "datetime-local";
  const picker = make("input", { type, tabIndex: -1, ariaHidden: "true", className: "visually-hidden" });
  picker.addEventListener("change", () => {
    const [day, ...time] = picker.value.split("T");
    input.value = [turn(day, "-", "/"), ...time].join(" ");
    input.dispatchEvent(new Event("change", { bubbles: true }));
    input.focus();
  });
  button.after(picker);
  return picker;
}

/* ---- choices: a search box over long, multiple and looked-up lists ---- */

const LONG_LIST = 15;

function lookUp(select) {
  return function load(query, done) {
    const url = new URL(select.dataset.lookup, location.href);
    for (const [name, value] of Object.entries({ query, offset: 0, limit: 20 })) url.searchParams.set(name, value);
    fetch(url, { headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer)))
      .then((rows) => rows.map(([value, text]) => ({ value: String(value), text })))
      .catch(() => [{ value: "-", text: texts.failed, disabled: true }])
      // Only the answer to what stands in the box now: a late one would offer people who were not asked for.
      .then((options) => done(query === this.inputValue() ? options : []));
  };
}

/* By sound, whatever the keyboard: search.py's rules in short, and codes like B01 and C26 typed as Β01 and Γ26. */
const GREEK = "αβγδεζηθικλμνξοπρσςτυφχψω";
const LATIN = "a v g d e z i th i k l m n h o p r s s t i f h ps o".split(" ");
const ALIKE = { b: "v", c: "g", u: "i", w: "o", x: "h", y: "i", ks: "h", ch: "h", kh: "h", ph: "f" };

const bySound = (text) =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/([αεae])[υuvy]/g, "$1f")
    .replace(/ντ|νδ|nt|nd/g, "d")
    .replace(/μ[πβ]|m[pbv]/g, "b")
    .replace(/[α-ω]/g, (letter) => LATIN[GREEK.indexOf(letter)])
    .replace(/ks|[ckp]h|[bcuwxy]/g, (sound) => ALIKE[sound]);

/* Every word typed is somewhere in the option, best at its beginning, then at that of a word. A last μ or ν may be half
   a sound: of μπ, of ντ. */
function scoreBySound(query) {
  const words = bySound(query).split(/\s+/);
  return (option) => {
    const sound = (option.sound ??= ` ${bySound(option.text)}`);
    const isIn = (word) => sound.includes(word) || sound.includes(word.replace(/[mn]$/, ""));
    return words.every(isIn) ? 1 + sound.includes(` ${words[0]}`) + sound.startsWith(` ${words[0]}`) : 0;
  };
}

function enrich(select) {
  const optional = !select.required;
  const remote = select.dataset.lookup;
  // In a list box all is options; one that cannot be chosen is read out like the others.
  const line = (text) => make("div", { className: "no-results", role: "option", ariaDisabled: "true", textContent: text });
  const box = new TomSelect(select, {
    plugins: select.multiple || (remote && optional) ? { remove_button: { title: texts.remove } } : {},
    placeholder: select.dataset.placeholder ?? texts.choose,
    hidePlaceholder: true,
    maxOptions: null,
    allowEmptyOption: optional && !remote,
    hideSelected: select.multiple,
    render: { no_results: () => line(texts.noResults), loading: () => line(texts.loading) },
    // The library's own patterns take forever over a letter held down.
    diacritics: false,
    score: scoreBySound,
    // The server has already matched (accents, Greeklish), so the browser must not narrow its answer again.
    ...(remote && {
      load: lookUp(select),
      preload: "focus",
      score: () => () => 1,
      shouldLoad: () => true,
      onType() {
        this.clearOptions();
      },
    }),
  });
  // The box and its own input stand in for the select, which assistive technology must then pass over.
  select.setAttribute("aria-hidden", "true");
  for (const name of ["aria-describedby", "aria-invalid"]) {
    if (select.hasAttribute(name)) box.control_input.setAttribute(name, select.getAttribute(name));
  }
}

const enrichAll = (root) =>
  all("select:not([data-plain], .tomselected)", root)
    .filter((select) => select.dataset.lookup || select.multiple || select.options.length > LONG_LIST)
    .forEach(enrich);

/* ---- lists: what all rows have alike is put in here, so that it need not be sent with each of them ---- */

const sprite = document.querySelector("use")?.getAttribute("href").split("#")[0];

function icon(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${sprite}#${name}`);
  drawing.append(use);
  return drawing;
}

// Dates, numbers and codes stay on one line; long texts keep some width, and the longest show three lines of theirs.
const LONG_TEXT = 24;
const LONGEST_TEXT = 120;
const CODE = /^[^\s@]*\d[^\s@]*$/;
const WORDS = /\p{L}/u;

/* On telephones a row is shown as a card, which takes the table's own roles away: they are said here. */
function furnish(table) {
  const { edit } = table.dataset;
  const bulk = table.closest("main").querySelector("[data-bulk]");
  const [head] = table.tHead.rows;
  const labels = [...head.cells].map((cell) => cell.textContent.trim());
  for (const row of table.tBodies[0].rows) {
    [...row.cells].forEach((cell, column) => dress(cell, head.cells[column], labels[column]));
    const [first] = row.cells;
    const link = first.querySelector("a");
    first.id = `row-${keyOf(link)}`;
    const isSettled = "settled" in row.dataset;
    if (edit) row.append(isSettled ? make("td", {}) : pencil(edit, link, first.textContent));
    if (bulk) row.prepend(isSettled ? make("td", {}) : tick(link, first));
  }
  for (const late of all(".due-late", table)) late.prepend(icon("warning"), " ");
  if (edit) head.append(columnHead("row-actions", make("span", { className: "visually-hidden", textContent: edit })));
  if (bulk) head.prepend(columnHead("tick", make("input", tickBox({ ariaLabel: texts.selectAll }))));
  if (bulk) head.querySelector("input").dataset.tickAll = "";
  giveRoles(table);
}

function dress(cell, head, label) {
  const text = cell.textContent;
  cell.dataset.label = label;
  cell.className = text.length > LONG_TEXT ? "long" : WORDS.test(text) && !CODE.test(text) ? "" : "short";
  cell.classList.add(...head.classList);
  // One box beside the label on telephones, also of a link and what is said with it.
  const isLongest = text.length > LONGEST_TEXT;
  const isMixed = cell.childNodes.length > 1;
  if (isLongest || isMixed) cell.replaceChildren(make("div", { className: isLongest ? "clamp" : "" }, ...cell.childNodes));
}

const tickBox = (more) => ({ type: "checkbox", className: "form-check-input", ...more });
const columnHead = (className, ...children) => make("th", { scope: "col", className }, ...children);
const keyOf = (link) => new URL(link.href).searchParams.get("id");

function tick(link, name) {
  const box = make("input", tickBox({ name: "rowid", value: keyOf(link) }));
  box.setAttribute("form", "bulk");
  box.setAttribute("aria-labelledby", name.id);
  return make("td", { className: "tick" }, box);
}

function pencil(text, link, name) {
  const href = `edit/?id=${keyOf(link)}`;
  const edit = make("a", { className: "btn btn-quiet", href, title: text, ariaLabel: `${text}: ${name}` }, icon("edit"));
  return make("td", { className: "row-actions" }, edit);
}

function giveRoles(table) {
  const roles = { table: [table], rowgroup: [table.tHead, ...table.tBodies], row: table.rows };
  const cells = { columnheader: "thead th", rowheader: "tbody th", cell: "td" };
  for (const [role, selector] of Object.entries(cells)) roles[role] = all(selector, table);
  for (const [role, elements] of Object.entries(roles)) for (const element of elements) element.setAttribute("role", role);
}

/* What is opened from a narrowed list leads back to it. */
function leadBack(event) {
  const link = event.target.closest?.("a[data-back], [data-back] tbody a");
  if (!link || !location.search) return;
  const url = new URL(link.href);
  url.searchParams.set("url", location.pathname + location.search);
  link.href = url;
}
document.addEventListener("click", leadBack, true);
document.addEventListener("auxclick", leadBack, true);

function countTicks() {
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const ticks = all("input[name=rowid]");
  const ticked = ticks.filter((tick) => tick.checked).length;
  const master = document.querySelector("[data-tick-all]");
  bar.querySelector("[data-slot=count]").textContent = ticked;
  bar.hidden = ticked === 0;
  master.checked = ticked === ticks.length;
  master.indeterminate = ticked > 0 && ticked < ticks.length;
}

on("change", "[data-tick-all]", (event, master) => {
  all("input[name=rowid]").forEach((tick) => {
    tick.checked = master.checked;
  });
  countTicks();
});
on("change", "input[name=rowid]", countTicks);

on("click", "[data-toggle]", async (event, button) => {
  const part = document.getElementById(button.dataset.toggle);
  if (button.ariaBusy) return;
  if (part.dataset.filters) {
    button.ariaBusy = "true";
    try {
      await setUpFilters(part);
    } catch {
      // The session has ended, or the server is away: the page itself tells which.
      return location.reload();
    } finally {
      button.ariaBusy = null;
    }
  }
  part.hidden = !part.hidden;
  button.setAttribute("aria-expanded", String(!part.hidden));
  if (!part.hidden) part.querySelector("select, input:not([type=hidden])").focus();
});

/* "One of": the codes chosen travel as one argument, "A|B". */
function someOf(options, name) {
  const joined = make("input", { type: "hidden", name });
  const choice = make(
    "select",
    { id: "filter-value", multiple: true, className: "form-select" },
    ...options.map(([value, text]) => new Option(text, value)),
  );
  choice.addEventListener("change", () => {
    joined.value = [...choice.selectedOptions].map((option) => option.value).join("|");
  });
  return [make("label", { htmlFor: choice.id, className: "form-label", textContent: texts.value }), choice, joined];
}

function valueInput(filter, name, id, label) {
  const caption = make("label", { htmlFor: id, className: "form-label", textContent: label });
  if (filter.options) {
    const options = filter.options.map(([value, text]) => new Option(text, value));
    return [caption, make("select", { id, name, className: "form-select" }, ...options)];
  }
  const input = make("input", {
    id,
    name,
    type: "text",
    className: "form-control",
    required: true,
    autocomplete: "off",
  });
  if (filter.type?.startsWith("date")) {
    input.dataset.kind = "date";
    input.placeholder = texts.datePlaceholder;
    input.inputMode = "numeric";
  }
  return [caption, input];
}

/* A range is two inputs and one argument, "A to B", as Flask-Admin reads it. */
function rangeInputs(filter, name) {
  const joined = make("input", { type: "hidden", name });
  const ends = [
    ["filter-from", texts.from],
    ["filter-to", texts.to],
  ].map(([id, label]) => make("div", {}, ...valueInput(filter, "", id, label)));
  const range = make("div", { className: "filter-range" }, ...ends);
  range.addEventListener("change", () => {
    joined.value = all("input", range)
      .map((input) => spellDate(input.value))
      .join(" to ");
  });
  return [range, joined];
}

async function setUpFilters(form) {
  const groups = await (await fetch(form.dataset.filters)).json();
  const column = form.querySelector("#filter-column");
  delete form.dataset.filters;
  column.append(...Object.keys(groups).map((name) => new Option(name)));
  const operation = form.querySelector("#filter-operation");
  const value = form.querySelector("[data-slot=value]");

  const showValue = () => {
    const filter = groups[column.value][operation.value];
    const name = `flt${form.dataset.used}_${filter.arg}`;
    if (filter.type?.includes("range")) value.replaceChildren(...rangeInputs(filter, name));
    else if (filter.arg.endsWith("_in")) value.replaceChildren(...someOf(filter.options, name));
    else value.replaceChildren(...valueInput(filter, name, "filter-value", texts.value));
    enrichAll(value);
  };
  column.addEventListener("change", () => {
    const filters = groups[column.value] ?? [];
    operation.replaceChildren(...filters.map((filter, index) => new Option(filter.operation, index)));
    operation.parentElement.hidden = filters.length < 2;
    value.hidden = form.querySelector("[type=submit]").disabled = !filters.length;
    if (filters.length) showValue();
  });
  operation.addEventListener("change", showValue);
}

/* ---- downloads: the page stays, tells how far the file is, and says what went wrong ---- */

on("click", "a[data-download]", (event, link) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  download(link, link.href);
});

// Before the guard of all forms, which would count this one as sent.
document.addEventListener(
  "submit",
  (event) => {
    if (!event.submitter?.matches("[data-download]")) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(event.target));
    download(event.submitter, event.target.action, { method: "post", body });
  },
  true,
);

async function download(button, address, request = {}) {
  if (button.hasAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  const tell = makeReport();
  tell("info", texts.preparing, make("progress", { ariaLabel: texts.preparing }));
  try {
    const answer = await fetch(address, request);
    if (new URL(answer.url).pathname.endsWith("/confirm")) return location.assign(answer.url);
    const name = fileName(answer);
    if (name === undefined) return tell("error", ...(await refusal(answer)));
    save(await received(answer, tell), name);
    tell("success", texts.received.replace("%(name)s", name));
  } catch {
    tell("error", texts.interrupted);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/* One place on the page, under its heading, tells of the latest download. */
function makeReport() {
  document.getElementById("download-report")?.remove();
  const report = make("div", { id: "download-report", role: "status" });
  document.querySelector(".page-head").after(report);
  return (kind, ...parts) => report.replaceChildren(make("div", { className: `message message-${kind}` }, ...parts));
}

/* RFC 6266: the name in UTF-8 by RFC 5987; none when the answer is no file. */
function fileName(answer) {
  const said = answer.ok && answer.headers.get("Content-Disposition")?.match(/filename\*=UTF-8''([^;]+)/);
  return said ? decodeURIComponent(said[1]) : undefined;
}

async function received(answer, tell) {
  const size = Number(answer.headers.get("Content-Length"));
  const bar = make("progress", { max: size || 1, ariaLabel: texts.receiving });
  const amount = make("small", { ariaHidden: "true" });
  tell("info", texts.receiving, bar, amount);
  const [reader, parts] = [answer.body.getReader(), []];
  let bytes = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    parts.push(step.value);
    bytes += step.value.length;
    if (size) bar.value = bytes;
    amount.textContent = `${Math.ceil(bytes / 1024).toLocaleString(document.documentElement.lang)} kB`;
  }
  return new Blob(parts, { type: answer.headers.get("Content-Type") });
}

function save(file, name) {
  const link = make("a", { href: URL.createObjectURL(file), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), PATIENCE);
}

/* The server's own words for why there is no file, or the way back in after a session that ended meanwhile. */
async function refusal(answer) {
  const { pathname } = new URL(answer.url);
  if (pathname.endsWith("/login")) {
    const next = encodeURIComponent(location.pathname + location.search);
    return [texts.signedOut, make("a", { href: `${pathname}?next=${next}`, textContent: texts.signIn })];
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return [page.querySelector("main .message-error, main .panel p")?.textContent.trim() ?? texts.notReceived];
}

/* ---- what stands on the page when it comes ---- */

all("[data-rows]").forEach(furnish);
/* A table that fits needs no bar to be scrolled by, and so its headings may stick to the window (kentro.css). */
const regions = all(".table-region");
const isFitting = (region) => region.firstElementChild.offsetWidth <= region.clientWidth;
const fitting = new ResizeObserver(() => regions.forEach((region) => region.classList.toggle("fits", isFitting(region))));
regions.flatMap((region) => [region, region.firstElementChild]).forEach((box) => fitting.observe(box));
enrichAll(document);
countTicks();
const menu = document.getElementById("menu");
if (menu) settle(menu, menu.querySelector(".active"));
document.querySelector("[data-autofocus]")?.focus();
putCursor(document.querySelector("form[data-new]:not([data-dirty])"));

/* The menu stands where it was left, with the present screen in sight; scrollIntoView would move the page too. */
function settle(menu, current) {
  menu.scrollTop = sessionStorage.getItem("menu");
  const below = (current?.offsetTop ?? menu.scrollTop) - menu.scrollTop;
  if (below < 0 || below > menu.clientHeight - 40) menu.scrollTop += below - 200;
  // On telephones it is mostly closed, and then has no place.
  addEventListener("pagehide", () => menu.clientHeight && sessionStorage.setItem("menu", menu.scrollTop));
}

/* A new form waits for its first value. A search box takes the cursor without opening its list. */
function putCursor(form) {
  const isEmpty = (box) => box.matches("input:not([type=hidden], [type=checkbox]), select, textarea") && !box.value;
  const first = form && [...form.elements].find((box) => isEmpty(box) && !box.closest(".ts-wrapper"));
  if (!first?.tomselect) return first?.focus();
  const { settings, control_input: input, control } = first.tomselect;
  const { openOnFocus, preload } = settings;
  Object.assign(settings, { openOnFocus: false, preload: false });
  first.tomselect.focus();
  input.addEventListener("blur", () => Object.assign(settings, { openOnFocus, preload }), { once: true });
  control.addEventListener("mousedown", () => preload && first.tomselect.preload(), { once: true });
}
