"""Tables, and token text made visible. Built for every lesson; first used in lesson 01.

Token text is data. It may hold spaces, line breaks, markup, control characters or right-to-left
text, and must come out of a table, a picture or a widget as what it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from ..errors import InputError

SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}
# C* control, format (bidi marks, joiners), surrogate; Z* separators.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


def visible(text: str, max_chars: int | None = None) -> str:
    """Return text on one line with every character to be seen, at most max_chars long.

    A space becomes ␣, a line break ⏎, a tab ⇥; control, format and bidirectional characters and
    lone surrogates become their escapes (\\x00, \\u202e); everything else stays. Text that is cut
    ends in "…". Raises ValueError for text that is not a string. Used from lesson 01 on.
    """
    if not isinstance(text, str):
        raise InputError(f"text must be a string, got {type(text).__name__}.")
    cut = max_chars is not None and len(text) > max_chars
    shown = "".join(_visible_char(char) for char in (text[: max_chars - 1] if cut else text))
    return shown + "…" if cut else shown


def _visible_char(char: str) -> str:
    if char in SIGNS:
        return SIGNS[char]
    if unicodedata.category(char) in UNSEEN:
        return _escaped(char)
    # A combining mark alone would sit on the character before it: give it one of its own.
    return "◌" + char if unicodedata.combining(char) else char


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _cell(value: object) -> Text:
    """Return a cell's text: spaces and line breaks stay, what nobody could see is escaped."""
    return Text(
        "".join(
            _escaped(char) if char not in " \n" and unicodedata.category(char) in UNSEEN else char
            for char in str(value)
        )
    )


class PlainTable(Table):
    """A rich table whose plain-text form holds no colour codes. Made by table()."""

    def _repr_mimebundle_(self, *args: object, **kwargs: object) -> dict[str, str]:
        data = super()._repr_mimebundle_(*args, **kwargs)
        plain = Text.from_ansi(data["text/plain"]).plain
        # Without a last line of its own, the browser cuts off the underscores of the last row.
        html = data["text/html"].replace("</pre>", "\n</pre>")
        lines = [line.rstrip() for line in plain.splitlines()]
        return data | {"text/plain": "\n".join(lines), "text/html": html}


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    right: Iterable[str] = (),
) -> Table:
    """Return a rich table that shows every cell as plain text.

    columns: headings. rows: one sequence of cells for each row, as many as there are columns; a
    cell is shown as str(cell), never as markup, its control characters escaped. right: headings of
    the columns aligned to the right (numbers). Raises ValueError for a row of another length. Used
    from lesson 01 on.
    """
    right = set(right)
    made = PlainTable(
        title=None if title is None else _cell(title),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        title_justify="left",
        title_style="bold",
    )
    for heading in columns:
        made.add_column(
            _cell(heading), justify="right" if heading in right else "left", overflow="fold"
        )
    for row in rows:
        if len(row) != len(columns):
            raise InputError(f"a row must have {len(columns)} cells, got {len(row)}: {row!r}")
        made.add_row(*map(_cell, row))
    return made
