"""Files written in one step: a link stays one, and what is no file is left as it is."""

import os
import socket
import stat
from pathlib import Path

import pytest

from mygpt_helpers import GPT, CheckpointError, load_checkpoint, save_checkpoint
from mygpt_helpers.exercises import marks
from mygpt_helpers.files import refuse_special, write_whole
from mygpt_helpers.pretrained import cache, prepare

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no devices in folders")
KINDS = ("fifo", "folder", "socket", "device", "link", "loop")


def make_special(kind: str, path: Path) -> None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "socket":
        os.chdir(path.parent)  # a socket's path must be short
        socket.socket(socket.AF_UNIX).bind(path.name)
    elif kind == "device":  # a twin of the null device: the machine's own is out of reach
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except OSError:
            pytest.skip("no right to make a device")
    else:
        os.mkfifo(path.with_name("pipe"))
        path.symlink_to("pipe")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(marks, "_said", set())
    return tmp_path


def state(folder: Path) -> list[tuple[str, int, int]]:
    found = [(path.name, path.lstat()) for path in sorted(folder.iterdir())]
    return [(name, about.st_mode, about.st_ino) for name, about in found]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_not_written(kind: str, folder: Path) -> None:
    make_special(kind, folder / "target")
    before = state(folder)
    with pytest.raises(OSError, match="is not a regular file"):
        write_whole(folder / "target", b"x")
    assert state(folder) == before


def test_a_link_stays_one_and_its_target_is_written(folder: Path) -> None:
    (folder / "real").write_bytes(b"before")
    (folder / "real").chmod(0o600)
    (folder / "link").symlink_to("real")
    write_whole(folder / "link", b"after")
    assert (folder / "link").is_symlink() and (folder / "real").read_bytes() == b"after"
    assert (folder / "real").stat().st_mode & 0o777 == 0o600
    refuse_special(folder / "absent")


@pytest.mark.parametrize("suffix", ["", ".lock"])
@pytest.mark.parametrize("kind", KINDS)
def test_progress_in_what_is_no_file(
    kind: str, suffix: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYGPT_PROGRESS", str(folder / "progress"))
    make_special(kind, folder / f"progress{suffix}")
    before = state(folder)
    kept, lines = marks.kept()
    assert kept["solved"] == [] and len(lines) == (0 if suffix else 1)
    (line,) = marks.mark("00.loop")
    assert line.startswith("progress is not saved: ") and "is not a regular file. Set" in line
    assert state(folder) == before


def test_a_damaged_file_takes_no_links_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYGPT_PROGRESS", str(folder / "progress"))
    (folder / "progress").write_text("{")
    (folder / "progress.broken").symlink_to("absent")
    assert "kept as progress.broken2" in marks.kept()[1][0]
    assert (folder / "progress.broken").is_symlink()


@pytest.mark.parametrize("suffix", ["", ".lock"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_a_cache_in_what_is_no_folder(
    kind: str, suffix: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYGPT_CACHE", str(folder))
    monkeypatch.setattr(prepare, "_make", lambda *_: pytest.fail("it was begun"))
    make_special(kind, folder / f"{cache.model_folder().name}{suffix}")
    before = state(folder)
    with pytest.raises(CheckpointError, match="is not a (regular file|folder).*MYGPT_CACHE"):
        prepare.prepare_model()
    cache.remove_leftovers_if_idle(cache.model_folder())
    assert state(folder) == before


def test_a_run_on_disk_leaves_special_files_alone(folder: Path) -> None:
    model = GPT(vocab_size=4, embed_dim=4, num_heads=1, num_layers=1, max_seq_len=4)
    os.mkfifo(folder / "numbers-0.safetensors")
    before = state(folder)
    save_checkpoint(folder, model)
    assert before[0] in state(folder)
    (folder / "checkpoint.json").unlink()
    os.mkfifo(folder / "checkpoint.json")
    with pytest.raises(CheckpointError, match="checkpoint.json is not a regular file"):
        save_checkpoint(folder, model)
    with pytest.raises(CheckpointError, match="checkpoint.json cannot be read"):
        load_checkpoint(folder)


def test_a_manifest_that_is_no_file_is_not_read(folder: Path) -> None:
    make_special("socket", folder / "manifest.json")
    assert cache.flaw(folder) == "manifest.json is missing"
