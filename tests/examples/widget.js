// The probability that n tokens in a row are all right, computed where the slider is.

export default livePicture("sure", ({ model, data, body }) => {
  const [caption, , rows] = makeTable(body, "sure");
  const cells = data.lengths.map((n) => {
    const row = make(rows, "tr");
    make(row, "th", { scope: "row" }, `n = ${n}`);
    return make(row, "td");
  });
  return () => {
    data.lengths.forEach((n, i) => say(cells[i], (model.get("p") ** n).toFixed(3)));
    say(caption, "All tokens right");
    return { title: "All tokens right", facts: "" };
  };
});
