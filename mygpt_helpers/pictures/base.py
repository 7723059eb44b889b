"""What every picture is made of: a figure with its text twin, colours, labels that are plain text.

A picture is a function of data, never of a model. It displays as one MIME bundle: a PNG for the
eye, and under text/plain what it shows, in rounded numbers: for a screen reader, for where no
picture can be shown, and for the comparison that re-runs the course. Used from lesson 01 on.
"""

from __future__ import annotations

import html
import io
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Callable
from functools import cache, cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from PIL import Image

from ..console import running_cell
from .settings import own_settings

# One colour, one meaning, in every lesson (Okabe and Ito's set for colour-blind readers).
KEPT, CUT, GREEDY, CHOSEN = "#0072B2", "#999999", "#E69F00", "#D55E00"
FAINT = 0.73  # how much of the ink a text beside the point gets
DPI = 150
LABEL_CHARS = 24
# In a notebook that is not trusted there is no style: the dark form stays away. On paper, too.
STILL = """<style>@media screen {{
  [data-jp-theme-light="false"] .mygpt-light {{ display: none !important; }}
  [data-jp-theme-light="false"] .mygpt-dark {{ display: inline !important; }}
}}</style>
<img class="mygpt-light" style="{fit}" src="data:image/png;base64,{light}" {about}>
<img class="mygpt-dark" style="{fit}; display: none" src="data:image/png;base64,{dark}" {about}>"""
FIT = "max-width: 100%; height: auto"


class Picture:
    """A matplotlib figure and the text that says the same. Used from lesson 01 on.

    figure: a Figure, or a function that makes one. What a function makes looks the same whatever
    matplotlib was set to, and has a dark form for a dark page.
    """

    def __init__(self, figure: Figure | Callable[[], Figure], text: str) -> None:
        self._draw = figure if callable(figure) else lambda: figure
        self.text = text

    @cached_property
    def figure(self) -> Figure:
        """The figure, made when it is first asked for."""
        with own_settings():
            return self._draw()

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = bundle(self._draw, self.text)
        # JupyterLab gives a PNG no alternative text, and HTML the one that it has. What runs the
        # lessons to store or to compare them has no cells on a page, and so never meets the HTML.
        if running_cell()[0] and "image/png" in data:
            light, size = data["image/png"], metadata["image/png"]
            dark = bundle(self._draw, self.text, dark=True)[0].get("image/png", light)
            about = f'alt="{html.escape(self.text)}"'
            about += f' width="{size["width"]}" height="{size["height"]}"'
            data["text/html"] = STILL.format(light=light, dark=dark, about=about, fit=FIT)
        return data, metadata


def bundle(
    draw: Callable[[], Figure], text: str, *, dark: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what draw() makes, and its text twin, as Jupyter's (data, metadata).

    dark: for a dark page. Whatever keeps the figure from being drawn, the text is there.
    """
    png = io.BytesIO()
    try:
        with own_settings(dark=dark):
            figure = draw()
            width, height = figure.get_size_inches() * 96  # CSS pixels to the inch
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
        # 128 colours make the stored notebook much smaller. They are chosen so that a colour of
        # few pixels stays what it is, such as the strongest cell's of a heat map. In the dark that
        # takes another look at the ground, which would get a tint.
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        image.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=int(dark)).save(png, "PNG")
    except Exception:
        return {"text/plain": text}, {}
    data = {"image/png": b64encode(png.getvalue()).decode("ascii"), "text/plain": text}
    return data, {"image/png": {"alt": text, "width": round(width), "height": round(height)}}


@cache
def _glyphs() -> frozenset[int]:
    fonts = (findfont(FontProperties(family="DejaVu Sans", weight=w)) for w in ("normal", "bold"))
    return frozenset.intersection(*(frozenset(get_font(font).get_charmap()) for font in fonts))


def printable(text: str, max_chars: int | None = None) -> str:
    """Return text with characters that the figures' fonts lack (an emoji, say) as escapes.

    max_chars: cut to as many; no escape is cut in two.
    """
    parts = [c if ord(c) in _glyphs() else f"\\u{{{ord(c):x}}}" for c in text]
    if max_chars is not None:
        parts = parts[: bisect_right([*accumulate(map(len, parts))], max_chars)]
    return "".join(parts)
