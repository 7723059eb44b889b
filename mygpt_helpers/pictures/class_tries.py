"""Which exercises and questions were hard for a class, as text and picture. For a teacher."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..files import write_whole
from .base import DPI, KEPT, printable
from .settings import own_settings
from .tables import visible_title

MOST = 16  # rows in each half of the picture, the hardest first
FEW = "fewer than 3 learners"


class ExerciseRow(NamedTuple):
    """What a class did with an exercise; no numbers where too few tried it."""

    name: str
    learners: int = 0
    solved: int = 0
    median: float = 0
    most: int = 0
    hints: int = 0  # learners who asked for one
    solutions: int = 0  # learners who asked for it before theirs was right


class QuestionRow(NamedTuple):
    """What a class chose first at a question; no numbers where too few answered it."""

    name: str
    learners: int = 0
    right: float = 0
    wrong: str = ""  # the wrong choice that most made


def class_text(
    learners: int, exercises: Sequence[ExerciseRow], questions: Sequence[QuestionRow]
) -> str:
    """Return the whole table as text: what is printed, and the picture's twin."""
    lines = [f"{learners} learners"]
    if exercises:
        lines.append(f"\n{'exercise':<24}learners  solved  tries: median  most  hint  solution")
    for name, count, solved, middle, most, *asked in exercises:
        numbers = f"{count:>8}  {solved:>6}  {middle:>13g}  {most:>4}  {asked[0]:>4}  {asked[1]:>8}"
        lines.append(f"{name:<24}{numbers if count else FEW}")
    if questions:
        lines.append(f"\n{'question':<24}learners  right at first  most frequent wrong choice")
    for name, count, right, wrong in questions:
        numbers = f"{count:>8}  {right:>14.0%}  {visible_title(wrong, 60)}".rstrip()
        lines.append(f"{name:<24}{numbers if count else FEW}")
    return "\n".join(lines)


def class_figure(
    learners: int, exercises: Sequence[ExerciseRow], questions: Sequence[QuestionRow]
) -> Figure:
    """Return two bar charts: tries at the hardest exercises, wrong choices at the questions.

    Draw it under own_settings(), as all pictures are.
    """
    hard = sorted((e for e in exercises if e.learners), key=_hardness, reverse=True)[:MOST]
    missed = sorted((q for q in questions if q.learners), key=lambda q: q.right)[:MOST]
    count = max(len(hard), len(missed), 1)
    height = 1.1 + 0.27 * count  # inches
    figure = Figure(figsize=(10.4, height), dpi=DPI)
    title = f"What was hard for {learners} learners: at most {MOST} of each, the hardest first"
    figure.text(0.02, 1 - 0.25 / height, title, weight="bold")
    boxes = [(left, 0.25 / height, 0.17, 0.27 * count / height) for left in (0.16, 0.74)]
    tries, choices = (figure.add_axes(box) for box in boxes)
    bars = [(e.name, e.median, f"{e.median:g} ({e.most}), {_unsolved(e)}") for e in hard]
    _draw(tries, "tries: the median, outlined the most", bars, count)
    tries.barh(range(len(hard)), [e.most for e in hard], height=0.72, fill=False, linewidth=0.9)
    bars = [(q.name, 1 - q.right, f"{1 - q.right:.0%} of {q.learners}") for q in missed]
    _draw(choices, "wrong at first", bars, count)
    choices.set_xlim(0, 1)
    return figure


def _hardness(row: ExerciseRow) -> tuple[float, float]:
    return row.median, (row.learners - row.solved) / row.learners


def _unsolved(row: ExerciseRow) -> str:
    missing = row.learners - row.solved
    return f"{missing} of {row.learners} unsolved" if missing else "all solved"


def _draw(axes: Axes, title: str, bars: Sequence[tuple[str, float, str]], count: int) -> None:
    axes.barh(range(len(bars)), [length for _, length, _ in bars], height=0.72, color=KEPT)
    axes.set_title(title, loc="left", size=10)
    axes.set(ylim=(count - 0.4, -0.6), yticks=[], xticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    x = axes.get_yaxis_transform()
    for row, (name, _, said) in enumerate(bars):
        about = {"transform": x, "va": "center", "size": 9, "parse_math": False}
        axes.text(-0.03, row, printable(name), ha="right", **about)
        axes.text(1.03, row, said, **about)


def save_class(path: Path, learners: int, *rows: Sequence[ExerciseRow | QuestionRow]) -> None:
    """Write the picture as a PNG that carries its text twin; raises OSError where it cannot."""
    png = io.BytesIO()
    with own_settings():
        twin = {"Description": class_text(learners, *rows)}
        class_figure(learners, *rows).savefig(png, format="png", metadata=twin)
    write_whole(path, png.getvalue())
