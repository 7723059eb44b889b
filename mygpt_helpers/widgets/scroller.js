// What may be wider than its place.

/**
 * Let an element scroll sideways where it is wider than its place. live.css fades the edge at which there
 * is more, and keeps a table's names in sight.
 */
function makeScroller(content) {
  const part = make(content.parentElement, "div", { class: "scroller" });
  content.replaceWith(part);
  part.append(content);
  function look() {
    const rest = part.scrollWidth - part.clientWidth;
    part.classList.toggle("more-before", part.scrollLeft > 1);
    part.classList.toggle("more-after", part.scrollLeft < rest - 1);
    for (const [name, value] of Object.entries({ tabindex: 0, ...OUR_KEYS })) // by keyboard, too
      if (rest > 1) part.setAttribute(name, value);
      else part.removeAttribute(name);
  }
  part.addEventListener("scroll", look);
  const sizes = new ResizeObserver(look);
  for (const node of [part, content]) sizes.observe(node);
  return part;
}

