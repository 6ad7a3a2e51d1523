// Questions with choices. In Markdown, a question is a box with a list of choices and a folded answer, in which a
// list says of each choice why it is right or wrong, the right one in bold. This file makes the list one to choose
// from. Without it the reader has the list, and the answer to unfold.
(() => {
  "use strict";
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  document.querySelectorAll(".admonition.question").forEach((box, number) => {
    const list = box.querySelector(":scope > ul"), answer = box.querySelector(":scope > details");
    const reasons = answer && answer.querySelector(":scope > ul");
    if (!list || !reasons || list.children.length !== reasons.children.length) return;
    const title = box.querySelector(".admonition-title");
    title.id = title.id || `question-${number + 1}`;

    const choices = [...list.children].map((item, n) =>
      make("label", {}, make("input", { type: "radio", name: `choice-${number + 1}`, value: n }), ...item.childNodes));
    const check = make("button", { type: "submit", class: "md-button" }, "Check");
    const feedback = make("div", { class: "question-feedback", role: "status" });
    const form = make("form", {}, make("fieldset", { "aria-labelledby": title.id }, ...choices), check, feedback);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = form.querySelector("input:checked");
      if (!chosen) return feedback.replaceChildren("Choose one first.");
      const reason = reasons.children[Number(chosen.value)];
      const right = reason.querySelector(":scope > strong:first-child, :scope > p:first-child > strong:first-child") !== null;
      feedback.replaceChildren(make("strong", {}, right ? "Right. " : "Not so. "), ...reason.cloneNode(true).childNodes);
      feedback.dataset.right = right;
      if (right) answer.open = true;
    });
    form.addEventListener("change", () => feedback.replaceChildren());
    list.replaceWith(form);
  });
})();
