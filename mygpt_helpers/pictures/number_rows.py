"""Rows of a few numbers, each a coloured cell with its number in it. First used in lesson 10."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .base import CUT, DPI, FAINT, LABEL_CHARS, printable
from .grids import colour_of, ink_on, number_text
from .tables import visible, visible_title

PER_ROW = 8
WIDTH = 7.2  # inches
SIDE, CELL, HIGH = 1.85, 0.64, 0.28  # inches: the labels, a number, a row
STRONGEST = 3.0  # the number, above or below 0, from which the colour is the strongest
PALE = 3  # how much fainter the numbers before a part are


@dataclass(frozen=True)
class NumberRow:
    """A label and at most PER_ROW cells: numbers, nan where masked, or the names above them."""

    label: str
    cells: tuple[float | str, ...]
    kind: str  # "signed", "share" (of 1), "before" (signed, and faint) or "names"


def number_rows(
    label: str, numbers: Sequence[float], kind: str, names: Sequence[str] = ()
) -> list[NumberRow]:
    """Return numbers as rows, each below the names of its cells, if they have any."""
    rows = []
    for start in range(0, len(numbers), PER_ROW):
        here = slice(start, start + PER_ROW)
        if names:
            shown = tuple(visible(name, LABEL_CHARS) for name in names[here])
            rows.append(NumberRow("", shown, "names"))
        rows.append(NumberRow(f"from {start}" if start else label, tuple(numbers[here]), kind))
    return rows


def rows_lines(rows: Sequence[NumberRow]) -> list[str]:
    """Return the text twin of rows, a line each."""
    texts = [[_text(cell) for cell in row.cells] for row in rows]
    left = max((len(row.label) for row in rows), default=0)
    wide = max((len(text) for row in texts for text in row), default=0)
    return [
        "  ".join([f"  {row.label:<{left}}", *(f"{text:>{wide}}" for text in cells)]).rstrip()
        for row, cells in zip(rows, texts, strict=True)
    ]


def _text(cell: float | str) -> str:
    return cell if isinstance(cell, str) else number_text(cell)


def rows_figure(title: str, below: str, rows: Sequence[NumberRow]) -> Figure:
    """Return the picture of rows, below a title and a line of text."""
    height = 0.75 + HIGH * len(rows)
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))  # inches
    axes.axis("off")
    plain = {"va": "center", "parse_math": False}
    axes.text(0.1, 0.2, printable(visible_title(title)), weight="bold", **plain)
    axes.text(0.1, 0.46, printable(visible_title(below, 100)), size=9, **plain)
    for number, row in enumerate(rows):
        top = 0.65 + HIGH * number
        faint = {"alpha": FAINT} if row.kind in ("before", "names") else {}
        label = printable(row.label, 26)
        axes.text(SIDE, top + HIGH / 2, label, size=8.5, ha="right", **plain, **faint)
        for place, cell in enumerate(row.cells):
            x = SIDE + 0.1 + CELL * place
            about = {"size": 8.5, "ha": "center", **plain}
            if isinstance(cell, str):
                text = printable(cell)
                text = text if len(text) <= 8 else f"{text[:7]}…"
                axes.text(x + CELL / 2, top + HIGH / 2, text, **about, **faint)
                continue
            is_number = math.isfinite(cell)
            look = {"facecolor": "#88888822", "edgecolor": CUT, "hatch": "////"}
            if is_number:
                ground = _ground(cell, row.kind)
                look, about["color"] = {"facecolor": ground, "edgecolor": "#CCCCCC"}, ink_on(ground)
            axes.add_patch(Rectangle((x, top + 0.02), CELL, HIGH - 0.04, lw=0.6, **look))
            if is_number or math.isinf(cell):
                axes.text(x + CELL / 2, top + HIGH / 2, number_text(cell), **about)
    return figure


def _ground(value: float, kind: str) -> tuple[float, float, float]:
    """Return the colour of a cell: shares are blue, as all probabilities; the rest has two hues."""
    scale = (0.0, 1.0) if kind == "share" else (-STRONGEST, STRONGEST)
    return colour_of(value / PALE if kind == "before" else value, scale)
