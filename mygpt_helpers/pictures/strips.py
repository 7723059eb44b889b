"""A text as a strip of tiles that shows which of its tokens are right. First used in lesson 12."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ..checks import checked_count, checked_text, checked_texts, is_many, plain
from ..errors import InputError
from .base import CUT, DPI, FAINT, LABEL_CHARS, Picture, printable
from .tables import visible, visible_title

RIGHT, WRONG = "#D9EAF4", "#A8154A"  # a wrong tile also has a cross
PER_ROW = 16
WIDTH = 7.2  # inches


@dataclass(frozen=True)
class Strip:
    """A text's tokens, and which of them are right; None for one that was given, as the prompt.

    Raises ValueError for no tokens, tokens that are no strings, and for another number of answers
    than tokens. Used from lesson 12 on.
    """

    title: str
    tokens: tuple[str, ...]
    right: tuple[bool | None, ...]
    facts: str = ""  # one line more, above the tiles

    def __post_init__(self) -> None:
        tokens = checked_texts("tokens", self.tokens)
        if not tokens:
            raise InputError("tokens must hold at least one, got none.")
        right = _checked_marks(self.right)
        if len(right) != len(tokens):
            raise InputError(
                f"right must have {len(tokens)} entries, one for each token; got {len(right)}."
            )
        checked_text("title", self.title)
        checked_text("facts", self.facts)
        object.__setattr__(self, "right", right)
        object.__setattr__(self, "tokens", tokens)

    def __str__(self) -> str:
        return strip_text(self)

    def summary(self, length: int | None = None) -> str:
        """Return how many of the first length tokens are right, and where the first wrong one is.

        Positions count from 0; given tokens are not counted. length: None for all of them.
        """
        marks = self.right[:length]
        judged = [mark for mark in marks if mark is not None]
        if not judged:
            return "all given"
        if False not in judged:
            return f"{len(judged)} of {len(judged)} right: all right"
        counted = f"{sum(judged)} of {len(judged)} right"
        return f"{counted}; first wrong: position {marks.index(False)}"


def _checked_marks(right: Iterable[bool | None]) -> tuple[bool | None, ...]:
    """Return the marks in Python's own True and False, or raise InputError."""
    given = right.tolist() if isinstance(right, Tensor | np.ndarray) else right
    if is_many(given):
        marks = [*map(plain, given)]
        if all(m is None or (isinstance(m, Real | np.bool_) and m in (True, False)) for m in marks):
            return tuple(None if mark is None else bool(mark) for mark in marks)
    raise InputError(f"right must hold True, False or None for each token, got {given!r:.80}.")


def strip_text(strip: Strip, per_row: int = PER_ROW, length: int | None = None) -> str:
    """Return the text twin of a strip's first length tokens: wrong ones stand in [brackets]."""
    right = strip.right[:length]
    texts = [visible(token, LABEL_CHARS) for token in strip.tokens[:length]]
    texts = [f"[{t}]" if mark is False else t for t, mark in zip(texts, right, strict=True)]
    lines = [visible_title(strip.title), strip.summary(length), visible_title(strip.facts)]
    width = len(str(len(texts) - 1))
    for start in range(0, len(texts), per_row):
        lines.append(f"  {start:>{width}}  {' '.join(texts[start : start + per_row])}")
    given = [position for position, mark in enumerate(right) if mark is None]
    if given == list(range(len(given))) and 0 < len(given) < len(texts):
        lines.append(f"given: the first {len(given)}")
    return "\n".join(line for line in lines if line)


def strip_figure(strip: Strip, per_row: int = PER_ROW, length: int | None = None) -> Figure:
    """Return the picture of a strip's first length tokens, per_row tiles to a row."""
    count = len(strip.tokens[:length])
    num_rows = -(-count // per_row)
    above = 0.1 + 0.3 * bool(strip.title) + 0.3 + 0.22 * bool(strip.facts)
    height = above + 0.36 * num_rows + 0.1
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    size = (6.45 / WIDTH, 0.36 * num_rows / height)
    axes = figure.add_axes((0.6 / WIDTH, 0.1 / height, *size))
    axes.set(xlim=(0, per_row), ylim=(num_rows, 0))
    axes.axis("off")
    shown = [_tile_text(token) for token in strip.tokens[:length]]
    tile = 6.45 * 72 / per_row  # points
    longest = max(1, *map(len, shown))
    font_size = max(6.0, min(8.5, (tile - 3) / (0.61 * longest)))
    most = max(1, int((tile - 3) / (0.61 * font_size)))  # characters
    for position, text in enumerate(shown):
        row, column = divmod(position, per_row)
        if column == 0:
            beside = {"size": 8, "alpha": FAINT, "ha": "right", "va": "center"}
            axes.text(-0.12, row + 0.5, str(position), **beside)
        short = text if len(text) <= most else text[: most - 1] + "…"
        _draw_tile(axes, column, row, short, strip.right[position], font_size)
    title = printable(visible_title(strip.title))
    figure.text(0.02, 1 - 0.25 / height, title, weight="bold", parse_math=False)
    said = [strip.summary(length)]
    if None in strip.right[:length]:
        said.append("outlined: given")
    line = above - 0.13 - 0.22 * bool(strip.facts)  # inches from the top
    figure.text(0.02, 1 - line / height, "  ·  ".join(said), size=9)
    facts = printable(visible_title(strip.facts))
    figure.text(0.02, 1 - (above - 0.13) / height, facts, size=9, parse_math=False)
    return figure


def _tile_text(token: str) -> str:
    """Return what a tile says; escapes are longer than what they stand for, so cut again."""
    return printable(visible(token, LABEL_CHARS), LABEL_CHARS)


def _draw_tile(
    axes: Axes, column: int, row: int, text: str, right: bool | None, size: float
) -> None:
    ground = {None: "none", True: RIGHT, False: WRONG}[right]
    edge = CUT if right is None else ground
    corner = (column + 0.04, row + 0.06)
    axes.add_patch(Rectangle(corner, 0.92, 0.88, facecolor=ground, edgecolor=edge, lw=1))
    ink = {None: None, True: "black", False: "white"}[right]  # None: the page's
    about = {"color": ink, "ha": "center", "va": "center", "parse_math": False}
    lower = 0.63 if right is False else 0.5
    axes.text(column + 0.5, row + lower, text, size=size, **about)
    if right is False:
        axes.text(column + 0.5, row + 0.26, "✕", size=6.5, weight="bold", **about)


def show_strip(
    tokens: Sequence[str],
    right: Sequence[bool | None],
    *,
    title: str = "",
    facts: str = "",
    per_row: int = PER_ROW,
) -> Picture:
    """Return the picture of a text, tile by tile: given, right or wrong, as `right` says.

    tokens, right: T each; None in right for a token that was given. per_row: tiles to a row, each
    row after the position of its first one. Raises ValueError as Strip does, and for a per_row
    below 1. Used from lesson 12 on.
    """
    per_row = checked_count("per_row", per_row)
    strip = Strip(title, tokens, right, facts)
    return Picture(lambda: strip_figure(strip, per_row), strip_text(strip, per_row))
