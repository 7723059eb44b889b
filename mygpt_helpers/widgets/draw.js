// A draw: the probabilities laid end to end, the number that lands on one of them, and many draws
// counted. Where each seed's numbers land was found in Python; a moved number lands here.

export default livePicture("draw", ({ model, data, panel, title, body, facts: said }) => {
  const { names, labels, ranges, probs, spans, firsts, reach } = data;
  const edges = numbersIn(reach.edges, Float64Array);
  const starts = edges.subarray(0, edges.length / 2);
  const ends = edges.subarray(edges.length / 2);
  const counted = numbersIn(data.counted, Uint8Array);
  const most = counted.length / firsts.length;

  /** The token whose cumulative probability is the first to exceed u; -1 for one not sent. */
  function land(u) {
    const at = u * reach.total;
    const place = starts.findLastIndex((start) => start <= at);
    return at < ends[place] || place === ends.length - 1 ? place : -1;
  }

  panel.before(title); // it never changes
  // A seed is replayed: its first number is drawn again.
  panel.querySelector('[data-knob="seed"]').addEventListener("input", () =>
    model.set("u", firsts[model.get("seed")]));

  // The line stands in the slider's column, so that u is where the slider's thumb is.
  const line = make(body, "div", { class: "knob", "aria-hidden": "true" }); // the table says it all
  make(line, "span", { class: "edge" }, "0");
  const strip = make(line, "div", { class: "laid" });
  make(line, "span", {}, "1");
  const parts = spans.map(([start, end], i) => {
    const style = `left: ${100 * start}%; width: ${100 * (end - start)}%`;
    const part = make(strip, "div", { style, title: labels[i][1] });
    if (end - start > 0.04) make(part, "bdi", {}, labels[i][0]);
    return part;
  });
  const pointer = make(strip, "div", { class: "pointer" });
  const landing = make(body, "p", { class: "landing", role: "status" });
  const token = make(landing, "bdi");
  landing.prepend("u lands on ");
  const rest = make(landing, "span");
  makeButton(make(body, "p", { class: "again" }), "draw again: next seed", () => {
    const seed = (model.get("seed") + 1) % firsts.length;
    model.set({ seed, u: firsts[seed] });
    tell(model);
  });

  const [caption, head, shown] = makeTable(body, "tokens draws");
  say(caption, `The draw${data.title && `: ${data.title}`}`);
  const headings = make(head, "tr");
  for (const [kind, text] of [["", "token"], ["range", "if u is in"], ["number", "prob."],
    ["bars", ""], ["number", "times"], ["number", "drawn"], ["state", ""]])
    make(headings, text ? "th" : "td", { class: kind }, text);
  const foot = make(shown.parentElement, "tfoot");
  const rows = names.map((name, i) => {
    const row = make(i < labels.length ? shown : foot, "tr");
    const heading = make(row, "th", { scope: "row" });
    if (i < labels.length) {
      heading.title = labels[i][1];
      heading.append('"', make(heading, "bdi", {}, labels[i][0]), '"');
    } else say(heading, name);
    make(row, "td", { class: "range" }, ranges[i]);
    make(row, "td", { class: "number" }, probs[i].toFixed(3));
    const track = make(make(row, "td", { class: "bars" }), "div", { class: "track", "aria-hidden": "true" });
    const solid = make(track, "div", { class: "solid", style: "width: 100%" });
    make(track, "div", { class: "outline" }).style.width = `${100 * probs[i]}%`;
    const [times, drawn] = [0, 1].map(() => make(row, "td", { class: "number" }));
    return { solid, times, drawn, state: make(row, "td", { class: "state" }) };
  });
  body.append(said);
  makeLegend(body, [["solid", "drawn, share"], ["outline", "prob."], ["chosen", "where u lands"]]);

  return () => {
    const [n, seed] = [model.get("draws"), model.get("seed")];
    const place = land(model.get("u"));
    const row = place < 0 ? labels.length : reach.rows[place];
    const [text, about] = place < 0 ? ["", names.at(-1)] : reach.said[place];
    say(token, text && `"${text}"`);
    say(rest, place < 0 ? `one of the ${about}` : about);
    pointer.style.transform = `translateX(${100 * model.get("u")}%)`;
    parts.forEach((part, i) => part.classList.toggle("chosen", i === row));
    const counts = names.map(() => 0);
    for (const at of counted.subarray(seed * most, seed * most + n)) counts[at]++;
    rows.forEach(({ solid, times, drawn, state }, i) => {
      say(times, commas(counts[i]));
      say(drawn, (counts[i] / n).toFixed(3));
      solid.style.transform = `scaleX(${counts[i] / n})`;
      solid.classList.toggle("chosen", i === row);
      say(state, i === row ? "◀ u" : "");
    });
    const gap = Math.max(...probs.map((p, i) => Math.abs(counts[i] / n - p)));
    const usual = Math.max(...probs.map((p) => Math.sqrt((p * (1 - p)) / n)));
    const facts = n === 1
      ? `One draw, with seed ${seed}. More draws show how often each token comes.`
      : `After ${commas(n)} draws with seed ${seed} the largest gap between drawn and prob. is `
        + `${gap.toFixed(3)}. About ${usual.toFixed(3)} is usual.`;
    return { title: data.title, facts };
  };
});
