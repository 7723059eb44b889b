"""Several strategies' texts side by side: how likely, how repetitive. For lesson 07."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..continuations import NGRAM
from .base import DPI, FAINT, KEPT, printable
from .tables import visible_title

WIDTH, HIGH = 8.4, 0.52  # inches; of one strategy
HEADINGS = ("strategy", "mean log-prob.", f"repeated {NGRAM}-grams")
Row = tuple[str, str, float, float]  # strategy, text, mean log-probability, share from 0 to 1


def strategies_text(title: str, rows: Sequence[Row]) -> str:
    """Return the text twin: each strategy's numbers, and its text below them."""
    wide = max(len(name) for name, *_ in rows)
    lines = [title]
    for name, text, mean, repeated in rows:
        lines.append(f"  {name:<{wide}}  mean {mean:.2f}  repeated {repeated:.2f}")
        lines.append(f"      {text}")
    return "\n".join(lines)


def strategies_figure(title: str, rows: Sequence[Row]) -> Figure:
    """Return the picture: two lines for each strategy, and a bar for what is repeated."""
    height = 0.75 + HIGH * len(rows)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.axis("off")
    about = {"parse_math": False, "va": "center", "size": 8.5}
    axes.text(0.15, 0.2, printable(title), **about | {"size": 10}, weight="bold")
    for x, heading in zip((0.15, 2.6, 4.3), HEADINGS, strict=True):
        axes.text(x, 0.5, heading, alpha=FAINT, **about)
    for i, (name, text, mean, repeated) in enumerate(rows):
        top = 0.75 + HIGH * i
        axes.text(0.15, top, printable(visible_title(name, 34)), weight="bold", **about)
        axes.text(2.6, top, f"{mean:.2f}", **about)
        axes.text(4.3, top, f"{repeated:.2f}", **about)
        axes.add_patch(Rectangle((4.9, top - 0.08), 3.3 * repeated, 0.16, color=KEPT, lw=0))
        axes.text(0.15, top + 0.22, printable(visible_title(text, 125)), **about)
    return figure
