"""What is printed can be read on every console, and what other programs say too."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mygpt_helpers.console import COLOURS, child_environment, plain_lines, say

ROOT = Path(__file__).resolve().parent.parent


def printed(text, encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        say(text)
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_what_a_console_lacks_is_escaped(encoding):
    shown = {"ascii": r"\xe9 \u2714", "cp1252": r"é \u2714", "utf-8": "é ✔"}[encoding]
    assert printed("é ✔ \udcff", encoding) == shown + r" \udcff" + "\n"


@given(st.text(st.characters()), st.sampled_from(["ascii", "cp1252", "cp437", "utf-8", "utf-16"]))
def test_any_text_is_printed_and_what_the_console_has_is_as_it_was(text, encoding):
    said = printed(text, encoding)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        assert "\\" in said
    else:
        assert said == text + "\n"


def test_an_exercise_is_checked_on_any_console():
    code = (
        "from mygpt_helpers import check, hint, progress, solution\n"
        "check('00.pick_largest', lambda scores: scores.index(max(scores)))\n"
        "check('00.λ', None); hint('00.λ'); solution('00.λ'); progress()"
    )
    env = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True)
    assert done.stderr == b"" and done.stdout.startswith(rb"\u2714 right")


def test_a_child_speaks_without_colours(monkeypatch):
    for name in COLOURS:
        monkeypatch.setenv(name, "1")
    code = "from rich.console import Console; Console().print('[red]no[/red]')"
    env = child_environment(EXTRA="x")
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout == "no\n" and (env["NO_COLOR"], env["EXTRA"]) == ("1", "x")
    assert not set(COLOURS) & set(env) and set(COLOURS) <= set(os.environ)


def test_a_child_ends(monkeypatch):
    monkeypatch.setenv("PYTHONINSPECT", "1")
    assert "PYTHONINSPECT" not in child_environment()


@pytest.mark.parametrize(
    "said",
    [
        "\x1b[31mERROR\x1b[0m: no\n\x1b[0m\n",
        "\x1b[1;38;5;9mERR\x1b[mOR: no\x1b[K\x1b[?25h",
        "\x1b]8;;https://x.y\x1b\\ERROR\x1b]8;;\x1b\\: no\r\n",
        "\x1b]0;title\x07ERROR: no\x1b(B"[:-3],
        "  ERROR: no  ",
    ],
)
def test_escape_codes_are_left_out_of_what_is_quoted(said):
    assert plain_lines(said) == ["ERROR: no"]
