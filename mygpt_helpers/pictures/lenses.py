"""What a model would write after each of its layers: data, text and figure. For lesson 14."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .base import CHOSEN, DPI, FAINT, LABEL_CHARS, printable
from .distributions import Distribution, rows_text
from .grids import colour_of, ink_on
from .tables import visible

MOST_COLUMNS, CELL_CHARS = 8, 9  # of the still: the last positions


@dataclass(frozen=True)
class Layer:
    """What the model would write, had it stopped after one layer."""

    title: str
    tops: tuple[tuple[str, float], ...]  # of each position: its top token, and the probability
    last: Distribution  # of the last position
    rank: int  # of the model's final answer there; 1 is the top
    prob: float  # and its probability

    def story(self, vocab_size: int) -> str:
        """Return what is to be said of the final answer, after its text."""
        return f": rank {self.rank:,} of {vocab_size:,}, probability {self.prob:.3f}"


def appears(ranks: list[int]) -> str:
    """Say after which layer the final answer is on top, from the ranks after layer 0, 1, ..."""
    first = ranks.index(1)
    stays = len(ranks) - next((i for i, r in enumerate(reversed(ranks)) if r > 1), len(ranks))
    said = f"first on top after layer {first}"
    return said + (", and it stays" if first == stays else f"; for good after layer {stays}")


def lens_text(tokens: list[str], now: Layer, facts: str) -> str:
    """Return the text twin of one layer: a line for each position, and the last one's bars."""
    names = [f'"{visible(token, LABEL_CHARS)}"' for token in tokens]
    tops = [f'"{visible(top, LABEL_CHARS)}"' for top, _ in now.tops]
    wide, next_wide = max(map(len, names)), max(map(len, tops))
    lines = [
        f"  {name:<{wide}}  then {top:<{next_wide}}  {prob:.2f}"
        for name, top, (_, prob) in zip(names, tops, now.tops, strict=True)
    ]
    return "\n".join([now.title, *lines, *rows_text(now.last), facts])


def lens_figure(tokens: list[str], layers: list[Layer], at: int, title: str) -> Figure:
    """Return the picture of all layers: a row each, with the top token after each position."""
    first = max(0, len(tokens) - MOST_COLUMNS)
    columns = len(tokens) - first
    wide, height = 1.5 + 0.78 * columns, 0.85 + 0.2 * len(layers)  # inches
    figure = Figure(figsize=(max(wide, 4.5), height), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, max(wide, 4.5)), ylim=(height, 0))
    axes.axis("off")
    about = {"va": "center", "parse_math": False, "family": "DejaVu Sans", "size": 7}

    def short(text: str) -> str:
        return printable(visible(text, CELL_CHARS))[:CELL_CHARS]

    axes.text(0.1, 0.2, printable(title), weight="bold", **about | {"size": 10})
    for i, token in enumerate(tokens[first:]):
        axes.text(0.98 + 0.78 * i, 0.5, short(token), ha="center", **about)
    axes.text(0.64 + 0.78 * columns, 0.5, "rank", alpha=FAINT, **about)
    for row, layer in enumerate(layers):
        y = 0.72 + 0.2 * row
        axes.text(0.5, y, f"layer {row}", ha="right", alpha=FAINT, **about)
        axes.text(0.64 + 0.78 * columns, y, f"{layer.rank:,}", **about)
        for i, (top, prob) in enumerate(layer.tops[first:]):
            ground = colour_of(prob, (0.0, 1.0))
            corner = (0.6 + 0.78 * i, y - 0.09)
            axes.add_patch(Rectangle(corner, 0.76, 0.18, fc=ground, lw=0))
            axes.text(0.98 + 0.78 * i, y, short(top), ha="center", color=ink_on(ground), **about)
    corner = (0.58, 0.62 + 0.2 * at)
    axes.add_patch(Rectangle(corner, 0.78 * columns, 0.2, fc="none", ec=CHOSEN, lw=1.5))
    return figure
