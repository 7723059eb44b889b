"""A model's name on a hub: downloaded once, without pickles; every failure is quick and clear."""

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import CONFIG, WEIGHTS, digest

from mygpt_helpers.errors import CheckpointError
from mygpt_helpers.pretrained import model


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
    Hub.files = {
        "config.json": CONFIG,
        "model.safetensors": WEIGHTS,
        "tokenizer.json": b'{"model": {}}',
    }
    Hub.files |= {"pytorch_model.bin": b"pickle", "README.md": b"x", "onnx/config.json": b"x"}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
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

    monkeypatch.setattr(model, "loading_flaw", lambda folder: None)
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


def test_a_hub_model_of_another_kind_is_refused(hub, monkeypatch):
    monkeypatch.setenv("MYGPT_CHECKPOINT", "org/good")
    hub.files["config.json"] = b'{"model_type": "bert"}'
    for _ in ("new", "in the hub's cache"):
        with pytest.raises(CheckpointError, match="org/good.*both sides"):
            model.lesson_checkpoint()


@pytest.mark.parametrize(
    ("name", "endpoint", "expected"),
    [
        ("org/absent", "", "neither a folder in .* nor a public model"),
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


@pytest.mark.parametrize(
    "page",
    [b"<!DOCTYPE html><p>Log in to the network first", b'{"metadata": {}'],
    ids=["page", "cut"],
)
def test_hub_file_that_is_something_else_is_one_message(
    page: bytes, hub: type[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files["tokenizer.json"] = page
    monkeypatch.setenv("MYGPT_CHECKPOINT", "org/good")
    with pytest.raises(
        CheckpointError, match="but tokenizer.json is .* Delete the folder .*org--good"
    ):
        model.lesson_checkpoint()
    monkeypatch.setenv("MYGPT_OFFLINE", "1")
    with pytest.raises(
        CheckpointError, match=r"cannot serve it \(tokenizer.json is .*MYGPT_OFFLINE"
    ):
        model.lesson_checkpoint()
