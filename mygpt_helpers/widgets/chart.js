// A curve whose letters keep their size, whatever room there is.

const CHART_WIDE = 720; // pixels

/**
 * Add a drawing that is as wide as there is room, and whose letters keep their size. build(svg, width)
 * draws what stays, now and whenever the room has changed, and returns the function that draws what
 * moves. So does makeChart: what it is called with is drawn, now and in the next room.
 */
function makeChart(parent, height, build) {
  const svg = make(parent, "svg", { class: "chart", role: "img", height });
  let width, move, now;
  function fit(room) {
    width = room;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    move = build(svg, width);
    if (now) move(...now);
  }
  fit(CHART_WIDE); // until it is in the page
  new ResizeObserver(([{ contentRect }]) => {
    const room = Math.round(contentRect.width);
    if (room && room !== width) fit(room);
  }).observe(svg);
  return (...what) => move(...(now = what));
}

