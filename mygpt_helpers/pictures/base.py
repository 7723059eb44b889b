"""What every picture is made of: a figure with its text twin, colours, labels that are plain text.

A picture is a function of data, never of a model. It displays as one MIME bundle: a PNG for the
eye, and under text/plain what it shows, in rounded numbers: for a screen reader, for where no
picture can be shown, and for the comparison that re-runs the course. Used from lesson 01 on.
"""

from __future__ import annotations

import io
from base64 import b64encode
from functools import cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from PIL import Image

from .tables import visible_prose

# One colour, one meaning, in every lesson (Okabe and Ito's set for colour-blind readers).
KEPT, CUT, GREEDY, CHOSEN = "#0072B2", "#999999", "#E69F00", "#D55E00"
DPI = 150
LABEL_CHARS = 24


class Picture:
    """A matplotlib figure and the text that says the same. Used from lesson 01 on."""

    def __init__(self, figure: Figure, text: str) -> None:
        self.figure, self.text = figure, text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        return bundle(self.figure, self.text)


def bundle(figure: Figure, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a figure and its text twin as Jupyter's (data, metadata)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    png = io.BytesIO()
    # 128 colours make the stored notebook much smaller. They are chosen so that a colour of
    # few pixels stays what it is, such as the strongest cell's of a heat map.
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    image.quantize(128, Image.Quantize.MAXCOVERAGE).save(png, "PNG")
    width, height = figure.get_size_inches() * 96  # CSS pixels to the inch
    data = {"image/png": b64encode(png.getvalue()).decode("ascii"), "text/plain": text}
    return data, {"image/png": {"alt": text, "width": round(width), "height": round(height)}}


def visible_title(text: str, max_chars: int = 90) -> str:
    """Return a title on one line, as prose."""
    return visible_prose(text, max_chars)


@cache
def _glyphs() -> frozenset[int]:
    fonts = (findfont(FontProperties(family="DejaVu Sans", weight=w)) for w in ("normal", "bold"))
    return frozenset.intersection(*(frozenset(get_font(font).get_charmap()) for font in fonts))


def printable(text: str) -> str:
    """Return text with characters that the figures' fonts lack (an emoji, say) as escapes."""
    return "".join(c if ord(c) in _glyphs() else f"\\u{{{ord(c):x}}}" for c in text)
