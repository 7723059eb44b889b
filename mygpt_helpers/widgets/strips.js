// Texts as strips of tiles, under two sliders: which text, and how much of it. Everything was computed
// before; here it is only shown.

const SMALL = { style: "font-size: 9px" };
const KINDS = new Map([[null, "given"], [true, "right"], [false, "wrong"]]);

export default livePicture("strips", ({ model, data, body, facts }) => {
  const longest = Math.max(...data.strips.map(({ tokens }) => tokens.length));
  body.before(facts); // below the tiles, a short text would leave them far away
  makeLegend(body, [["given", "given"], ["right", "right"], ["wrong", "✕ wrong"]]);
  const [caption, , rows] = makeTable(body, "tiles");
  makeScroller(rows.parentElement);
  const tiles = [];
  for (let first = 0; first < longest; first += data.per_row) {
    const row = make(rows, "tr");
    make(row, "th", { scope: "row", style: "width: 34px" }, String(first));
    for (let column = 0; column < data.per_row; column++) {
      const tile = make(make(row, "td"), "div");
      tiles.push({ tile, cross: make(tile, "b", SMALL), text: make(tile, "bdi"), row, column });
    }
  }
  const labels = data.strips.flatMap(({ tokens }) => tokens.map(([short]) => short));
  rows.style.fontSize = labels.some((short) => short.length > 5) ? "10px" : "13px";

  let reached = 0; // the most tokens so far

  return () => {
    const now = data.strips[model.get("strip")];
    const shown = now.right.slice(0, model.get("length"));
    reached = Math.max(reached, shown.length);
    tiles.forEach(({ tile, cross, text, row, column }, i) => {
      const [short, whole] = i < shown.length ? now.tokens[i] : ["", ""];
      tile.className = i < shown.length ? KINDS.get(shown[i]) : "";
      say(cross, shown[i] === false ? "✕" : "");
      say(text, short);
      tile.title = whole && `position ${i}: ${whole}`;
      if (column > 0) return;
      // A row that was shown keeps its place, so that nothing below moves back with the slider.
      row.hidden = i >= reached;
      row.style.visibility = i < shown.length ? "" : "hidden";
    });
    say(caption, now.title);
    return { title: now.title, facts: now.facts[shown.length - 1] };
  };
});
