// What the pictures with sliders for the knobs share. The built-in rule computes here (rule.js); where
// the learner's own function takes its place, Python sends the numbers.

/**
 * Add bars for distributions under one set of sliders, each given as [its place, its data], and the
 * legend and the button that go with the sliders. The function returned shows what the sliders say
 * now, and returns for each what that is, and the facts on it.
 */
function makeKnobbed({ model, data, panel, body, facts }, parts) {
  const own = "question" in model.get("_answer");
  const all = parts.map(([place, part]) => {
    const sorted = numbersIn(part.logits, Float32Array);
    const rule = makeRule(sorted, numbersIn(part.used_ranks, Int32Array), part.labels.length);
    const show = makeBars(place, part.labels.length, rule(NEUTRAL).after);
    return { part, rule, show, vocab_size: sorted.length };
  });
  if (model.get("_sliders").length)
    makeButton(panel, "reset", () => {
      model.set(data.start);
      tell(model);
    });
  const legend = makeLegend(body, [
    ["solid", own ? "by your function" : "with these settings"],
    ["outline", own ? "without it" : "without them"],
    ["cut", "cut"],
  ]);
  legend.before(facts);

  return () => {
    const knobs = Object.fromEntries(Object.keys(NEUTRAL).map((knob) => [knob, model.get(knob)]));
    const answer = model.get("_answer");
    const answers = answer.parts ?? [answer];
    const now = all.map(({ part, rule, vocab_size }, i) =>
      ({ ...part, ...(own ? answers[i] : rule(knobs)), vocab_size }));
    legend.lastChild.hidden = !now.some(({ num_kept, vocab_size }) => num_kept < vocab_size);
    return now.map((one, i) => [one, all[i].show(one)]);
  };
}

