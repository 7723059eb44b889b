// The live picture of a next-token distribution.

export default livePicture("distribution", (view) => {
  const draw = makeKnobbed(view, [[view.body, view.data]]);
  view.panel.before(view.title); // it never changes
  return () => {
    const [[now, facts]] = draw();
    return { title: now.title, facts };
  };
});
