"""The still of a text that is cut into tokens by the first n merges. For lesson 13."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .base import CHOSEN, CUT, DPI, KEPT, printable

WIDTH = 7.2  # inches
MOST_LINES = 12
Piece = tuple[str, int, bool]  # its text, its place in GROUNDS, whether the last merge made it
# By how many bytes a token has: 1 to 5 or more. live.css has the same.
GROUNDS = ("none", "#EAF3F9", "#D2E6F3", "#B3D5EA", "#8FC1E0")


def merges_figure(
    title: str, pieces: Sequence[Piece], facts: str, rates: Sequence[float], now: int
) -> Figure:
    """Return the tokens as tiles, above the curve of tokens per character.

    rates: after 0, 1, 2, ... merges; the one after `now` of them is marked.
    """
    tiles, x, line = [], 0.0, 0
    for text, ground, new in pieces:
        shown = printable(text)
        wide = 0.12 + 0.082 * len(shown)  # inches
        if x + wide > WIDTH - 0.3:
            x, line = 0.0, line + 1
        tiles.append((x, line, wide, shown, GROUNDS[ground], new))
        x += wide
    rows = 0.3 * min(line + 1, MOST_LINES)
    height = 0.5 + rows + 2.5
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    figure.text(0.02, 1 - 0.25 / height, printable(title), weight="bold", parse_math=False)
    axes = figure.add_axes((0.02, 1 - (0.45 + rows) / height, 0.96, rows / height))
    axes.set(xlim=(0, 0.96 * WIDTH), ylim=(rows / 0.3, 0))
    axes.axis("off")
    for x, y, wide, text, ground, new in tiles:
        if y >= MOST_LINES:
            break
        edge = {"ec": CHOSEN, "lw": 1.8, "ls": "--"} if new else {"ec": CUT, "lw": 0.5}
        axes.add_patch(Rectangle((x + 0.02, y + 0.08), wide - 0.04, 0.84, fc=ground, **edge))
        about = {"ha": "center", "va": "center", "size": 8.5, "parse_math": False}
        about |= {"color": None if ground == "none" else "black"}
        axes.text(x + wide / 2, y + 0.52, text, weight="bold" if new else "normal", **about)
    more = f"… {line + 1 - MOST_LINES} more lines. " if line >= MOST_LINES else ""
    figure.text(0.02, 2.3 / height, more + facts, size=9, parse_math=False)
    curve = figure.add_axes((0.09, 0.5 / height, 0.86, 1.6 / height))
    curve.plot(range(len(rates)), rates, color=KEPT, lw=2)
    curve.plot([now], [rates[now]], "o", color=CHOSEN, clip_on=False)
    curve.set(ylim=(0, None), xlim=(0, max(1, len(rates) - 1)))
    curve.set(xlabel="merges", ylabel="tokens per character")
    curve.spines[["top", "right"]].set_visible(False)
    return figure
