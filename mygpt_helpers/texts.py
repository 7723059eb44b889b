"""A text from a file, and its two parts: to learn from and to be examined on. Used in lesson 13."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

from .checks import checked_number, checked_text
from .errors import InputError

LARGEST = 100_000_000  # bytes: as ids, eight bytes a character, that takes about a gigabyte
# What a file may begin with that no text begins with.
NO_TEXT = {
    b"%PDF": "a PDF",
    b"PK\3\4": "a zip archive, as .docx, .odt and .epub are",
    b"\x1f\x8b": "a gzip archive",
    b"{\\rtf": "an RTF document",
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
}
UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
AS_TEXT = "Save it as plain text in UTF-8, from the program that opens it"


def read_text(path: str | os.PathLike[str]) -> str:
    r"""Return the text of a file in UTF-8, or in UTF-16 that says so at its beginning.

    Two things are changed: a mark of the encoding at the beginning is left out, and every end of a
    line becomes "\n". Raises ValueError for a file that is missing, empty, no file (a folder, a
    pipe), above 100 MB, or no text in one of these encodings. Built in lesson 13.
    """
    data = _bytes_of(path)
    kind = next((kind for head, kind in NO_TEXT.items() if data.startswith(head)), None)
    if kind:
        raise InputError(f"{_named(path)} is no plain text: it is {kind}. {AS_TEXT}.")
    encoding = next((name for mark, name in UTF16.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        place = data.index(b"\0")
        raise InputError(f"{_named(path)} is no plain text: byte {place:,} is zero. {AS_TEXT}.")
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        place = error.start
        raise InputError(
            f"{_named(path)} is not in {encoding.upper()}: byte {place:,} ({data[place]:#04x}) "
            "cannot be read. If it is text, convert it: open(..., encoding='cp1252') reads what "
            "Windows wrote in western Europe, and open(..., 'w', encoding='utf-8') writes it anew."
        ) from None
    if not text:
        raise InputError(f"{_named(path)} is empty. Give a file with text in it.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split_text(text: str, held_out: float = 0.1) -> tuple[str, str]:
    """Return a text's beginning, to learn from, and its end, held out to be examined on.

    The cut is by place: nothing is shuffled, and the two joined are the text. held_out: the end's
    part of all characters, between 0 and 1. Raises ValueError where a part would be empty. Built
    in lesson 13.
    """
    text = checked_text("text", text)
    expected = "a number between 0 and 1"
    part = checked_number("held_out", held_out, expected)
    if not 0 < part < 1:
        raise InputError(f"held_out must be {expected}, got {part!r}.")
    place = len(text) - round(part * len(text))
    if not 0 < place < len(text):
        raise InputError(
            f"a text of {len(text)} characters has no two parts with held_out={part:g}: one would "
            "be empty. Give a longer text."
        )
    return text[:place], text[place:]


def _bytes_of(path: str | os.PathLike[str]) -> bytes:
    """Return what a file holds; raise ValueError, before it is opened, where it cannot be read."""
    try:
        file = Path(path).expanduser()
        about = file.stat()
        is_file, is_folder = stat.S_ISREG(about.st_mode), stat.S_ISDIR(about.st_mode)
        if is_file and about.st_size <= LARGEST:
            return file.read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no file {_named(path)} (seen from {Path.cwd()}).") from None
    except TypeError:
        raise InputError(f"path must be a path, got {type(path).__name__}.") from None
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{_named(path)} cannot be read ({why}).") from None
    if not is_file:
        what = "a folder" if is_folder else "no file but a pipe or a device"
        raise InputError(f"{_named(path)} is {what}. Give a text file.")
    raise InputError(
        f"{_named(path)} has {about.st_size / 1e6:,.0f} MB, and at most {LARGEST / 1e6:.0f} MB are "
        "read: all of it must fit in memory, as text and as ids. Give a part of it."
    )


def _named(path: str | os.PathLike[str]) -> str:
    return repr(str(path))[:200]  # some give the text itself
