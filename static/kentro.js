/* Behaviour of the pages. Every parameter comes from a data- attribute or from the texts block of layout.html;
   nothing is inline, so that the content security policy can stay at default-src 'self'. */
"use strict";

const texts = JSON.parse(document.getElementById("texts").textContent);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (type, selector, handler) =>
  document.addEventListener(type, (event) => {
    const target = event.target.closest?.(selector);
    if (target) handler(event, target);
  });

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
  const { dialog, labelFrom, ...values } = button.dataset;
  if (labelFrom) values.label = document.getElementById(labelFrom).textContent.trim();
  openDialog(document.getElementById(dialog), values);
});
on("click", "[data-dialog-close]", (event, button) => button.closest("dialog").close());

on("click", "[data-confirm]", (event, button) => {
  event.preventDefault();
  const dialog = document.getElementById("confirm-dialog");
  dialog.querySelector("[data-confirm-yes]").onclick = () => {
    dialog.close();
    button.form.requestSubmit(copyWithoutQuestion(button));
  };
  openDialog(dialog, { text: button.dataset.confirm });
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

// A form that answers with a download leaves its page standing: after this many milliseconds it may be sent again.
const PATIENCE = 5000;

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
  if (unsaved) event.preventDefault();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  unsaved = false;
  form.dataset.sent = "1";
  // After the event, so that the pressed button's own name still travels with the form.
  setTimeout(() => setButtons(form, true));
  setTimeout(() => release(form), PATIENCE);
});

function setButtons(form, disabled) {
  all("button[type=submit]", form).forEach((button) => {
    button.disabled = disabled;
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
  const time = hour.replace(/^(\d{2})[.]?(\d{2})$/, "$1:$2");
  return `${parts[0].padStart(2, "0")}/${parts[1].padStart(2, "0")}/${parts[2]} ${time}`.trim();
}

on("change", "input[data-kind]", (event, input) => {
  input.value = spellDate(input.value);
});

on("click", "[data-pick-date]", (event, button) => {
  const input = document.getElementById(button.dataset.pickDate);
  const picker = button.picker ?? makePicker(button, input);
  picker.value = input.value.split("/").reverse().join("-");
  picker.showPicker();
});

function makePicker(button, input) {
  const picker = Object.assign(document.createElement("input"), {
    type: "date",
    tabIndex: -1,
    className: "visually-hidden",
  });
  picker.setAttribute("aria-hidden", "true");
  picker.addEventListener("change", () => {
    input.value = picker.value.split("-").reverse().join("/");
    input.dispatchEvent(new Event("change", { bubbles: true }));
    input.focus();
  });
  button.after(picker);
  button.picker = picker;
  return picker;
}

/* ---- choices: a search box over long, multiple and looked-up lists ---- */

const LONG_LIST = 15;

/* Only the answer to what was typed last may fill the list: a late one would offer people who were not asked for. */
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

function enrich(select) {
  const optional = !select.required;
  const remote = select.dataset.lookup;
  const line = (text) => Object.assign(document.createElement("div"), { className: "no-results", textContent: text });
  const box = new TomSelect(select, {
    plugins: select.multiple || (remote && optional) ? { remove_button: { title: texts.remove } } : {},
    placeholder: select.dataset.placeholder ?? texts.choose,
    hidePlaceholder: true,
    maxOptions: null,
    allowEmptyOption: optional && !remote,
    hideSelected: select.multiple,
    render: { no_results: () => line(texts.noResults), loading: () => line(texts.loading) },
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

/* ---- lists: ticks and filters ---- */

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

on("click", "[data-toggle]", (event, button) => {
  const part = document.getElementById(button.dataset.toggle);
  part.hidden = !part.hidden;
  button.setAttribute("aria-expanded", String(!part.hidden));
  if (!part.hidden) part.querySelector("select, input:not([type=hidden])").focus();
});

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

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

function setUpFilters(form) {
  const groups = JSON.parse(form.querySelector("[data-filter-groups]").textContent);
  const column = form.querySelector("#filter-column");
  const operation = form.querySelector("#filter-operation");
  const value = form.querySelector("[data-slot=value]");

  const showValue = () => {
    const filter = groups[column.value][operation.value];
    const name = `flt${form.dataset.filters}_${filter.arg}`;
    const options = groups[column.value].find((other) => other.options)?.options;
    if (filter.type?.includes("range")) value.replaceChildren(...rangeInputs(filter, name));
    else if (options && filter.arg.endsWith("_in")) value.replaceChildren(...someOf(options, name));
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

all("[data-filters]").forEach(setUpFilters);
enrichAll(document);
countTicks();

const current = document.querySelector(".menu .active");
if (current) current.closest("nav").scrollTop = current.offsetTop - 200;
document.querySelector("[data-autofocus]")?.focus();
