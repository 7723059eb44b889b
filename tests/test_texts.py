"""Reading a text and cutting it in two: what is no text is refused in one message."""

import os
import re
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mygpt_helpers import read_text, split_text
from mygpt_helpers.errors import InputError

WORDS = "Élan – 語 😀\nI love AI !\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_encodings_that_are_read(encoding: str, tmp_path: Path) -> None:
    mark = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}.get(encoding, "")
    (tmp_path / "a text").write_bytes((mark + WORDS).encode(encoding))
    assert read_text(tmp_path / "a text") == read_text(str(tmp_path / "a text")) == WORDS


def test_ends_of_lines_are_one_character_and_nothing_else_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes("a\r\nb\rc\n\r\n\t \x0c\u2028e\u0301\ufeffé ".encode())
    assert read_text(path) == "a\nb\nc\n\n\t \x0c\u2028e\u0301\ufeffé "


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a").write_text("b")
    assert read_text("~/a") == "b"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\xff\xfe", "is empty"),
        ("caf\xe9".encode("latin-1"), r"not in UTF-8: byte 3 \(0xe9\).*encoding='cp1252'"),
        ("abc 語".encode()[:-1], r"not in UTF-8: byte 4 \(0xe8\)"),
        (b"\xef\xbb\xbfcaf\xe9", r"byte 6 \(0xe9\)"),
        (b"a" * 5000 + b"\x80", r"byte 5,000 \(0x80\)"),
        ("語".encode("shift-jis"), "not in UTF-8: byte 0 "),
        (b"\xed\xa0\x80", "not in UTF-8: byte 0 "),  # half a pair, which UTF-8 has no place for
        (b"\xff\xfea\0\0\xd8", "not in UTF-16-LE: byte 4 "),
        (b"\xff\xfea\0b", "not in UTF-16-LE: byte 4 "),
        ("abc".encode("utf-16-le"), "byte 1 is zero"),
        ("abc".encode("utf-32"), "it is UTF-32"),
        (b"\x7fELF\0", "byte 4 is zero"),
        (b"%PDF-1.7 all in ASCII", "it is a PDF"),
        (b"PK\3\4...", r"it is a zip archive, as \.docx"),
        (b"{\\rtf1 Hello}", "an RTF document"),
    ],
)
def test_what_is_no_text_is_named(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "given.txt").write_bytes(data)
    refused(tmp_path / "given.txt", said)


def refused(path: object, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_text(path)  # type: ignore[arg-type]
    assert re.search(said, str(caught.value)) and "\n" not in str(caught.value)
    assert caught.value.__cause__ is None and len(str(caught.value)) < 600


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("b")
    refused(tmp_path / "missing", "there is no file .*missing.* .seen from")
    refused(tmp_path, "is a folder")
    refused("", "is a folder")
    refused(tmp_path / "a" / "b", "cannot be read|there is no file")
    refused("a\0b", "cannot be read")
    refused("~no-such-user-here/a", "cannot be read|there is no file")
    refused("To be, or not to be:\nthat is the question\n" * 200, "cannot be read|there is no")
    for path in (None, b"a", 3, ["a"]):
        refused(path, f"must be a path, got {type(path).__name__}")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "no file but a pipe")
    refused("/dev/zero", "no file but a pipe or a device")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        refused(tmp_path / "s", "no file but")


def test_500_mb_are_refused_without_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 500_000_000)  # takes no room on the disk
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    refused(tmp_path / "large", "has 500 MB, and at most 100 MB are read: .* memory")


def test_a_file_that_is_not_ours_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a").write_text("b")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    refused(tmp_path / "a", r"cannot be read \(Permission denied\)")


@given(st.text(min_size=2), st.floats(0.001, 0.999))
def test_the_parts_joined_are_the_text(text: str, held_out: float) -> None:
    try:
        training, end = split_text(text, held_out)
    except InputError as error:
        assert round(held_out * len(text)) in (0, len(text)) and "no two parts" in str(error)
        return
    assert training and end and training + end == text
    assert abs(len(end) - held_out * len(text)) <= 0.5


def test_a_tenth_is_held_out() -> None:
    assert split_text("0123456789") == ("012345678", "9")
    for quarter in (0.25, np.float32(0.25), torch.tensor(0.25)):
        assert split_text("0123", quarter) == ("012", "3")


@pytest.mark.parametrize("held_out", [0, 1, -0.1, 1.5, float("nan"), "0.1", True, None, [0.1]])
def test_another_part_is_refused(held_out: object) -> None:
    with pytest.raises(InputError, match="held_out must be a number between 0 and 1, got"):
        split_text("0123456789", held_out)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "a", "abcd"])
def test_a_text_that_is_too_short(text: str) -> None:
    with pytest.raises(InputError, match=f"a text of {len(text)} characters has no two parts"):
        split_text(text)


def test_a_text_is_a_string() -> None:
    for text in (b"0123456789", ["a"] * 20, None, Path("a")):
        with pytest.raises(InputError, match="text must be a string"):
            split_text(text)  # type: ignore[arg-type]
