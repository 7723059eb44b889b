"""Token text is data: visible() and table() show it as what it is."""

from __future__ import annotations

import html
import re
import unicodedata

import pytest
import regex
import rich
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from mygpt_helpers.errors import InputError
from mygpt_helpers.pictures.tables import table, visible, visible_title

CASES = settings(max_examples=500, deadline=None, derandomize=True, database=None)

HOSTILE = {
    "empty": "",
    "one space": " ",
    "words": "word " * 10_000,
    "one long word": "a" * 10_000,
    "emoji": "🍺👩‍👩‍👧‍👦🇫🇷",
    "right to left": "שלום مرحبا",
    "bidi controls": "abc\u202edef\u2066ghi\u2069\u200f",
    "nul": "a\x00b",
    "ansi": "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "rich markup": "[bold]x[/bold] [link=http://a]b[/link] [/]",
    "rich emoji": ":smile:",
    "formula": "$x^$ \\frac{",
    "html": "<script>alert(1)</script><b>&amp;\"'",
    "lone surrogate": "\ud800 and \udfff",
    "combining": "e\u0301\u0301\u0301",
    "zero width": "a\u200bb\u200dc\ufeffd",
    "lines": "a\nb\r\nc\td\u2028e\u2029f\x0bg\x85h",
    "spaces": "a\u00a0b\u3000c",
    "private and unassigned": "\ue000\U000f0000\u0378",
    "backslash": "a\\nb",
    "sign": "␣⏎⇥",
}
# What may stand in shown text: no control, no format, no separator, nothing undefined.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_visible_shows_every_character(text):
    shown = visible(text)
    assert not {unicodedata.category(char) for char in shown} & UNSEEN
    assert len(shown) >= len(text)
    shown.encode("utf-8")  # can be stored
    if text.isascii() and text.isprintable() and " " not in text:
        assert shown == text


@CASES
@given(st.text(st.characters(), max_size=30), st.integers(1, 40))
def test_visible_on_any_text(text, max_chars):
    shown = visible(text)
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(char) for char in shown} & UNSEEN
    cut = visible(text, max_chars)
    if len(text) <= max_chars:
        assert cut == shown
    else:
        assert cut.endswith("…")
        assert shown.startswith(cut[:-1])
        # At most max_chars of the text's own characters: an escape counts as the one it stands for.
        assert cut == visible(text[: max_chars - 1]) + "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" pub", "␣pub"),
        ("a\nb\tc", "a⏎b⇥c"),
        ("\r", "\\r"),
        ("\x00\x1b", "\\x00\\x1b"),
        ("\u202e", "\\u202e"),
        ("\ud800", "\\ud800"),
        ("\u00a0", "\\xa0"),
        ("é", "é"),
        ("e\u0301", "e◌\u0301"),
        ("\u0301", "◌\u0301"),
        ("का", "क◌ा"),  # a spacing mark, and below one of combining class 0
        ("กั", "ก◌ั"),
        ("1\u20e3", "1◌\u20e3"),
        ("❤\ufe0f", "❤\\ufe0f"),
        ("\u1100\u1161\u11a8", "\u1100◌\u1161◌\u11a8"),  # not as 각
        ("🍺", "🍺"),
        ("👍🏽", "👍◌🏽"),
        ("$x^$ [b] <i>", "$x^$␣[b]␣<i>"),
    ],
)
def test_visible_in_figures(text, shown):
    assert visible(text) == shown


EVERYTHING = "".join(map(chr, range(0x110000)))
BLANK = [
    *"\u2800\u3164\u115f\u1160\uffa0\u034f\u180b\u17b4\ufe0f\ufffc\U000e0100\U0001d159\U00016fe4"
]


def test_what_is_drawn_as_nothing_is_escaped():
    nothing = regex.findall(r"\p{Default_Ignorable_Code_Point}", EVERYTHING)
    assert len(nothing) > 4000
    for char in (*nothing, *BLANK):
        assert visible(char).isascii() and visible_title(char).isascii(), hex(ord(char))


def test_every_mark_sits_on_a_circle():
    for char in regex.findall(r"[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}]", EVERYTHING):
        assert visible(char) == f"◌{char}" or visible(char).isascii(), hex(ord(char))


@CASES
@given(st.characters())
def test_every_character_alone_is_seen(char):
    shown = visible(char)
    assert not regex.search(r"[\p{Default_Ignorable_Code_Point}\p{Z}]", shown)
    assert regex.search(r"[^\p{M}\p{C}\p{Z}]", shown)


@pytest.mark.parametrize("text", ["नमस्ते", "สวัสดี", "cafe\u0301", "שָׁלוֹם", "\u1112\u1161\u11ab"])
def test_in_prose_a_mark_stays_on_its_letter(text):
    assert visible_title(f"After {text}") == f"After {text}"
    assert f"a {text}" in displayed(table(["t"], [[f"a {text}"]]))["text/plain"]
    for before in ("", "a ", "a\u200b", "a\n"):  # no letter that is seen
        assert "◌\u0301" in visible_title(f"{before}\u0301")
        assert "◌\u0301" in displayed(table(["t"], [[f"{before}\u0301"]]))["text/plain"]


@pytest.mark.parametrize("value", [None, 3, b"bytes", ["a"]], ids=repr)
def test_visible_wants_a_string(value):
    with pytest.raises(InputError, match=f"must be a string, got {type(value).__name__}"):
        visible(value)


@pytest.mark.parametrize("max_chars", [0, -1])
def test_a_text_cut_to_nothing_is_refused(max_chars):
    for function in (visible, visible_title):
        with pytest.raises(InputError, match="max_chars must be a whole number from 1"):
            function("text", max_chars)


@pytest.fixture(autouse=True)
def as_in_jupyter(monkeypatch):
    """rich colours what it shows in Jupyter."""
    monkeypatch.setattr(rich, "_console", Console(force_jupyter=True))


def displayed(made: Table) -> dict[str, str]:
    """Return what Jupyter stores: text/html and text/plain."""
    data = made._repr_mimebundle_(include=[], exclude=[])
    assert set(data) == {"text/html", "text/plain"}
    return data


def html_text(data):
    """Return the characters that a browser shows."""
    return html.unescape(re.sub(r"<[^>]*>", "", data["text/html"]))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_table_interprets_nothing(name):
    text = visible(HOSTILE[name])
    data = displayed(table(["token", text], [[text, 1], ["b", text]], title=text))
    tags = set(re.findall(r"</?([a-zA-Z]+)", data["text/html"]))
    assert tags <= {"pre", "span"}, tags
    assert "href" not in data["text/html"] and "on" not in re.findall(
        r" (on\w*)=", data["text/html"]
    )
    for shown in (html_text(data), data["text/plain"]):
        # A long cell is folded over lines, never cut: all characters are there.
        together = re.sub(r"[\s─]", "", shown)
        wanted = re.sub(r"[\s─]", "", text)
        counts = {char: wanted.count(char) for char in set(wanted)}
        assert all(together.count(char) >= 4 * n for char, n in counts.items() if n)


@pytest.mark.parametrize("name", ["rich markup", "rich emoji", "html", "formula", "right to left"])
def test_a_table_shows_text_literally(name):
    text = HOSTILE[name]
    data = displayed(table(["t"], [[text]]))
    assert text in data["text/plain"] and text in html_text(data)
    assert "<script" not in data["text/html"] and "<b>" not in data["text/html"]


def test_the_plain_twin_holds_no_codes_and_no_padding():
    plain = displayed(table(["a", "b"], [["x", 1.25], ["y", None]], title="T", right=["b"]))[
        "text/plain"
    ]
    assert "\x1b" not in plain
    assert all(line == line.rstrip() for line in plain.splitlines())
    assert [line.split() for line in plain.splitlines() if line.strip(" ─")] == [
        ["T"],
        ["a", "b"],
        ["x", "1.25"],
        ["y", "None"],
    ]


def test_a_table_prints_as_its_text():
    made = table(["a", "b"], [["x", 1.25]], title="T")
    for printed in (str(made), repr(made), f"{made}"):
        assert printed == displayed(made)["text/plain"]


def test_raw_control_characters_in_a_cell_do_no_harm():
    raw = "a\x00\x1b[31mb\u202e\ud800\t"
    data = displayed(table([raw], [[raw]], title=raw))
    for shown in (html_text(data), data["text/plain"]):
        assert shown.count("a\\x00\\x1b[31mb\\u202e\\ud800\\t") == 3
        assert not {c for c in shown if unicodedata.category(c) in UNSEEN} - {" ", "\n"}
    lines = displayed(table(["t"], [["two words\nand a line"]]))["text/plain"].splitlines()
    assert [line.strip() for line in lines][-2:] == ["two words", "and a line"]


def test_columns_align_as_asked():
    plain = displayed(table(["name", "number"], [["a", 1], ["b", 100]], right=["number"]))[
        "text/plain"
    ]
    rows = [line for line in plain.splitlines() if line.strip()[:1] in ("a", "b")]
    assert len({len(row) for row in rows}) == 1, "numbers end in one column"


def test_tables_at_their_ends():
    assert displayed(table([], []))
    assert "a" in displayed(table(["a"], []))["text/plain"]
    assert displayed(table(["a"], ([i] for i in range(500))))["text/plain"].count("\n") > 500


@pytest.mark.parametrize("row", [[], [1], [1, 2, 3]])
def test_a_row_of_another_length(row):
    with pytest.raises(InputError, match=f"2 cells, got {len(row)}"):
        table(["a", "b"], [[1, 2], row])


@pytest.mark.parametrize("row", [1, None])
def test_a_row_that_is_no_list(row):
    with pytest.raises(InputError, match=f"must be a list of cells, got {row}"):
        table(["a"], [row])
    assert str(table(["a"], [(cell for cell in "b")])) == str(table(["a"], [["b"]]))


@pytest.mark.parametrize("right", [["zz"], "ab", [1]])
def test_columns_to_align_that_are_not_there(right):
    with pytest.raises(
        InputError, match=r"right must name columns, got .*; they are \['ab', 'c'\]"
    ):
        table(["ab", "c"], [], right=right)
