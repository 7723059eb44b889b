// Heat maps one at a time, under sliders. Everything was computed before; here it is only shown.

function render({ model, el }) {
  const sliders = model.get("_sliders");
  const label = sliders.map(([name]) => name).join(", ") || "table";
  const root = make(el, "div", {
    class: "mygpt-live mygpt-grids", role: "group", "aria-label": label,
  });
  const panel = make(root, "div", { class: "knobs" });
  const follow = sliders.map(([name, stops], i) =>
    makeKnob(panel, model, name, stops, {
      get: () => model.get("index")[i],
      set: (place) => model.set("index", model.get("index").with(i, place)),
    }),
  );
  const show = makeHeat(root);

  return paintOnChange(model, () => {
    for (const knob of follow) knob();
    const index = model.get("index");
    const at = sliders.reduce((sum, [, stops], i) => sum * stops.length + index[i], 0);
    const grid = model.get("_grids")[at];
    show({ ...grid, values: numbersIn(grid.values, Float64Array) }, model.get("_scale"));
  });
}

export default { render };
