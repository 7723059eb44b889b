// Every live picture alone in the window, for a class.

const LEAST_ZOOM = 0.7; // of what fills the window's width: a tall picture is smaller, and whole

/** The ground that an element stands on: what is shown alone brings it along. */
function groundOf(node) {
  const ground = node && getComputedStyle(node).backgroundColor;
  return /^rgba\(.*, 0\)$/.test(ground) ? groundOf(node.parentElement) : (ground ?? "Canvas");
}

/**
 * Add the button that shows the picture alone in the window, legible from the back of a room. The
 * element stays where it is in the page, and with it all that is moved or chosen; Escape leads back.
 */
function makeEnlarge(root, panel) {
  const button = makeButton(root, "enlarge", () => (isLarge() ? back() : enlarge()));
  button.className = "enlarge";
  const isLarge = () => root.classList.contains("large");
  const leave = (event) => event.key === "Escape" && back();

  /** Fill the window's width, or its height; the sliders stay in sight where that leaves room. */
  function fit() {
    const room = Number.parseFloat(getComputedStyle(root).getPropertyValue("--room"));
    const widest = Math.max(1, innerWidth / room);
    const least = Math.max(1, LEAST_ZOOM * widest);
    root.style.zoom = widest;
    for (const _ of [1, 2]) { // smaller, a picture may be wider, and its curves higher
      const whole = (0.99 * root.clientHeight) / root.scrollHeight;
      root.style.zoom = Math.max(least, root.style.zoom * Math.min(1, whole));
    }
    root.classList.toggle("follows", panel.offsetHeight < root.clientHeight / 3);
  }

  async function enlarge() {
    root.parentElement.style.minHeight = `${root.offsetHeight}px`; // the page behind stays in place
    root.style.setProperty("--ground", groundOf(root));
    try {
      await root.requestFullscreen();
    } catch { // refused, or not there: on a phone, in a frame
      root.popover = "manual";
      root.showPopover?.();
      show(true);
    }
  }

  function back() {
    if (document.fullscreenElement === root) document.exitFullscreen(); // then the event below
    else show(false);
  }

  function show(large) {
    root.classList.toggle("large", large);
    root.classList.remove("follows");
    say(button, large ? "back to the page" : "enlarge");
    const listen = large ? "addEventListener" : "removeEventListener";
    window[listen]("resize", fit);
    document[listen]("keydown", leave);
    if (large) return fit();
    root.parentElement.style.minHeight = root.style = "";
    root.popover = null;
  }

  root.addEventListener("fullscreenchange", () => show(document.fullscreenElement === root));
  return () => show(false);
}

