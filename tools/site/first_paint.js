// The switch for the theme, as soon as it is read. It keeps what the theme's own keeps, under the same name.
{
  const inputs = [...document.currentScript.previousElementSibling.querySelectorAll("input")];
  const keys = ["media", "scheme", "primary", "accent"];
  const color = (input) => Object.fromEntries(keys.map((key) => [key, input.getAttribute(`data-md-color-${key}`)]));
  const meta = document.createElement("meta");
  meta.name = "color-scheme";
  document.head.append(meta);

  const show = (at) => {
    const shown = color(inputs[at]);
    for (const key of keys) document.body.setAttribute(`data-md-color-${key}`, shown[key]);
    meta.content = shown.scheme === "slate" ? "dark" : "light";
    inputs[at].checked = true;
    inputs.forEach((input, number) => { input.nextElementSibling.hidden = number !== at; });
  };

  const choose = (at) => {
    document.body.setAttribute("data-md-color-switching", ""); // the styles then change at once
    show(at);
    __md_set("__palette", { index: at, color: color(inputs[at]) });
    setTimeout(() => document.body.removeAttribute("data-md-color-switching"));
  };

  const chosen = () => {
    try { return inputs.indexOf(inputs[__md_get("__palette").index]); } catch { return -1; } // none, or no storage
  };
  const ofSystem = () => Math.max(0, inputs.findIndex((input) => matchMedia(color(input).media).matches));
  const settle = () => show(chosen() < 0 ? ofSystem() : chosen());
  inputs.forEach((input, at) => {
    input.addEventListener("change", () => choose(at));
    input.addEventListener("keydown", ({ key }) => {
      if (key !== "Enter") return;
      choose((at + 1) % inputs.length);
      inputs[(at + 1) % inputs.length].focus();
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", settle);
  settle();

  // Around the page, where a browser shows a colour there: that of the header, the same in both themes.
  addEventListener("load", () => {
    const around = document.createElement("meta");
    around.name = "theme-color";
    around.content = getComputedStyle(document.querySelector(".md-header")).backgroundColor;
    document.head.append(around);
  });
}
