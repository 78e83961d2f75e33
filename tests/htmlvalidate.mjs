// What makes a page valid: the rules of html-validate that follow from the HTML standard, and the few of its others that
// catch mistakes rather than matters of taste. What accessibility needs beyond that is judged by axe, in the browser.
export default {
  root: true,
  extends: ["html-validate:standard"],
  rules: {
    "empty-heading": "error",
    "empty-title": "error",
    "hidden-focusable": "error",
    "input-attributes": "error", // such as a pattern on a checkbox
    "no-dup-class": "error",
    "no-implicit-button-type": "error", // such a button sends the form
    "no-implicit-close": "error",
    "no-inline-style": "error", // the content security policy refuses it
  },
};
