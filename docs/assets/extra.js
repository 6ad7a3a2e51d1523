// What the theme's own script leaves out for those who go by keyboard or screen reader.
const article = document.querySelector("article");

// The theme of the system until a reader chooses one, also when the system changes: docs/_overrides/main.html begins it.
const themes = document.querySelector("form.md-header__option");
for (const choice of ["click", "keydown"])
  themes?.addEventListener(choice, ({ isTrusted, key }) => {
    if (isTrusted && (choice === "click" || key === "Enter")) localStorage.themeChosen = "yes";
  });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => {
  const scheme = matches ? "slate" : "default";
  if (!localStorage.themeChosen) themes?.querySelector(`[data-md-color-scheme="${scheme}"]`).click();
});

// Names: of the dialog for the search, and of the lists below a section whose label in the navigation is an icon.
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
for (const list of document.querySelectorAll(".md-nav[aria-labelledby]")) {
  if (document.getElementById(list.getAttribute("aria-labelledby"))?.textContent.trim()) continue;
  list.removeAttribute("aria-labelledby");
  list.ariaLabel = list.querySelector(".md-nav__title").textContent.trim();
}
// The empty corner of a table is no heading.
for (const corner of document.querySelectorAll("article th")) if (!corner.innerHTML.trim()) corner.outerHTML = "<td></td>";

// What scrolls sideways, a table, a picture or code, can be reached with the keyboard; what fits is no stop on the way.
const sized = new ResizeObserver((entries) => {
  const scrolls = entries.map(({ target }) => target.scrollWidth > target.clientWidth); // all before the first change
  entries.forEach(({ target }, at) => {
    if (scrolls[at]) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  });
});

// The theme puts buttons beside code as a reader comes to it.
function mend() {
  for (const frame of article.querySelectorAll(".md-typeset__scrollwrap, p:has(> img), pre > code")) sized.observe(frame);
  // A page has dozens of these: no landmarks.
  for (const buttons of article.querySelectorAll("nav.md-code__nav")) buttons.role = "none";
}

if (article) {
  new MutationObserver(mend).observe(article, { childList: true, subtree: true });
  mend();
}
