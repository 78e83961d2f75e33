/* What tests/face.py asks of a page that stands open in the browser. Every answer is a list of sentences, empty when all is well. */
"use strict";

globalThis.face = (() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const name = (element) => element.cloneNode().outerHTML.split("></")[0].slice(0, 200);
  const isSeen = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  };

  /* ---- axe ---- */

  const RULESETS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

  /* What sticks to an edge lies over what is not scrolled to yet. What that hides from the keyboard is tested apart. */
  function unstick() {
    const sticky = all("body *").filter((element) => getComputedStyle(element).position === "sticky");
    sticky.forEach((element) => Object.assign(element.style, { position: "relative", inset: "auto" }));
    return () => sticky.forEach((element) => Object.assign(element.style, { position: "", inset: "" }));
  }

  async function broken() {
    const stick = unstick();
    const found = await axe.run({
      runOnly: { type: "tag", values: RULESETS },
      rules: { "target-size": { enabled: true } }, // of wcag22aa, but off unless asked for
      resultTypes: ["violations"],
    });
    stick();
    return found.violations.map(
      (rule) =>
        `${rule.id} (${rule.nodes.length}): ${rule.nodes[0].html.slice(0, 300)} ${rule.nodes[0].failureSummary.replace(/\s+/g, " ")}`,
    );
  }

  /* ---- reflow (WCAG 1.4.10) ---- */

  function wide() {
    const page = document.scrollingElement;
    if (page.scrollWidth <= innerWidth) return [];
    const out = all("body *").filter((element) => isSeen(element) && element.getBoundingClientRect().right > innerWidth + 1);
    return [`${page.scrollWidth} pixels wide in a window of ${innerWidth}: ${out.slice(-1).map(name)}`];
  }

  /* ---- targets (WCAG 2.5.8, without its exception for those that stand apart) ---- */

  /* Not ticks: axe judges them, with the exception. */
  const TARGETS = "a[href], button, summary, select, textarea, input:not([type=checkbox], [type=radio]), [role=button], [role=option]";
  const SMALLEST = 24;

  /* In a line of text a link is as high as the line. */
  function isInline(target) {
    if (target.localName !== "a" || getComputedStyle(target).display !== "inline") return false;
    const around = target.closest("p, li, dd, td, th, div").cloneNode(true);
    all("a, button, .visually-hidden", around).forEach((part) => part.remove());
    return /[\p{L}\p{N}]/u.test(around.textContent);
  }

  /* A box and its label are one target. */
  function size(target) {
    const boxes = [target, ...(target.labels ?? [])].map((part) => part.getBoundingClientRect());
    const most = (edge) => Math.max(...boxes.map((box) => box[edge]));
    const least = (edge) => Math.min(...boxes.map((box) => box[edge]));
    return [most("right") - least("left"), most("bottom") - least("top")];
  }

  function small() {
    return all(TARGETS)
      .filter((target) => isSeen(target) && !target.matches(".skip-link, .ts-control input") && !isInline(target))
      .filter((target) => Math.min(...size(target)) < SMALLEST - 0.1)
      .map((target) => `${size(target).map(Math.round).join(" × ")}: ${name(target)}`);
  }

  /* ---- text spacing (WCAG 1.4.12) ---- */

  const SPACING = `* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
    p { margin-bottom: 2em !important; }`;

  function clipped() {
    return all("body *").filter((element) => {
      const style = getComputedStyle(element);
      const cuts = [style.overflowX, style.overflowY].some((way) => way === "hidden" || way === "clip");
      const isCut = element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;
      // A chosen line is cut as it is in the browser's own boxes of choice; a long text of a list stands whole on its row's page.
      return cuts && isCut && isSeen(element) && element.textContent.trim() && !element.matches(".ts-control > .item, .list .clamp");
    });
  }

  function cut() {
    return clipped().map(name);
  }

  /* A sheet that a script makes is no inline style: the content security policy lets it be. */
  async function spaced() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(SPACING);
    document.adoptedStyleSheets = [sheet];
    // Two frames on, the page's own observers have looked at the new layout too.
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    const found = [...cut(), ...wide()];
    document.adoptedStyleSheets = [];
    return found.map((fault) => `with wide spacing: ${fault}`);
  }

  /* ---- errors (WCAG 3.3.1, 4.1.3) ---- */

  const told = (field) =>
    (field.getAttribute("aria-describedby") ?? "")
      .split(" ")
      .map((id) => document.getElementById(id)?.textContent ?? "")
      .join(" ");

  function untied() {
    const summary = all("main [role=alert]").find((part) => part.querySelector("a[href^='#']"));
    // Whoever fails to sign in is not told whether it was the name or the password.
    const isSignIn = document.querySelector("main [autocomplete=current-password]") && document.querySelector("main [name=username]");
    if (isSignIn && document.querySelector("main [role=alert]")) return [];
    if (!summary) return ["no summary of the errors, or none that leads to the fields"];
    const faults = summary.contains(document.activeElement) ? [] : ["the summary has not the focus"];
    const links = all("a[href^='#']", summary);
    const fields = links.map((link) => document.getElementById(link.hash.slice(1)));
    links.forEach((link, index) => {
      const field = fields[index];
      if (!field) return faults.push(`${link.hash} leads nowhere`);
      const words = link.closest("li").textContent.slice(link.textContent.length).replace(/^[\s:]+/, "").trim();
      for (const each of [field, document.getElementById(`${field.id}-ts-control`)].filter(Boolean)) {
        if (each.getAttribute("aria-invalid") !== "true") faults.push(`not marked as wrong: ${name(each)}`);
        if (!words || !told(each).includes(words)) faults.push(`«${words}» is not told of: ${name(each)}`);
      }
    });
    const empty = all("main form [required]").filter((field) => !field.value && field.type !== "password");
    const others = all("main [aria-invalid=true]").filter((field) => !field.id.endsWith("-ts-control"));
    for (const field of [...empty, ...others])
      if (!fields.includes(field)) faults.push(`not in the summary: ${name(field)}`);
    return faults;
  }

  /* ---- focus (WCAG 2.4.7, 2.4.11) ---- */

  /* What draws the ring: the element, or the box that it stands in for. */
  const drawn = (element) => element.closest(".ts-wrapper")?.querySelector(".ts-control") ?? element;
  const ring = (element) => {
    const style = getComputedStyle(drawn(element));
    const outline = style.outlineStyle === "none" || style.outlineWidth === "0px" ? "" : style.outline;
    return `${outline} ${style.boxShadow}`;
  };

  /* Some part of it is to be seen: inside the window, under nothing that sticks. */
  function isBared(element) {
    const box = drawn(element).getBoundingClientRect();
    const xs = [box.left + 2, (box.left + box.right) / 2, box.right - 2];
    const ys = [box.top + 2, (box.top + box.bottom) / 2, box.bottom - 2];
    return xs.some((x) =>
      ys.some((y) => {
        const top = document.elementFromPoint(x, y);
        return top && (drawn(element).contains(top) || [...(element.labels ?? [])].some((label) => label.contains(top)));
      }),
    );
  }

  /* ---- all together ---- */

  const QUESTIONS = { broken, wide, small, cut, spaced };

  async function asked(questions) {
    const found = {};
    for (const question of questions) found[question] = await QUESTIONS[question]();
    return found;
  }

  /* An opener's look and the build of what it says that it opens. */
  function opening(opener) {
    const { popovertarget, "aria-controls": controls, commandfor } = opener.attributes;
    const id = opener.dataset.dialog ?? (popovertarget ?? commandfor ?? controls)?.value;
    return opener.cloneNode().outerHTML + (document.getElementById(id)?.outerHTML ?? "");
  }

  return { asked, untied, ring, isBared, name, opening };
})();
