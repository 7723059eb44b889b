// A text coloured by how likely its tokens were, and the alternatives of one of them.

export default livePicture("likelihood", ({ model, data, body, facts }) => {
  const flow = makeFlow(model, body, facts);
  const show = makeBars(body, Math.max(...data.alternatives.map(({ labels }) => labels.length)));
  return () => {
    show({ ...data.alternatives[flow(data)], title: data.title });
    return { title: data.title, facts: facts.textContent };
  };
});
