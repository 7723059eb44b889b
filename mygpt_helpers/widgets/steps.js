// Distributions one after another, under one slider. Everything was computed before; here it is only
// shown. What draws the bars stands in bars.js, which is put in front of this file.

function render({ model, el }) {
  const steps = model.get("_steps");
  const label = model.get("_label");
  const root = make(el, "div", { class: "mygpt-distribution", role: "group", "aria-label": label });
  const knob = make(make(root, "div", { class: "knobs" }), "div", { class: "knob" });
  const id = `mygpt-step-${Math.random().toString(36).slice(2)}`;
  make(knob, "label", { for: id }, label);
  const input = make(knob, "input", {
    type: "range", id, min: 0, max: steps.length - 1, step: 1, "data-knob": "step",
    "data-lm-suppress-shortcuts": "true", // or JupyterLab takes the arrow keys
  });
  const output = make(knob, "output", { for: id, "aria-live": "off" });
  const title = make(root, "div", { class: "title", "aria-hidden": "true" });
  const table = make(root, "table");
  const caption = make(table, "caption");
  makeHead(table);
  const body = make(table, "tbody");
  const most = Math.max(...steps.map((step) => step.labels.length));
  const rows = Array.from({ length: most }, () => makeRow(body));
  const others = makeRow(make(table, "tfoot"));
  const facts = make(root, "p", { class: "facts" });

  let frame = 0;
  function paint() {
    frame = 0;
    const at = model.get("step");
    const step = steps[at];
    input.valueAsNumber = at;
    input.setAttribute("aria-valuetext", `${at + 1} of ${steps.length}: ${step.title}`);
    say(output, `${at + 1} of ${steps.length}`);
    say(title, step.title);
    say(caption, `Next-token probabilities: ${step.title}`);
    const largest = Math.max(...step.after);
    rows.forEach((row, i) => {
      row.label(...step.labels[i]);
      row.show(step.after[i], step.after[i] === largest ? "top" : "");
    });
    others.others(step.rest_count);
    others.show(step.rest, "");
    say(facts, unsure(step.entropy));
  }

  function schedule() {
    frame ||= requestAnimationFrame(paint);
  }

  input.addEventListener("input", () => model.set("step", input.valueAsNumber));
  input.addEventListener("change", () => model.save_changes()); // once a drag
  model.on("change", schedule);
  paint();
  return () => {
    model.off("change", schedule);
    cancelAnimationFrame(frame);
  };
}

export default { render };
