// The explorer of the residual-stream chapter. Without this file, or without its data, the page shows the
// plain tables that stand in the explorer's place. The data are made by tools/pictures/explorer.py.
(() => {
  "use strict";
  const places = document.querySelectorAll(".explorer");
  if (!places.length) return;
  const source = new URL("explorer.json", document.currentScript.src);

  // An element with attributes, listeners (`onclick`) and children.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const percent = (thousandths) => `${(thousandths / 10).toFixed(thousandths < 100 ? 1 : 0)} %`;
  const signed = (number) => (number > 0 ? `+${number}` : `${number}`).replace("-", "−");

  const explore = (place, data, number) => {
    const id = (name) => `explorer-${number}-${name}`;
    const state = { prompt: 0, vector: 0, run: data.coefficients.indexOf(0), show: "word", layer: -1, position: -1 };
    const prompt = () => data.prompts[state.prompt];
    const vector = () => prompt().vectors[state.vector];
    const run = () => vector().runs[state.run];
    const coefficient = () => data.coefficients[state.run];

    const edited = (layer, position) =>
      coefficient() !== 0 && layer === prompt().layer &&
      (prompt().positions === null || prompt().positions.includes(position));
    const words = (cell) => {
      const found = [];
      for (let n = 2; n < cell.length; n += 2) found.push(`${data.words[cell[n]]} ${percent(cell[n + 1])}`);
      return found;
    };

    // --- the controls
    const radios = (name, legend, choices, chosen, choose) =>
      make("fieldset", {}, make("legend", {}, legend), ...choices.map(([value, label], n) =>
        make("label", {}, make("input", {
          type: "radio", name: id(name), value, checked: n === chosen ? "" : null,
          onchange: () => { choose(value); draw(); },
        }), label)));
    const choice = make("select", {
      onchange: () => { Object.assign(state, { prompt: Number(choice.value), vector: 0, layer: -1, position: -1 }); rebuild(); draw(); },
    }, ...data.prompts.map((each, n) => make("option", { value: n }, each.text)));
    const slider = make("input", {
      type: "range", min: 0, max: data.coefficients.length - 1, step: 1, value: state.run, id: id("coefficient"),
      oninput: () => { state.run = Number(slider.value); draw(); },
    });
    const amount = make("output", { for: id("coefficient") });
    const vectors = make("div"), shows = make("div");
    const rebuild = () => {
      vectors.replaceChildren(radios("vector", "Vector", prompt().vectors.map((each, n) => [n, each.name]),
        state.vector, (value) => { state.vector = Number(value); }));
      const kinds = [["word", "most likely word"], ["answer", `probability of “${prompt().answer}”`], ["norm", "norm of the stream"]];
      shows.replaceChildren(radios("show", "In each cell", kinds,
        kinds.findIndex(([kind]) => kind === state.show), (value) => { state.show = value; }));
    };
    const controls = make("form", { class: "explorer-controls", "aria-label": "What the explorer shows", onsubmit: (event) => event.preventDefault() },
      make("label", { class: "explorer-prompt" }, "Prompt", choice), vectors,
      make("div", {}, make("label", { for: id("coefficient") }, "Coefficient"), slider, amount), shows);

    // --- the grid: arrow keys go from cell to cell, Tab goes on to what comes after it
    const says = make("p", { class: "explorer-says", "aria-live": "polite" });
    const about = make("p", { class: "explorer-cell", "aria-live": "polite" });
    const grid = make("table", { class: "explorer-grid", role: "grid", "aria-label": "Streams, the last one on top, by positions", onkeydown: (event) => move(event) });
    const layers = () => run().cells.length;
    const at = (layer, position) => grid.querySelector(`[data-layer="${layer}"][data-position="${position}"]`);
    const choose = (layer, position, focus) => {
      at(state.layer, state.position)?.setAttribute("tabindex", -1);
      Object.assign(state, { layer, position });
      const cell = at(layer, position);
      cell.setAttribute("tabindex", 0);
      if (focus) cell.focus();
      tell();
    };
    const move = (event) => {
      const last = prompt().tokens.length - 1;
      const to = {
        ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0], Home: [0, -last], End: [0, last],
      }[event.key];
      if (!to || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const inside = (number, top) => Math.max(0, Math.min(top, number));
      choose(inside(state.layer + to[0], layers() - 1), inside(state.position + to[1], last), true);
    };
    const bring = (cell) => {  // the chosen cell into sight, without moving the page
      const box = grid.parentElement;
      if (box) box.scrollLeft = cell.offsetLeft + cell.offsetWidth - box.clientWidth;
    };
    const text = (cell) => {
      if (state.show === "norm") return [(cell[0] / 10).toFixed(1)];
      if (state.show === "answer") return [percent(cell[1])];
      return [data.words[cell[2]], make("br"), make("small", {}, percent(cell[3]))];
    };
    const shade = (cell, largest) => {
      if (state.show === "norm") return cell[0] / largest;
      return cell[state.show === "answer" ? 1 : 3] / 1000;
    };
    const tell = () => {
      const { layer, position } = state, cell = run().cells[layer][position];
      about.replaceChildren(
        make("strong", {}, `Stream ${layer}, position ${position} (${prompt().tokens[position]})`),
        edited(layer, position) ? ", where the vector is added" : "",
        `. Words: ${words(cell).join(", ")}. “${prompt().answer}”: ${percent(cell[1])}. Norm: ${(cell[0] / 10).toFixed(1)}.`);
    };
    const draw = () => {
      const { tokens, positions, layer } = prompt(), cells = run().cells, largest = Math.max(...cells.flat().map((cell) => cell[0]));
      const focused = grid.contains(document.activeElement);
      if (state.layer < 0) Object.assign(state, { layer: cells.length - 1, position: tokens.length - 1 });
      amount.textContent = signed(coefficient());
      slider.setAttribute("aria-valuetext", signed(coefficient()));
      const where = positions === null ? "at every position" : `at position ${positions.join(", ")} (${positions.map((each) => tokens[each])})`;
      says.replaceChildren(coefficient() === 0 ? "Untouched, the model goes on: "
        : `${signed(coefficient())} times the vector ${vector().name} (norm ${vector().norm}), added to stream ${layer} ${where}. The model goes on: `,
        make("strong", {}, run().says));
      grid.replaceChildren(
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "stream"), ...tokens.map((token) => make("th", { scope: "col" }, token)))),
        make("tbody", {}, ...cells.map((row, n) => make("tr", {}, make("th", { scope: "row" }, `${n}`), ...row.map((cell, position) => {
          const made = make("td", {
            role: "gridcell", tabindex: n === state.layer && position === state.position ? 0 : -1,
            "data-layer": n, "data-position": position, class: edited(n, position) ? "edited" : null,
            onclick: () => choose(n, position, true), onfocus: () => choose(n, position, false),
          }, ...text(cell));
          made.style.setProperty("--share", shade(cell, largest).toFixed(3));
          return made;
        }))).reverse()));
      if (focused) at(state.layer, state.position).focus();
      else bring(at(state.layer, state.position));
      tell();
    };

    const hint = make("p", {}, "Choose a prompt and move the coefficient. In the grid, the arrow keys go from cell to cell.");
    rebuild();
    const plain = make("details", { class: "explorer-plain" }, make("summary", {}, "Some of it as plain tables"), ...place.childNodes);
    place.replaceChildren(hint, controls, says, make("div", { class: "explorer-scroll" }, grid), about, plain);
    draw();
  };

  fetch(source).then((answer) => answer.ok ? answer.json() : Promise.reject(answer.status))
    .then((data) => places.forEach((place, number) => explore(place, data, number)))
    .catch((reason) => console.warn("The explorer has no data, the page keeps its plain tables:", reason));
})();
