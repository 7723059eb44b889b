// A native slider through named stops, for the live pictures that show what was computed before.

/** Add a slider; get() and set(place) read and write its place; texts: what each place is called. */
function makeKnob(parent, model, name, texts, { knob = name, get, set }) {
  const row = make(parent, "div", { class: "knob" });
  const id = `mygpt-knob-${Math.random().toString(36).slice(2)}`;
  make(row, "label", { for: id }, name);
  const input = make(row, "input", {
    type: "range", id, min: 0, max: texts.length - 1, step: 1, "data-knob": knob,
    "data-lm-suppress-shortcuts": "true", // or JupyterLab takes the arrow keys
  });
  // Not live: a screen reader says aria-valuetext already.
  const output = make(row, "output", { for: id, "aria-live": "off" });
  input.addEventListener("input", () => set(input.valueAsNumber));
  input.addEventListener("change", () => model.save_changes()); // once a drag
  return function follow() {
    const place = get();
    if (input.valueAsNumber !== place) input.valueAsNumber = place;
    input.setAttribute("aria-valuetext", texts[place]);
    say(output, texts[place]);
  };
}

/** Paint now and after each change of the model: however many arrive, once a frame. */
function paintOnChange(model, paint) {
  let frame = 0;
  const schedule = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      paint();
    });
  };
  model.on("change", schedule);
  paint();
  return () => {
    model.off("change", schedule);
    cancelAnimationFrame(frame);
  };
}

