"""Heat maps: a table of numbers as colours, each with a text twin. First used in lesson 10.

A grid is data alone: one row and one column for each label, nan where there is nothing. The still
picture here and the live one (widgets/heat.js) draw it by the same rules.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ..checks import checked_count, checked_text, checked_texts, plain
from ..errors import InputError
from .base import CUT, DPI, FAINT, KEPT, LABEL_CHARS, Picture, printable
from .tables import visible, visible_title

# Below and above 0. Colour-blind readers can tell them apart, and no picture uses them otherwise.
NEGATIVE, POSITIVE = "#762A83", "#1B7837"
MAX_NUMBERS = 12  # rows or columns; with more there is no room for numbers
MAX_TEXT, THINNED = 16, 8  # rows or columns of the text twin; how many stay of more than that
WIDTH = 7.2  # inches
CHAR = 0.088  # inches, of a label


@dataclass(frozen=True)
class Grid:
    """What a heat map shows. Made by make_grid, which checks it. Used from lesson 10 on."""

    values: tuple[tuple[float, ...], ...]  # (R, C); nan: masked, or not there
    rows: tuple[str, ...]  # R labels
    columns: tuple[str, ...]  # C labels
    title: str = ""
    row_label: str = ""  # what the rows are, such as "current token"
    column_label: str = ""
    facts: str = ""  # one line below, such as "loss 1.6107"

    def __str__(self) -> str:
        return grid_text(self)


def make_grid(
    values: Tensor | Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str = "",
    row_label: str = "",
    column_label: str = "",
    facts: str = "",
) -> Grid:
    """Return values (R, C) with R row labels and C column labels as a Grid; nan is masked.

    values: a tensor, an array, or a list of rows, each a list, a tensor or an array of numbers.
    Raises ValueError for values that are empty, ragged or no numbers, and for labels that are no
    strings or not as many as there are rows or columns. Used from lesson 10 on.
    """
    numbers = _numbers(values)
    sizes = (len(numbers), len(numbers[0]))
    labels = {"rows": checked_texts("rows", rows), "columns": checked_texts("columns", columns)}
    for (what, given), size in zip(labels.items(), sizes, strict=True):
        if len(given) != size:
            raise InputError(f"{what} must have {size} labels, one for each; got {len(given)}.")
    texts = {"title": title, "row_label": row_label, "column_label": column_label, "facts": facts}
    for what, text in texts.items():
        checked_text(what, text)
    return Grid(numbers, **labels, **texts)


def _numbers(values: Tensor | Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    """Return values as tuples of floats, or raise ValueError; True is 1."""
    if isinstance(values, Tensor):
        if values.ndim != 2 or values.is_complex():
            given = f"{values.dtype} of shape {tuple(values.shape)}"
            raise InputError(f"values must be real numbers of shape (R, C), got {given}.")
        values = values.tolist()
    try:
        made = tuple(map(_cells, values))
        if not all(isinstance(v, Real) for row in made for v in row):
            raise TypeError
        made = tuple(tuple(float(v) for v in row) for row in made)
    except (TypeError, OverflowError):
        raise InputError(f"values must be rows of numbers, got {values!r:.80}.") from None
    if not made or not made[0]:
        raise InputError("values must have at least one row and one column, got none.")
    lengths = {len(row) for row in made}
    if len(lengths) > 1:
        raise InputError(f"all rows of values must be equally long, got {sorted(lengths)}.")
    return made


def _cells(row: Sequence[float]) -> tuple[object, ...]:
    """Return what stands in a row, nan for what numpy masks; TypeError for what is no row."""
    if getattr(row, "ndim", 1) != 1:
        raise TypeError
    return tuple(math.nan if np.ma.is_masked(cell) else plain(cell) for cell in row)


def scale_of(grids: Iterable[Grid]) -> tuple[float, float]:
    """Return the values of the outermost colours: (0, 1) for probabilities, else (-most, most)."""
    values = [v for grid in grids for row in grid.values for v in row if math.isfinite(v)]
    if all(0 <= v <= 1 for v in values):
        return 0.0, 1.0
    most = max(map(abs, values))
    return -most, most


def number_text(value: float, digits: int = 2) -> str:
    """Return a rounded number; "-" for nan, "∞" or "−∞" for infinity, and never "-0.00"."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= 1e5:
        return f"{value:.2e}"
    text = f"{value:.{digits}f}"
    return text if float(text) else text.removeprefix("-")


def _some(count: int) -> list[int]:
    """Return the rows or columns that the text twin shows: all, or a few, evenly chosen."""
    if count <= MAX_TEXT:
        return list(range(count))
    return [round(i * (count - 1) / (THINNED - 1)) for i in range(THINNED)]


def grid_text(grid: Grid, digits: int = 2) -> str:
    """Return the text twin of a grid: its numbers, under and beside their labels."""
    across = _some(len(grid.columns))
    down = _some(len(grid.rows))
    cells = [["", *(visible(grid.columns[c], LABEL_CHARS) for c in across)]]
    for r in down:
        numbers = (number_text(grid.values[r][c], digits) for c in across)
        cells.append([visible(grid.rows[r], LABEL_CHARS), *numbers])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [visible_title(grid.title)]
    axes = (("rows", grid.row_label), ("columns", grid.column_label))
    lines.append(", ".join(f"{what}: {visible_title(name)}" for what, name in axes if name))
    for first, *others in cells:
        numbers = (f"{text:>{w}}" for text, w in zip(others, widths[1:], strict=True))
        lines.append("  ".join([f"  {first:<{widths[0]}}", *numbers]).rstrip())
    for what, some, labels in (("rows", down, grid.rows), ("columns", across, grid.columns)):
        if len(some) < len(labels):
            lines.append(f"{what} shown: {len(some)} of {len(labels)}")
    lines.append(visible_title(grid.facts))
    return "\n".join(line for line in lines if line)


def colour_of(value: float, scale: tuple[float, float]) -> tuple[float, float, float]:
    """Return (r, g, b), each 0..1: white at 0, the full hue at the end of the scale."""
    hue = NEGATIVE if value < 0 else KEPT if scale[0] == 0 else POSITIVE
    strength = min(1.0, abs(value) / scale[1])
    return tuple(1 - strength * (1 - int(hue[i : i + 2], 16) / 255) for i in (1, 3, 5))


def ink_on(ground: tuple[float, float, float]) -> str:
    """Return white as soon as it stands out well against a ground (4.5 to 1), else black."""
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in ground)
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "black" if luminance > 0.183 else "white"


def _label(text: str) -> str:
    """Return a label for a figure; escapes are longer than what they stand for, so cut again."""
    shown = printable(visible(text, LABEL_CHARS))
    return shown if len(shown) <= LABEL_CHARS else shown[: LABEL_CHARS - 1] + "…"


def grid_figure(grid: Grid, *, scale: tuple[float, float] | None = None, digits: int = 2) -> Figure:
    """Return a grid's heat map. scale: as from scale_of, where several grids share one."""
    scale = scale or scale_of([grid])
    rows, columns = [*map(_label, grid.rows)], [*map(_label, grid.columns)]
    longest = max(map(len, columns)) * CHAR
    left = 0.2 + 0.25 * bool(grid.row_label) + CHAR * max(map(len, rows))
    cell_width = min(0.62, (WIDTH - 0.2 - left) / len(columns))
    cell_height = min(0.34, 6 / len(rows))
    upright = longest > cell_width
    above = 0.25 + 0.25 * bool(grid.title) + 0.22 * bool(grid.column_label)
    above += longest if upright else 0.2
    below = 0.5 + 0.25 * bool(grid.facts)
    height = above + cell_height * len(rows) + below
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    size = (cell_width * len(columns) / WIDTH, cell_height * len(rows) / height)
    axes = figure.add_axes((left / WIDTH, below / height, *size))
    _draw_cells(axes, grid, scale)
    if max(len(rows), len(columns)) <= MAX_NUMBERS:
        _write_numbers(axes, grid, scale, digits, cell_width)
    small = {"size": 9, "parse_math": False, "clip_on": False}
    for r in range(0, len(rows), math.ceil(0.15 / cell_height)):
        axes.text(-0.5 - 0.06 / cell_width, r, rows[r], ha="right", va="center", **small)
    turned = {"rotation": 90} if upright else {}
    for c in range(0, len(columns), math.ceil(0.15 / cell_width)):
        top = -0.5 - 0.05 / cell_height
        axes.text(c, top, columns[c], ha="center", va="bottom", **turned, **small)
    words = {"size": 9, "parse_math": False, "alpha": FAINT}
    row_label, column_label = (
        printable(visible_title(name, 40)) for name in (grid.row_label, grid.column_label)
    )
    middle = (below + cell_height * len(rows) / 2) / height
    figure.text(0.15 / WIDTH, middle, row_label, rotation=90, ha="center", va="center", **words)
    beside = 1 - (0.25 * bool(grid.title) + 0.27) / height
    figure.text(left / WIDTH, beside, column_label, va="center", **words)
    title = printable(visible_title(grid.title))
    figure.text(0.02, 1 - 0.25 / height, title, weight="bold", parse_math=False)
    _draw_legend(figure, grid, scale, left, below - 0.28)
    facts = printable(visible_title(grid.facts))
    figure.text(left / WIDTH, 0.13 / height, facts, size=9, parse_math=False)
    return figure


def _draw_cells(axes: Axes, grid: Grid, scale: tuple[float, float]) -> None:
    shape = (len(grid.rows), len(grid.columns))
    clear = (1.0, 1.0, 1.0, 0.0)  # a masked cell lets the hatch behind all cells through
    pixels = [
        [(*colour_of(v, scale), 1.0) if math.isfinite(v) else clear for v in row]
        for row in grid.values
    ]
    corner, width, height = (-0.5, -0.5), shape[1], shape[0]
    axes.add_patch(
        Rectangle(corner, width, height, facecolor="#88888822", edgecolor=CUT, hatch="////", lw=0)
    )
    axes.imshow(np.array(pixels), aspect="auto", interpolation="nearest", zorder=2)
    if max(shape) <= 2 * MAX_NUMBERS:
        axes.vlines([c - 0.5 for c in range(1, width)], -0.5, height - 0.5, "#CCCCCC", lw=0.6)
        axes.hlines([r - 0.5 for r in range(1, height)], -0.5, width - 0.5, "#CCCCCC", lw=0.6)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])
    axes.spines[:].set_color(CUT)


def _write_numbers(
    axes: Axes, grid: Grid, scale: tuple[float, float], digits: int, cell_width: float
) -> None:
    texts = [[number_text(v, digits) for v in row] for row in grid.values]
    if max(len(text) for row in texts for text in row) * 0.08 > cell_width:
        return
    for r, row in enumerate(texts):
        for c, text in enumerate(row):
            value = grid.values[r][c]
            if math.isnan(value):
                continue  # the hatch says it
            ink = ink_on(colour_of(value, scale)) if math.isfinite(value) else "black"
            # Above the cells' lines.
            axes.text(c, r, text, size=9, color=ink, ha="center", va="center", zorder=4)


def _draw_legend(
    figure: Figure, grid: Grid, scale: tuple[float, float], x: float, y: float
) -> None:
    """Draw the colours between the two ends of the scale; x, y in inches."""
    height = figure.get_size_inches()[1]
    ends = [f"{end:.3g}" for end in scale]
    small = {"size": 8, "va": "center", "alpha": FAINT}
    start = x + 0.065 * len(ends[0]) + 0.06
    figure.text(x / WIDTH, (y + 0.06) / height, ends[0], **small)
    axes = figure.add_axes((start / WIDTH, y / height, 1.2 / WIDTH, 0.12 / height))
    shades = [colour_of(v, scale) for v in scale[1] * np.linspace(scale[0] / scale[1], 1, 61)]
    axes.imshow(np.array([shades]), aspect="auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(CUT)
    masked = any(not math.isfinite(v) for row in grid.values for v in row)
    words = ends[1] + ("     hatched: masked" if masked else "")
    figure.text((start + 1.27) / WIDTH, (y + 0.06) / height, words, **small)


def show_grid(
    values: Tensor | Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str = "",
    row_label: str = "",
    column_label: str = "",
    facts: str = "",
    digits: int = 2,
) -> Picture:
    """Return the heat map of values (R, C), its numbers rounded to digits; nan is masked.

    Probabilities run from white to blue over 0 to 1; other values from purple (negative) over white
    at 0 to green. The other arguments, and the errors, are make_grid's. Used from lesson 10 on.
    """
    about = {"title": title, "row_label": row_label, "column_label": column_label, "facts": facts}
    digits = checked_count("digits", digits, first=0)
    grid = make_grid(values, rows, columns, **about)
    return Picture(lambda: grid_figure(grid, digits=digits), grid_text(grid, digits))
