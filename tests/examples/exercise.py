"""The exercises of an example lesson: the smallest whole one."""

from collections.abc import Iterator

from mygpt_helpers.exercises.engine import Exercise


def double(numbers: list[float]) -> list[float]:
    """Return twice each number."""
    return [2 * number for number in numbers]


def _lists() -> Iterator[tuple[list[float]]]:
    for count in (1, 2, 3, 5):
        yield ([*range(count)],)


EXERCISES = (
    Exercise(
        name="77.double",
        title="Double",
        difficulty=1,
        minutes=1,
        solution=double,
        cases=_lists,
        mistakes={
            "Twice the number, not its square.": lambda numbers: [n * n for n in numbers],
            "That is the last number alone.": lambda numbers: 2 * numbers[-1],
            "Positions count from 0: the last is len - 1.": lambda numbers: numbers[len(numbers)],
        },
        keep="Whoever gave you the list still needs it: return a new one.",
        hints=("Go through the list.", "A new list of 2 * number, for each number."),
        why="A new list leaves the caller's alone.",
        tried="short lists and long ones",
        imports="",
    ),
)
