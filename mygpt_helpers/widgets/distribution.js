// The live picture of a next-token distribution. The built-in rule computes here (rule.js); where the
// learner's own function takes its place, Python sends the numbers.

export default livePicture("distribution", ({ model, data, panel, title, body, facts }) => {
  const own = "question" in model.get("_answer");
  const sorted = numbersIn(data.logits, Float32Array);
  const rule = makeRule(sorted, numbersIn(data.used_ranks, Int32Array), data.labels.length);
  const show = makeBars(body, data.labels.length, rule(NEUTRAL).after);
  panel.before(title); // it never changes
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
    const now = own ? model.get("_answer") : rule(knobs);
    legend.lastChild.hidden = !(now.num_kept < sorted.length);
    return { title: data.title, facts: show({ ...data, ...now, vocab_size: sorted.length }) };
  };
});
