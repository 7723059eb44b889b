// Distributions side by side under one set of sliders, each with its facts: how many tokens are kept,
// what they had before the cut, the top token, and how unsure the distribution is.

/** Add the facts to the foot of a table of bars; the function returned fills them in. */
function makeFacts(foot) {
  const cells = ["kept", "mass kept", "top token", "entropy"].map((name) => {
    const row = make(foot, "tr", { class: "fact" });
    make(row, "th", { scope: "row" }, name);
    return make(row, "td", { colspan: 3 });
  });
  return ({ num_kept, vocab_size, ties, kept_mass, largest, entropy }) => {
    const all = num_kept === vocab_size;
    const tied = ties ? `: ${commas(ties)} tie at the edge` : "";
    const texts = num_kept === undefined ? ["–", "–", "–", "–"] : [
      `${all ? "all" : `${commas(num_kept)} of`} ${commas(vocab_size)} token${vocab_size > 1 ? "s" : ""}${tied}`,
      kept_mass.toFixed(3), largest.toFixed(3), `${entropy.toFixed(3)} nats`,
    ];
    cells.forEach((cell, i) => say(cell, texts[i]));
  };
}

export default livePicture("side_by_side", (view) => {
  const panels = make(view.body, "div", { class: "panels" });
  const places = view.data.parts.map((part) => {
    const panel = make(panels, "div", { class: "panel" });
    make(panel, "div", { class: "title", "aria-hidden": "true" }, part.title);
    return [panel, part];
  });
  const draw = makeKnobbed(view, places);
  const facts = places.map(([panel]) => makeFacts(panel.querySelector("tfoot")));
  return () => {
    draw().forEach(([now], i) => facts[i](now));
    return { title: "", facts: "" };
  };
});
