// Two rules, one after the other, and what each order of them keeps. All is computed here (rule.js).

export default livePicture("order", ({ model, data, panel, body, facts }) => {
  const sorted = numbersIn(data.logits, Float32Array);
  const plain = heat(sorted, 1, new Float64Array(sorted.length));
  const buffer = new Float64Array(sorted.length);
  let warm = plain, warmth = 1;
  makeButton(panel, "swap the order", () => {
    model.set("swapped", !model.get("swapped"));
    tell(model);
  });
  const names = panel.querySelectorAll("label"); // numbered, see live.css
  const { caption, rows, below } = makeColumns(body, { ...data, outlines: true });
  makeLegend(body, [["solid", "this order"], ["outline", "other order"]]).before(facts);

  /** Apply the rules in an order: how many tokens stay, and the probability of the one at a place. */
  function applied(order, knobs) {
    let now = plain, kept = plain.finite;
    for (const name of order)
      if (name === "temperature") now = warm;
      else kept = CUTS[name](now, kept, knobs[name]);
    const total = sumOf(now.weights, kept);
    return { kept, of: (place) => (place < kept ? now.weights[place] / total : 0) };
  }

  return () => {
    const values = model.get("values");
    const knobs = Object.fromEntries(data.rules.map((name, i) => [name, values[i]]));
    if ((knobs.temperature ?? warmth) !== warmth)
      warm = heat(sorted, (warmth = knobs.temperature), buffer);
    const swapped = data.rules.toReversed();
    const [order, other] = model.get("swapped") ? [swapped, data.rules] : [data.rules, swapped];
    names.forEach((name, i) => (name.dataset.place = 1 + order.indexOf(data.rules[i])));
    const [here, there] = [applied(order, knobs), applied(other, knobs)];
    const rest = [1, 1];
    rows.forEach(({ show, outlineAt, cells }, i) => {
      const [stays, returns] = [i < here.kept, i < there.kept];
      show(here.of(i), stays ? (returns ? "kept" : "only") : returns ? "other" : "cut");
      outlineAt(there.of(i));
      say(cells[0], there.of(i).toFixed(3));
      rest[0] -= here.of(i);
      rest[1] -= there.of(i);
    });
    for (const cells of below) {
      say(cells[0], Math.max(0, rest[0]).toFixed(3));
      say(cells[2], Math.max(0, rest[1]).toFixed(3));
    }
    const title = `${data.title}${order[0]}, then ${order[1]}`;
    say(caption, title);
    const alone = `Kept by one order alone: ${commas(Math.abs(here.kept - there.kept))}.`;
    const counts = `${commas(here.kept)} token${here.kept > 1 ? "s" : ""}, the other order ${commas(there.kept)}`;
    return { title, facts: `This order keeps ${counts}. ${alone}` };
  };
});
