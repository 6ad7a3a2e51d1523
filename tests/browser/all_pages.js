// What tests/browser/all_pages.py asks of a page. It comes before the page's own scripts.
if (location.protocol !== "about:") localStorage.clear(); // or the theme chosen on the page before would last

globalThis.sweep = {
  theme: () => (document.body.dataset.mdColorScheme === "slate" ? "dark" : "light"),

  switchTheme: () => document.querySelector("form.md-header__option label:not([hidden])").click(),

  /** An element that begins or ends past the edge of the screen, where no one can scroll to it. */
  isCut(element) {
    const edge = document.documentElement.clientWidth + 1;
    if (element.getBoundingClientRect().right <= edge || !element.checkVisibility()) return false;
    for (let of = element.parentElement; of; of = of.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(of).overflowX)) return false;
    return true;
  },

  async look() {
    const images = [...document.images];
    for (const image of images) image.loading = "eager";
    const loaded = await Promise.allSettled(images.map((image) => image.decode()));
    const sources = (of) => of.map((image) => image.src);
    const root = document.documentElement;
    const cut = [...document.querySelectorAll("article *")].filter(sweep.isCut);
    return {
      theme: sweep.theme(),
      wider: root.scrollWidth - root.clientWidth,
      cut: cut.slice(0, 3).map((element) => element.outerHTML.slice(0, 80)),
      broken: sources(images.filter((_, at) => loaded[at].status === "rejected")),
      silent: sources(images.filter((image) => !image.alt.trim() && image.role !== "presentation")),
    };
  },

  // Two tokens of a kind in the same kind of block look the same. One of them stays to be judged; the others become
  // plain text, and are judged as the text of the block. A third of the time went into them.
  oneTokenOfAKind() {
    const seen = new Set();
    for (const token of document.querySelectorAll("pre span[class]")) {
      const around = [token.closest(".highlight"), token.parentElement, token];
      const kind = around.map((of) => of?.className).join();
      if (seen.has(kind)) token.replaceWith(...token.childNodes);
      else seen.add(kind);
    }
  },

  async axe(rules) {
    const only = rules.length ? { runOnly: rules } : {};
    const { violations } = await axe.run({ resultTypes: ["violations"], ...only });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => [id, node.target.join(" "), node.failureSummary]),
    );
  },
};
