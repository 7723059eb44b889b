"""Tables, and token text made visible. Built for every lesson; first used in lesson 01.

Token text is data. It may hold spaces, line breaks, markup, control characters or right-to-left
text, and must come out of a table, a picture or a widget as what it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from ..errors import InputError

SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}
# C* control, format (bidi marks, joiners), surrogate; Z* separators.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
# Letters, signs and marks that are drawn as nothing: Unicode's Default_Ignorable_Code_Point
# (DerivedCoreProperties.txt), and after it what is blank by design or in most fonts.
NOTHING = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
    r"\u2800\ufffc\U00013441\U00013442\U00016fe4\U0001d159]"
)
# They join the character before them, as a mark does: Hangul vowels and final consonants, the vowel
# am of Thai and Lao, halfwidth voicing, an emoji's skin.
JOINING = re.compile(r"[\u1161-\u11ff\ud7b0-\ud7fb\u0e33\u0eb3\uff9e\uff9f\U0001f3fb-\U0001f3ff]")


def visible(text: str, max_chars: int | None = None) -> str:
    """Return text on one line with every character to be seen, at most max_chars long.

    A space becomes ␣, a line break ⏎, a tab ⇥; what is drawn as nothing (control, format and
    bidirectional characters, fillers, lone surrogates) becomes its escape (\\x00, \\u202e); a mark
    that would sit on another character gets ◌ to sit on; everything else stays. Text that is cut
    ends in "…". Raises ValueError for text that is not a string, and for max_chars below 1. Used
    from lesson 01 on.
    """
    return _shown(_cut(text, max_chars), SIGNS)


def visible_title(text: str, max_chars: int | None = 90) -> str:
    """Return the same for a text that is read: spaces stay, and marks on the letters they are on.

    Used from lesson 01 on.
    """
    return _shown(_cut(text, max_chars), SIGNS | {" ": " "}, prose=True)


def _cut(text: str, max_chars: int | None) -> str:
    if not isinstance(text, str):
        raise InputError(f"text must be a string, got {type(text).__name__}.")
    if max_chars is not None and max_chars < 1:
        raise InputError(f"max_chars must be a whole number from 1, got {max_chars}.")
    return text if max_chars is None or len(text) <= max_chars else text[: max_chars - 1] + "…"


def _shown(text: str, signs: dict[str, str], *, prose: bool = False) -> str:
    """Return text with signs and escapes; in prose, a mark stays on a character that is seen."""
    shown, carries = [], False
    for char in text:
        category = unicodedata.category(char)
        unseen = category in UNSEEN or NOTHING.match(char)
        if char in signs or unseen:
            shown.append(signs.get(char) or char.encode("unicode_escape").decode("ascii"))
            carries = False
            continue
        sits = category.startswith("M") or JOINING.match(char)
        shown.append("◌" + char if sits and not (prose and carries) else char)
        carries = True
    return "".join(shown)


def _cell(value: object) -> Text:
    """Return a cell's text: prose, whose line breaks stay too."""
    return Text(_shown(str(value), {" ": " ", "\n": "\n"}, prose=True))


class PlainTable(Table):
    """A rich table whose plain-text form holds no colour codes. Made by table()."""

    def __repr__(self) -> str:
        return self._repr_mimebundle_((), ())["text/plain"]

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
    the columns aligned to the right (numbers). Raises ValueError for a row of another length, and
    where right names no column. Used from lesson 01 on.
    """
    right = set(right)
    if unknown := right - set(columns):
        raise InputError(f"right must name columns, got {unknown}; they are {list(columns)}.")
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
        try:
            cells = [*row]
        except TypeError:
            raise InputError(f"a row must be a list of cells, got {row!r}.") from None
        if len(cells) != len(columns):
            raise InputError(f"a row must have {len(columns)} cells, got {len(cells)}: {row!r}")
        made.add_row(*map(_cell, cells))
    return made
