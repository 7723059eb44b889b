// Distributions one after another, under one slider. Everything was computed before; here it is only
// shown.

export default livePicture("steps", ({ model, data, body }) => {
  const show = makeBars(body, Math.max(...data.steps.map(({ labels }) => labels.length)));
  return () => {
    const now = data.steps[model.get("step")];
    return { title: now.title, facts: show(now) };
  };
});
