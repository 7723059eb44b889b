"""Small doubts add up: p to the n under two sliders. First used in lesson 03."""

from __future__ import annotations

import math

from ..pictures.base import Picture
from ..pictures.curves import show_curves
from .base import Level, LivePicture, Place, Shown, Slider, browser_code

PS = [  # finer towards 1, where it matters
    *(i / 100 for i in range(50, 90, 2)),
    *(i / 1000 for i in range(900, 990, 5)),
    *(i / 10_000 for i in range(9900, 9990, 5)),
    *(i / 10_000 for i in range(9990, 10_001)),
]
NS = sorted({round(10 ** (i / 30)) for i in range(91)})  # from 1 to 1,000, by even factors
CURVE = [10 ** (i / 60) for i in range(181)]  # between whole numbers too: it is drawn round
TITLE = "All tokens right"


class StreakWidget(LivePicture):
    """The probability that n tokens are all right, if each is with probability p: p to the n.

    p: from 0.5 to 1, n: from 1 to 1,000; where the sliders start, and attributes. Raises ValueError
    for another number. Used in lesson 03.
    """

    _esm = browser_code("chart", "streak")

    p = Level().tag(sync=True)
    n = Place().tag(sync=True)

    def __init__(self, p: float = 0.99, n: int = 100) -> None:
        """Send the curve's points."""
        sliders = [Slider("p, each token", "p", stops=PS), Slider("n, tokens", "n", stops=NS)]
        data = {"points": CURVE, "title": TITLE}
        super().__init__(label=TITLE, data=data, sliders=sliders, p=p, n=n)

    def shown(self) -> Shown:
        """Return the curve for p, with n marked on it, and the chance in words."""
        said = f"{self.p:g} to the power of {self.n:,} is {_said(self.p**self.n)}"
        about = {"x_label": "n, tokens in a row", "y_label": "probability", "title": TITLE}
        marks = {f"n = {self.n:,}": self.n}

        def over(points: list[float]) -> Picture:
            curve = {f"{self.p:g} to the n": [self.p**n for n in points]}
            return show_curves(points, curve, log_x=True, marks=marks, **about)

        page = {"title": TITLE, "facts": said, "rows": [[f"{len(CURVE)} points"]]}
        return Shown(f"{over(NS).text}\n{said}", lambda: over(CURVE).figure, page)


def _said(chance: float) -> str:
    """Return a chance in words; streak.js says the same."""
    if chance < 1e-6:
        return "below 0.000001: fewer than 1 in a million texts are right throughout."
    if chance < 0.01:
        number = f"{math.floor(1 / chance + 0.5):,}"
        return f"{chance:.6f}: about 1 of {number} texts is right throughout."
    number = math.floor(100 * chance + 0.5)
    are = "is" if number == 1 else "are"
    return f"{chance:.3f}: about {number} of 100 texts {are} right throughout."
