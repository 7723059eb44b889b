"""ask: a prediction, to be answered before the next cells are run. First used in lesson 02.

A question is asked by its name, such as "03.why_not_top". Those of a lesson stand in a module of
their own, questions_NN.py, so that the notebook does not give the answers away.
"""

from __future__ import annotations

import importlib

from ..errors import InputError
from ..widgets.question import Question, QuestionWidget
from .core import lessons, look_up
from .marks import keep_answer, kept
from .tries import first_choice


def ask(name: str) -> QuestionWidget:
    """Ask a question by its name: choose, run the next cells, then see what is right and why.

    The choice is kept with the progress; the answers unfold in the browser. Raises ValueError for a
    name that is not there. Used from lesson 02 on.
    """
    found = look_up(name, lessons("questions"), questions, "questions", 'ask("03.why_not_top")')
    if isinstance(found, str):
        raise InputError(f"no such question: {found}")
    progress, lines = kept()
    # By its text: in another version of the course the choices may stand in another order.
    texts = [choice.text for choice in found.choices]
    chosen = progress["answers"].get(name)
    return QuestionWidget(
        found,
        choice=texts.index(chosen) if chosen in texts else None,
        keep=lambda choice: first_choice(name, choice) + keep_answer(name, texts[choice]),
        note=" ".join(lines),
    )


def questions(lesson: str) -> tuple[Question, ...]:
    """Give a lesson's questions in order; lesson: '03'. Imports the lesson's module of them."""
    return importlib.import_module(f"{__package__}.questions_{lesson}").QUESTIONS
