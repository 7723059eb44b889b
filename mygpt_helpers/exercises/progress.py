"""The learner's progress through the exercises, as a table. Shown in lesson 00."""

from __future__ import annotations

from dataclasses import dataclass

from ..console import say
from .core import exercises, lessons
from .marks import kept


def progress() -> Progress:
    """Return the learner's progress through the exercises; displays as a table."""
    found, lines = kept()
    for line in lines:
        say(line)
    rows = [
        (e.name, e.title, e.difficulty, e.minutes, e.name in found["solved"])
        for lesson in lessons()
        for e in exercises(lesson)
    ]
    return Progress(tuple(rows))


@dataclass(frozen=True)
class Progress:
    """Every exercise and whether it is solved; rows: (name, title, difficulty, minutes, solved)."""

    rows: tuple[tuple[str, str, int, int, bool], ...]

    @property
    def solved(self) -> int:
        """How many exercises are solved."""
        return sum(row[-1] for row in self.rows)

    def __repr__(self) -> str:
        """Show the whole progress as text, the twin of the table."""
        width = max((len(row[0]) for row in self.rows), default=0)
        lines = [f"{self._head()}"]
        for name, title, difficulty, minutes, solved in self.rows:
            sign = "\u2714" if solved else "\u2013"
            more = f"{title} (difficulty {difficulty} of 3, {minutes} min)"
            lines.append(f"{sign} {name:<{width}}  {more}")
        return "\n".join(lines)

    def _head(self) -> str:
        return f"solved: {self.solved} of {len(self.rows)}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from ..pictures.tables import table  # not before it is needed: it brings rich along

        columns = ("solved", "exercise", "what", "difficulty", "minutes")
        rows = [
            ("\u2714 yes" if done else "\u2013 not yet", name, title, f"{level} of 3", str(minutes))
            for name, title, level, minutes, done in self.rows
        ]
        html = table(columns, rows, title=self._head())._repr_mimebundle_((), ())["text/html"]
        return {"text/plain": repr(self), "text/html": html}
