"""The cache folder: only read where it is whole, redone where not, written by one at a time."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import CONFIG, WHOLE, conversions, failure, names_in_cache, run, start, wait_for

from mygpt_helpers import __main__ as command_line
from mygpt_helpers.pretrained import cache, kept, model, prepare
from mygpt_helpers.pretrained.cache import flaw


def test_complete_cache_is_read_without_lock_and_without_writing(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a complete cache needs neither lock nor process nor file")

    monkeypatch.setattr("filelock.FileLock", forbidden)
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    monkeypatch.setattr(cache.tempfile, "TemporaryFile", forbidden)
    before = {path: path.stat().st_mtime_ns for path in made.parent.rglob("*")}
    monkeypatch.setenv("MYGPT_OFFLINE", "1")
    assert model.lesson_checkpoint() == str(made)
    assert prepare.prepare_model() == made
    assert before == {path: path.stat().st_mtime_ns for path in made.parent.rglob("*")}


def test_read_only_cache_serves_and_a_damaged_one_is_one_message(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    mount = ["mount", "--bind", str(made.parent), str(shared)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a folder read-only")
    try:
        (made / "config.json").write_bytes(CONFIG)
        if subprocess.run(["mount", "-o", "remount,ro,bind", str(shared)]).returncode:
            pytest.skip("no right to mount a folder read-only")
        monkeypatch.setenv("MYGPT_CACHE", str(shared))
        assert model.lesson_checkpoint() == str(shared / made.name)
        (made / "model.safetensors").unlink()
        done = run("model")
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert "Read-only" in done.stderr and "Set MYGPT_CACHE" in done.stderr
    finally:
        subprocess.run(["umount", str(shared)])


def test_others_may_read_what_one_user_made(made: Path) -> None:
    modes = {path.stat().st_mode & 0o777 for path in made.iterdir()}
    assert modes == {0o666 & ~current_umask()}
    assert made.stat().st_mode & 0o777 == 0o777 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _fill(path: Path, byte: bytes) -> None:
    path.write_bytes(byte * path.stat().st_size)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: os.truncate(folder / "model.safetensors", 100), "has 100 bytes and should"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text('{"files": {}}'), "no config.json"),
        (lambda folder: _fill(folder / "model.safetensors", b"\0"), "model.safetensors is damaged"),
        (lambda folder: _fill(folder / "model.safetensors", b"x"), "model.safetensors is damaged"),
        (lambda folder: _fill(folder / "config.json", b"\0"), "config.json is damaged"),
        (lambda folder: _fill(folder / "config.json", b" "), "was changed"),
    ],
)
def test_damaged_cache_is_redone_saying_so(
    damage: Callable[[Path], object],
    said: str,
    made: Path,
    fake: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(made)
    assert (flaw(made) is None) == (said == "was changed")  # only the sha256 tells
    capsys.readouterr()
    assert prepare.prepare_model() == made
    line = capsys.readouterr().out.splitlines()[0]
    assert "is damaged" in line and said in line
    assert flaw(made, thorough=True) is None and conversions(fake) == 2
    assert names_in_cache() == WHOLE


def test_two_at_once_convert_once_and_the_second_says_that_it_waits(fake: Path) -> None:
    first = start("-m", "mygpt_helpers", "model", FAKE_SECONDS="1.5")
    wait_for(fake.exists)
    second = start("-m", "mygpt_helpers", "model")
    outs = [process.communicate(timeout=30)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert "waiting for it" not in outs[0] and "waiting for it" in outs[1]
    assert conversions(fake) == 1 and names_in_cache() == WHOLE


def test_made_by_another_just_before_the_lock(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = kept.locked

    def late(folder: Path) -> object:
        monkeypatch.setattr(kept, "locked", real)
        prepare.prepare_model()
        return real(folder)

    monkeypatch.setattr(kept, "locked", late)
    prepare.prepare_model()
    assert conversions(fake) == 1


def test_cache_folder_that_cannot_be_written(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/mygpt")):
        monkeypatch.setenv("MYGPT_CACHE", str(place))
        assert command_line.main(["model"]) == 1
        message = capsys.readouterr().err
        assert f"cannot be prepared in {place}" in message and "Set MYGPT_CACHE" in message


def test_unwritable_folder_is_not_a_lock_waited_for(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(cache.tempfile, "TemporaryFile", refused)
    monkeypatch.setattr("filelock.FileLock.acquire", None)
    assert "(Permission denied). Set MYGPT_CACHE" in failure(capsys)
