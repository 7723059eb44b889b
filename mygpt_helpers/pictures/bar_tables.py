"""Tokens with a bar each, and columns of what is said of them. First used in lesson 06."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from .base import DPI, KEPT, LABEL_CHARS, printable
from .tables import visible, visible_title

WIDTH = 7.2  # inches
SIGNS = {
    "kept": "✓ kept",
    "cut": "✕ cut",
    "used": "↺ used",
    "only": "◆ only this",
    "other": "◇ only other",
    "": "",
}
Cell = str | float | int  # a word of SIGNS or another text, a probability, or a count


@dataclass(frozen=True)
class BarTable:
    """What a bar table shows. A row's first cell is the probability that its bar shows."""

    title: str
    headings: tuple[str, ...]  # of the cells
    labels: tuple[str, ...]  # the tokens' texts
    rows: tuple[tuple[Cell, ...], ...]
    feet: tuple[tuple[str, tuple[Cell, ...]], ...]  # a name and cells, below the tokens
    facts: str
    outlines: tuple[float, ...] = ()  # one for each token, or none at all
    setting: str = ""  # such as "top_k 10, top_p 0.9"

    def heading(self) -> str:
        """Return title and setting on one line."""
        return " · ".join(part for part in (visible_title(self.title), self.setting) if part)

    def page(self) -> dict[str, Any]:
        """Return the rows as the browser has them: Shown.page, but for its facts."""
        names = [f'"{visible(label, LABEL_CHARS)}"' for label in self.labels]
        rows = [[n, *map(_data, row)] for n, row in zip(names, self.rows, strict=True)]
        below = [[name, *map(_data, cells)] for name, cells in self.feet]
        return {"title": visible_title(self.title), "rows": rows + below}


def _data(cell: Cell) -> Cell:
    return SIGNS.get(cell, cell) if isinstance(cell, str) else cell


def _text(cell: Cell, digits: int = 3) -> str:
    """Return what a cell says."""
    if isinstance(cell, float):
        return f"{cell:.{digits}f}"
    return f"{cell:,}" if isinstance(cell, int) else SIGNS.get(cell, cell)


def bar_table_text(t: BarTable) -> str:
    """Return the text twin of a bar table."""
    names = ["", *(f'"{visible(label, LABEL_CHARS)}"' for label in t.labels)]
    cells = [t.headings, *([_text(cell, 2) for cell in row] for row in t.rows)]
    for name, foot in t.feet:
        names.append(name)
        cells.append([_text(cell, 2) for cell in foot])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = max(map(len, names))
    lines = [t.heading()]
    for name, row in zip(names, cells, strict=True):
        said = "  ".join(f"{text:>{width}}" for text, width in zip(row, widths, strict=True))
        lines.append(f"  {name:<{left}}  {said}".rstrip())
    return "\n".join([*lines, t.facts])


def bar_table_figure(t: BarTable) -> Figure:
    """Return the picture of a bar table: bars, and the columns beside them."""
    count, lines = len(t.labels), t.facts.count("\n") + 1
    below = 0.25 * len(t.feet) + 0.2 * lines + 0.15  # inches under the bars
    height = 0.75 + 0.25 * count + below
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    wide = 0.105 if len(t.headings) > 3 else 0.14  # a column, as a part of the width
    columns = wide * len(t.headings)
    axes = figure.add_axes((0.25, below / height, 0.73 - columns, 0.25 * count / height))
    solid = [float(row[0]) for row in t.rows]
    axes.barh(range(count), solid, height=0.72, color=KEPT)
    if t.outlines:
        axes.barh(range(count), t.outlines, height=0.72, fill=False, linewidth=0.9)
    longest = max(*solid, *t.outlines, 0.0)
    axes.set(xlim=(0, longest * 1.02 or 1), ylim=(count - 0.5, -0.5), yticks=[], xticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)

    def write(x: float, inches: float, text: str, **about: object) -> None:
        """Write at x, a part of the width, and inches from the top."""
        at = {"va": "center", "size": 9, "parse_math": False} | about
        figure.text(x, 1 - inches / height, printable(text), **at)

    names = [("", t.headings), *zip(t.labels, t.rows, strict=True), *t.feet]
    for line, (name, cells) in enumerate(names):
        top = 0.62 + 0.25 * line
        is_token = 0 < line <= count
        label = f'"{visible(name, LABEL_CHARS)}"' if is_token else name
        write(0.24, top, label, ha="right")
        for column, cell in enumerate(cells):
            right = 0.99 - columns + wide * (column + 1)
            ink = {"cut": {"alpha": 0.65}, "only": {"weight": "bold"}, "other": {"weight": "bold"}}
            write(right, top, _text(cell), ha="right", **ink.get(cell, {}))
    write(0.02, 0.22, t.heading(), weight="bold", size=10)
    for line, text in enumerate(t.facts.splitlines()):
        write(0.02, height - 0.2 * (lines - line) + 0.05, text)
    return figure
