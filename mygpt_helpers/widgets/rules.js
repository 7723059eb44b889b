// What each rule keeps, side by side on one distribution. All is computed here (rule.js), and of that
// only what a slider has changed.

/** Compute anew only for other knobs than the last ones. */
function remembered(rule) {
  let last, found;
  return (knobs) => {
    const now = Object.values(knobs).join();
    if (now !== last) [last, found] = [now, rule({ ...NEUTRAL, ...knobs })];
    return found;
  };
}

export default livePicture("rules", ({ model, data, body, facts }) => {
  const sorted = numbersIn(data.logits, Float32Array);
  const used = numbersIn(data.used_ranks, Int32Array);
  const plain = makeRule(sorted, [], data.labels.length);
  const penalized = makeRule(sorted, used, data.labels.length);
  const alone = remembered(plain);
  const isPenalty = (name) => name === "repetition_penalty";
  const each = data.rules.map((name) => [name, remembered(isPenalty(name) ? penalized : plain)]);
  const { caption, rows, below } = makeColumns(body, data);
  const isBefore = data.rules.some(isPenalty) ? ", before the penalty" : "";
  makeLegend(body, [["solid", `the model's probability, at this temperature${isBefore}`]]).before(facts);
  const state = rows.map((_, rank) => (used.includes(rank) ? "used" : ""));

  return () => {
    const temperature = model.get("temperature");
    const before = alone({ temperature });
    const after = each.map(([name, rule]) =>
      ({ ...rule({ temperature, [name]: model.get(name) }), moves: isPenalty(name) }));
    rows.forEach(({ show, cells }, i) => {
      show(before.after[i], state[i]);
      after.forEach(({ cut, after, moves }, column) => {
        if (moves) say(cells[column], after[i].toFixed(3));
        else saySign(cells[column], cut[i] ? "cut" : "kept");
      });
    });
    const [counts, masses] = below;
    after.forEach(({ num_kept, largest, moves }, column) => {
      say(counts[2 + column], commas(num_kept));
      // Both are the top token's; where nothing is cut, the penalty's own may be another.
      say(masses[2 + column], (moves ? 1 : before.largest / largest).toFixed(3));
    });
    say(caption, `What each rule keeps: ${data.title}`);
    return { title: data.title, facts: data.facts };
  };
});
