"""runs.py: a run comes back whole, or one message says why not."""

from __future__ import annotations

import errno
import json

import pytest
import torch

from mygpt_helpers import (
    GPT,
    BPETokenizer,
    CharTokenizer,
    CheckpointError,
    Record,
    Run,
    load_run,
    runs,
    save_checkpoint,
    save_run,
)

TEXT = "the cat sat on the mat; the dog sat on the cat"


def a_run(tokenizer=None, **settings):
    tokenizer = tokenizer or CharTokenizer.train(TEXT)
    model = GPT(tokenizer.vocab_size, 8, 2, 1, max_seq_len=4)
    return Run(model, tokenizer, settings, Record([2.0, 1.5], {2: 1.75}))


@pytest.fixture
def folder(tmp_path):
    save_run(tmp_path / "run", a_run(lr=0.1))
    return tmp_path / "run"


@pytest.mark.parametrize("tokenizer", [CharTokenizer.train(TEXT), BPETokenizer.train(TEXT, 260)])
def test_a_run_comes_back(tokenizer, tmp_path):
    run = a_run(tokenizer, lr=0.1, name="é")
    save_run(tmp_path, run)
    back = load_run(tmp_path)
    assert back.settings == run.settings and back.record == run.record
    assert back.tokenizer.vocab == tokenizer.vocab
    assert back.tokenizer.encode(TEXT) == tokenizer.encode(TEXT)
    for name, weight in run.model.state_dict().items():
        assert torch.equal(back.model.state_dict()[name], weight)


def test_loading_draws_nothing_and_starts_no_compiler(folder):
    state = torch.get_rng_state()
    load_run(folder)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tokenizer.json", None, "holds a checkpoint and no run: it has no tokenizer.json"),
        ("run.json", None, "holds a checkpoint and no run: it has no run.json"),
        ("tokenizer.json", "{}", "no tokenizer that to_json wrote"),
        ("tokenizer.json", b"\xff", "tokenizer.json cannot be read"),
        ("tokenizer.json", CharTokenizer.train("ab").to_json(), "is not this run's: it has 2 tok"),
        ("run.json", "{}", "run.json is damaged"),
        ("run.json", "[" * 9**5, "run.json is damaged"),
        ("run.json", '{"format": 2, "settings": {}}', "has format 2; this is 1. Use the version"),
        ("checkpoint.json", '{"format": 2, "content": {}}', "has format 2; this is 1"),
        ("checkpoint.json", None, "there is no checkpoint in"),
    ],
)
def test_what_is_no_whole_run(folder, name, content, said):
    path = folder / name
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CheckpointError, match=said):
        load_run(folder)


def test_a_checkpoint_alone_is_no_run(tmp_path):
    save_checkpoint(tmp_path, a_run().model)
    with pytest.raises(CheckpointError, match="a checkpoint and no run"):
        load_run(tmp_path)


@pytest.mark.parametrize("full_at", ["run.json", "tokenizer.json", "numbers", "checkpoint.json"])
def test_a_full_disk_leaves_the_last_run_whole(folder, full_at, monkeypatch):
    from mygpt_helpers import checkpoints, files

    def write(path, data):
        if path.name.startswith(full_at):
            raise OSError(errno.ENOSPC, "No space left on device")
        files.write_whole(path, data)

    before = load_run(folder)
    later = a_run(before.tokenizer, lr=0.1)
    for module in (runs, checkpoints):
        monkeypatch.setattr(module, "write_whole", write)
    with pytest.raises(CheckpointError, match="No space left on device"):
        save_run(folder, later)
    back = load_run(folder)
    for name, weight in before.model.state_dict().items():
        assert torch.equal(back.model.state_dict()[name], weight)


# ---- the folder --------------------------------------------------------------------------------


def test_a_folder_is_one_process_s(tmp_path):
    folder = tmp_path / "run"
    with runs.only_here(folder, new=True):
        for new in (True, False):
            with (
                pytest.raises(CheckpointError, match="another process is training in"),
                runs.only_here(folder, new=new),
            ):
                pass
        save_run(folder, a_run())
    with pytest.raises(ValueError, match="holds a run already"), runs.only_here(folder, new=True):
        pass
    (folder / ".checkpoint.json-abc.new").write_text("half")
    with runs.only_here(folder, new=False):
        assert not [*folder.glob("*.new"), *folder.glob(".*.new")]
    assert load_run(folder)


def test_where_nothing_was_saved_no_folder_is_left(tmp_path):
    folder = tmp_path / "a" / "run"
    with pytest.raises(ZeroDivisionError), runs.only_here(folder, new=True):
        raise ZeroDivisionError
    assert not folder.exists()


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    for name, new, said in [
        (".", True, r"other files \(letter.txt\)"),
        ("letter.txt", True, "cannot write into .*letter.txt: "),
        ("gone", False, "no such folder"),
    ]:
        with (
            pytest.raises((ValueError, CheckpointError), match=said),
            runs.only_here(tmp_path / name, new=new),
        ):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_the_settings_are_json(folder):
    assert json.loads((folder / "run.json").read_text()) == {"format": 1, "settings": {"lr": 0.1}}
