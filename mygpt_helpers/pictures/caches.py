"""A key-value cache as bars: how many layers hold each token's keys and values. For lesson 09."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from .base import CUT, DPI, FAINT, KEPT, LABEL_CHARS, printable
from .tables import visible, visible_title

COMPUTED, REUSED, FREED, WAITING = "◆ computed", "↺ re-used", "✕ freed", "· not yet"
NEW = "#b3dcf5"  # beside KEPT, in stripes


def cache_figure(
    title: str,
    rows: Sequence[tuple[str, int, str, str]],
    num_layers: int,
    under: Sequence[str],
) -> Figure:
    """Return a bar chart with one row a token.

    rows: token, layers, its state with the cache, and without. under: lines below it.
    """
    height = 0.75 + 0.25 * len(rows) + 0.2 * len(under)
    figure = Figure(figsize=(7.2, height), dpi=DPI)
    bottom = 0.1 + 0.2 * len(under)
    axes = figure.add_axes((0.2, bottom / height, 0.44, 0.25 * len(rows) / height))
    for row, (token, layers, state, without) in enumerate(rows):
        held = "–" if state == FREED else f"{layers}"
        look: dict[str, Any] = {"color": KEPT}
        if state == FREED:
            look = {"fill": False, "hatch": "////", "edgecolor": CUT}
        elif state == COMPUTED:
            look = {"color": NEW, "hatch": "///", "edgecolor": KEPT}
        axes.barh(row, layers, height=0.72, lw=0, **look)
        name = printable(f'"{visible(token, LABEL_CHARS)}"')
        about = {"transform": axes.get_yaxis_transform(), "va": "center", "parse_math": False}
        axes.text(-0.02, row, name, ha="right", size=9, **about)
        for x, text in zip((1.03, 1.18, 1.52), (held, state, without), strict=True):
            axes.text(x, row, text, size=9, **about)
    for x, text in ((1.03, "layers"), (1.18, "with the cache"), (1.52, "without")):
        axes.text(x, -0.9, text, transform=axes.get_yaxis_transform(), size=8, alpha=FAINT)
    axes.set(xlim=(0, num_layers), ylim=(len(rows) - 0.5, -0.5), yticks=[], xticks=[])
    axes.spines[["top", "bottom"]].set_visible(False)
    shown = printable(visible_title(title))
    figure.text(0.02, 1 - 0.25 / height, shown, weight="bold", parse_math=False)
    for line, text in enumerate(reversed(under)):
        figure.text(0.02, (0.1 + 0.2 * line) / height, text, size=9, parse_math=False)
    return figure
