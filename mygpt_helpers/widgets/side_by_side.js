// Distributions side by side under one set of sliders, each with its facts: how many tokens are kept,
// what they had before the cut, the top token, and how unsure the distribution is.

/** Add the table of one distribution's facts; the function returned fills it. */
function makeFacts(parent, title) {
  const [caption, , rows] = makeTable(parent, "about");
  say(caption, `Facts${title && `: ${title}`}`);
  const cells = ["kept", "mass kept", "top token", "entropy"].map((name) => {
    const row = make(rows, "tr");
    make(row, "th", { scope: "row" }, name);
    return make(row, "td");
  });
  return ({ num_kept, vocab_size, ties, kept_mass, largest, entropy }) => {
    const all = num_kept === vocab_size;
    const kept = all ? `all ${commas(num_kept)}` : `${commas(num_kept)} of ${commas(vocab_size)}`;
    const tied = ties ? `: ${commas(ties)} tie at the edge` : "";
    const texts = num_kept === undefined ? ["–", "–", "–", "–"] : [
      `${kept} tokens${tied}`, kept_mass.toFixed(3), largest.toFixed(3), `${entropy.toFixed(3)} nats`,
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
  const facts = places.map(([panel, { title }]) => makeFacts(panel, title));
  return () => {
    draw().forEach(([now], i) => facts[i](now));
    return { title: "", facts: "" };
  };
});
