"""Several strategies' texts in one table. First used in lesson 07."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.table import Table

from ..checks import checked_text, is_many
from ..continuations import NGRAM, Continuation
from ..errors import InputError
from .tables import table, visible_title

MOST_CHARS = 600  # of one text


def show_strategies(
    found: Iterable[Continuation], text_of: Callable[[list[int]], str], *, title: str = ""
) -> Table:
    """Return the table of one prompt's continuations: each text and its two numbers.

    found: what strategies returned. text_of: a function from a list of ids to its text, such as
    tokenizer.decode. Raises ValueError for what are no continuations. Used from lesson 07 on.
    """
    rows = [*found] if is_many(found) else []
    if not rows or not all(isinstance(row, Continuation) for row in rows):
        raise InputError(f"found must be what strategies returned, got {found!r:.80}.")
    numbers = ("mean log-prob.", f"repeated {NGRAM}-grams")
    cells = [
        (
            row.strategy if row.seed is None else f"{row.strategy}, seed {row.seed}",
            visible_title(checked_text("a text", text_of(row.new_ids.tolist())), MOST_CHARS),
            f"{row.mean_log_prob:.2f}",
            f"{row.repeated:.0%}",
        )
        for row in rows
    ]
    return table(["strategy", "text", *numbers], cells, title=title or None, right=numbers)
