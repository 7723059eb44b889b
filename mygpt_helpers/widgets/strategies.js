// One prompt under several strategies: for each its numbers, and its text below them.

export default livePicture("strategies", ({ model, data, body }) => {
  const [caption, head, rows] = makeTable(body, "texts");
  const names = make(head, "tr");
  for (const name of data.headings) make(names, "th", { scope: "col" }, name);
  make(names, "th", { scope: "col", class: "unseen" }, "text");
  const cells = data.rows[0].map(([name]) => {
    const row = make(rows, "tr");
    make(make(row, "th", { scope: "row" }), "bdi", {}, name);
    const [mean, repeated] = [make(row, "td"), make(row, "td")];
    const track = make(make(row, "td", { class: "bars" }), "div", { class: "track", "aria-hidden": "true" });
    const bar = make(track, "div", { class: "solid", style: "width: 100%" });
    return { mean, repeated, bar, text: make(make(row, "td", { class: "text" }), "bdi") };
  });
  return () => {
    const seed = model.get("seed");
    data.rows[seed].forEach(([, text, mean, repeated], i) => {
      say(cells[i].text, text);
      say(cells[i].mean, mean.toFixed(2));
      say(cells[i].repeated, repeated.toFixed(2));
      cells[i].bar.style.transform = `scaleX(${repeated})`;
    });
    const title = `${data.title}: seed ${data.seeds[seed]}`;
    say(caption, title);
    return { title, facts: "" };
  };
});
