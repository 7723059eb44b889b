"""A prediction: a question whose answers unfold in the browser. First used in lesson 02."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_lowercase

import traitlets

from ..checks import checked_count, checked_text, kind_of
from ..errors import InputError
from ..pictures.tables import visible_title
from .base import LivePicture, Shown, browser_code
from .inputs import checked_parts

RIGHT, WRONG, YOURS = "\u2714 right", "\u2718 not right", ", your choice"
HINTS = [
    "Choose one first. Nothing is judged yet.",
    "See what the next cells show, then press the button.",  # in a notebook, and on a page
]


@dataclass(frozen=True)
class Choice:
    """One choice of a question. why: one sentence on why it is right or wrong, told afterwards."""

    text: str
    why: str
    right: bool = False

    def __post_init__(self) -> None:
        _check_words("a choice's text", self.text)
        _check_words("a choice's why", self.why)


@dataclass(frozen=True)
class Question:
    """A question with two to five choices, one of them right; all its texts are plain text.

    name: the lesson and a word, such as "03.why_not_top". Raises ValueError for an empty text, and
    for choices that are too few, too many or alike, or of which not exactly one is right.
    """

    name: str
    text: str
    choices: tuple[Choice, ...]

    def __post_init__(self) -> None:
        _check_words("a question's name", self.name)
        _check_words(f"the text of question {self.name}", self.text)
        choices = f"the choices of question {self.name}"
        made = tuple(checked_parts(choices, self.choices, Choice, "a Choice"))
        object.__setattr__(self, "choices", made)  # whatever they came in
        right = [choice.right for choice in self.choices].count(True)
        if not 2 <= len(self.choices) <= 5 or right != 1:
            raise InputError(
                f"{choices} must be two to five, exactly one with right=True; "
                f"got {len(self.choices)}, {right} of them right."
            )
        if len({choice.text for choice in self.choices}) < len(self.choices):
            raise InputError(f"{choices} must differ; two have the same text.")


def _check_words(name: str, text: str) -> None:
    if not checked_text(name, text).strip():
        raise InputError(f"{name} must not be empty.")


class _Chosen(traitlets.Int):
    """An attribute that is the place of one of the choices, from 0."""

    def validate(self, obj: QuestionWidget, value: int) -> int:
        last = len(obj._data["choices"]) - 1
        return checked_count(self.name, value, first=0, last=last)


class QuestionWidget(LivePicture):
    """A question and its choices; what is right unfolds once the learner has run the next cells.

    choice: the place of the choice made, from 0, or None; an attribute too, as is `unfolded`. keep:
    called with each new choice, returns lines to say below, mostly none; note: what is said there
    at first. The text twin is the question and its choices, whatever was chosen. Raises ValueError
    for a choice that is not there. Used from lesson 02 on.
    """

    _esm = browser_code("question")

    choice = _Chosen(None, allow_none=True).tag(sync=True)
    unfolded = traitlets.Bool(False).tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        question: Question,
        *,
        choice: int | None = None,
        keep: Callable[[int], list[str]] = lambda choice: [],
        note: str = "",
    ) -> None:
        """Send the question to the browser."""
        if not isinstance(question, Question):
            raise InputError(f"question must be a Question, got {kind_of(question)}.")
        choices = [
            {
                "text": f"{letter}. {visible_title(choice.text, None)}",
                "verdict": RIGHT if choice.right else WRONG,
                "why": visible_title(choice.why, None),
            }
            for letter, choice in zip(ascii_lowercase, question.choices, strict=False)
        ]
        text = visible_title(question.text, None)
        data = {"text": text, "choices": choices, "hints": HINTS, "yours": YOURS}
        self._keep = keep
        super().__init__(
            label="prediction", data=data, choice=choice, note=visible_title(note, None)
        )
        self.observe(lambda change: self._keep_choice(), names="choice")

    def _keep_choice(self) -> None:
        with self._lock:  # of two choices at once, the later one is kept
            lines = [] if self.choice is None else self._keep(self.choice)
            if lines:
                self.note = visible_title(" ".join(lines), None)

    def shown(self) -> Shown:
        """Return the question and its choices; only the page tells what is right."""
        text, choices = self._data["text"], self._data["choices"]
        twin = "\n".join([text, *(f"  {choice['text']}" for choice in choices)])
        facts = HINTS[self.choice is not None]
        rows = [[choice["text"], "", ""] for choice in choices]
        if self.unfolded and self.choice is not None:
            mine = choices[self.choice]
            facts = f"{mine['verdict']}: {mine['text']}"
            rows = [[c["text"], c["verdict"] + YOURS * (c is mine), c["why"]] for c in choices]
        return Shown(twin, None, {"title": text, "facts": facts, "rows": rows, "note": self.note})
