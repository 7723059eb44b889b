"""A live picture of an example lesson: the smallest whole one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mygpt_helpers.pictures.curves import show_curves
from mygpt_helpers.widgets.base import Level, LivePicture, Shown, Slider, browser_code


class SureWidget(LivePicture):
    """The probability that n tokens in a row are all right, if each is with probability p.

    lengths: the values of n to show, whole numbers from 1. p: where the slider starts, from 0.9 to
    1, and an attribute. Raises ValueError for another p. Used in lesson 77.
    """

    # In the package, browser_code("sure") reads the file beside base.py.
    _esm = browser_code() + Path(__file__).with_suffix(".js").read_text("utf-8")

    p = Level().tag(sync=True)

    def __init__(self, lengths: Sequence[int] = (1, 10, 100), *, p: float = 0.99) -> None:
        """Send the lengths, and the values of p that the slider stops at."""
        self._lengths = list(lengths)
        slider = Slider("p for each token", "p", stops=[0.9, 0.95, 0.99, 0.999, 1.0])
        super().__init__(label="All right", data={"lengths": self._lengths}, sliders=[slider], p=p)

    def shown(self) -> Shown:
        """Return the text twin, the still, and what the page must say now."""
        title = "All tokens right"
        chances = {n: self.p**n for n in self._lengths}
        lines = [f"  n = {n}  {chance:.3f}" for n, chance in chances.items()]
        about = {"x_label": "n", "y_label": "probability", "title": title}
        picture = show_curves([*chances], {"p to the n": [*chances.values()]}, **about)
        page = {"title": title, "rows": [[f"n = {n}", chance] for n, chance in chances.items()]}
        return Shown("\n".join([title, *lines]), lambda: picture.figure, page)
