"""The exercises of the course: check, hint, solution and the learner's progress.

One module per lesson (lesson_01.py) holds its tasks, checks, hints and solutions; it is imported
when one of its exercises is asked for. Importing this package imports nothing heavy.
"""

from .core import Exercise, Outcome, check, evaluate, exercises, hint, lessons, solution
from .marks import forget
from .progress import progress

__all__ = [
    "Exercise",
    "Outcome",
    "check",
    "evaluate",
    "exercises",
    "forget",
    "hint",
    "lessons",
    "progress",
    "solution",
]
