// What the theme leaves out for readers who use a keyboard or listen: what scrolls can be reached, and
// what is there many times has names of its own.
const announce = () => {
  document.querySelectorAll(".md-typeset__scrollwrap, pre > code, .shown").forEach((one) => {
    one.tabIndex = 0;
  });
  document.querySelectorAll("th:empty").forEach((one) => {
    one.replaceWith(document.createElement("td")); // the corner of a table heads nothing
  });
  document.querySelectorAll(".md-code__nav").forEach((one, at) => {
    one.setAttribute("aria-label", `${one.querySelector("[title]")?.title ?? ""} ${at + 1}`);
  });
};
new MutationObserver(announce).observe(document.body, { childList: true, subtree: true });
announce();
