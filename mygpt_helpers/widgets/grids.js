// Heat maps one at a time, under sliders. Everything was computed before; here it is only shown.

export default livePicture("grids", ({ model, data, body }) => {
  const show = makeHeat(body, data.scale);
  const counts = model.get("_sliders").map(({ stops }) => stops.length);
  return () => {
    const places = model.get("index");
    const grid = data.grids[counts.reduce((at, count, i) => at * count + places[i], 0)];
    return show({ ...grid, values: numbersIn(grid.values, Float64Array) });
  };
});
