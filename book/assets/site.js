// Small repairs that need the finished page: everything that scrolls can be reached by keyboard, and everything that
// is folded away, or not loaded yet, is on paper.

const scrolling = "pre, figure, div.math mjx-container, .pst-scrollable-table-container";

function reachable() {
  for (const box of document.querySelectorAll(scrolling)) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

function unfold() {
  for (const details of document.querySelectorAll("article details")) details.open = true;
  for (const box of document.querySelectorAll("article .toggle-hidden")) box.querySelector(".toggle-button")?.click();
  for (const image of document.querySelectorAll("img[loading=lazy]")) image.loading = "eager";
}

// The theme and docutils name and group a few things in ways that screen readers announce wrongly.
function repair() {
  // the button's own words, "Search" and the keys for it, are its name; so are those of a folded cell
  for (const named of document.querySelectorAll("button.search-button-field, details.hide > summary")) {
    named.removeAttribute("aria-label");
  }
  document.getElementById("pst-primary-sidebar")?.setAttribute("role", "complementary");
  document.getElementById("pst-primary-sidebar")?.setAttribute("aria-label", "The book");
  for (const entry of document.querySelectorAll("[role=list] > .citation")) entry.setAttribute("role", "listitem");
}

addEventListener("DOMContentLoaded", repair);
addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(reachable));
addEventListener("resize", reachable);
addEventListener("beforeprint", unfold);
