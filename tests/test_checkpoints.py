"""checkpoints.py: what was saved comes back bit by bit; what is damaged is refused, and says so."""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import math
import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from mygpt_helpers import (
    GPT,
    Record,
    checkpoints,
    cycle_corpus,
    files,
    load_checkpoint,
    save_checkpoint,
    train,
)
from mygpt_helpers.checkpoints import INDEX
from mygpt_helpers.errors import CheckpointError

REPOSITORY = Path(__file__).parents[1]
SIZES = {"batch_size": 4, "seq_len": 8}
CASES = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
OPTIMIZERS = {
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=1e-2),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-2, amsgrad=True),
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "plain SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
}


pytestmark = pytest.mark.usefixtures("one_thread")


def start(optimizer="AdamW", dropout=0.1):
    torch.manual_seed(0)
    model = GPT(4, 8, 2, 2, dropout=dropout)
    torch.manual_seed(42)
    return model, OPTIMIZERS[optimizer](model.parameters())


def run(model, optimizer, steps, record=None):
    return train(model, cycle_corpus(), optimizer, **SIZES, steps=steps, record=record)


def weights_equal(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint with everything in it, and its model and record; tests work on copies."""
    folder = tmp_path_factory.mktemp("saved") / "run"
    model, optimizer = start()
    record = run(model, optimizer, 5)
    save_checkpoint(folder, model, optimizer, record)
    return folder, model, record


@pytest.fixture
def folder(saved, tmp_path):
    return Path(shutil.copytree(saved[0], tmp_path / "run"))


def numbers_of(folder):
    (path,) = folder.glob("numbers-*.safetensors")
    return path


def index_of(folder):
    return json.loads((folder / INDEX).read_text())


def sign(folder, **changes):
    """Change the index's content, and sign it as save_checkpoint would."""
    index = index_of(folder)
    content = {**index["content"], **changes}
    index |= {"content": content, "sha256": checkpoints._digest(content)}
    (folder / INDEX).write_text(json.dumps(index))


def refused(folder, model=None, optimizer=None):
    """Return the message with which a checkpoint is refused: one line; nothing has changed."""
    state = torch.get_rng_state()
    before = None if model is None else {k: t.clone() for k, t in model.state_dict().items()}
    with pytest.raises(CheckpointError) as raised:
        load_checkpoint(folder, model, optimizer)
    message = str(raised.value)
    assert "\n" not in message and len(message) < 600 and str(folder) in message
    shown = " ".join(line.strip() for line in raised.value._render_traceback_())
    assert shown.startswith(f"CheckpointError: {message}")
    assert torch.equal(state, torch.get_rng_state())
    if before is not None:
        assert all(torch.equal(before[k], t) for k, t in model.state_dict().items())
    return message


# ---- round trips -------------------------------------------------------------------------------


def test_a_model_comes_back_bit_by_bit(saved):
    folder, model, record = saved
    state = torch.get_rng_state()
    fresh, losses = load_checkpoint(folder)
    assert torch.equal(state, torch.get_rng_state()), "loading to look at it draws nothing"
    assert isinstance(fresh, GPT) and fresh.config == model.config
    assert weights_equal(fresh, model)
    assert isinstance(losses, Record) and losses.losses == record.losses
    ids = cycle_corpus()[None, :64]
    assert torch.equal(fresh.eval()(ids)[0], model.eval()(ids)[0])
    assert all(p.requires_grad and not p.is_meta for p in fresh.parameters())
    # It is a model like any other: it can be trained, and has no memory shared with the file.
    optimizer = torch.optim.AdamW(fresh.parameters(), lr=1e-2)
    assert len(run(fresh, optimizer, 2).losses) == 2
    assert not weights_equal(fresh, model)
    assert weights_equal(load_checkpoint(folder)[0], model)


def test_into_a_model_that_is_there_already(saved):
    folder, model, record = saved
    other = GPT(**model.config)
    same, losses = load_checkpoint(folder, other)
    assert same is other and weights_equal(other, model) and losses == record


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("fresh", [True, False])
def test_going_on_is_bit_equal_to_never_stopping(optimizer, fresh, tmp_path):
    model, whole_optimizer = start(optimizer)
    whole = run(model, whole_optimizer, 9)
    half, half_optimizer = start(optimizer)
    record = run(half, half_optimizer, 4)
    save_checkpoint(tmp_path, half, half_optimizer, record)
    torch.manual_seed(1), torch.rand(3)
    other, other_optimizer = start(optimizer) if fresh else (half, half_optimizer)
    if not fresh:
        run(half, half_optimizer, 6, record)
    same, record = load_checkpoint(tmp_path, other, other_optimizer)
    assert same is other and len(record.losses) == 4
    record = run(other, other_optimizer, 9, record)
    assert record.losses == whole.losses and weights_equal(other, model)
    states = [o.state_dict()["state"] for o in (whole_optimizer, other_optimizer)]
    # An entry that is None (plain SGD's momentum) says nothing and is not kept.
    tensors = [
        {(i, name): t for i in state for name, t in state[i].items() if torch.is_tensor(t)}
        for state in states
    ]
    assert tensors[0].keys() == tensors[1].keys()
    assert all(torch.equal(tensors[0][key], tensors[1][key]) for key in tensors[0])
    assert tensors[0] or optimizer == "plain SGD"


GO_ON = """
import sys, torch
from mygpt_helpers import GPT, cycle_corpus, load_checkpoint, train

torch.set_num_threads(1)
model = GPT(4, 8, 2, 2, dropout=0.1)
optimizer = torch.optim.AdamW(model.parameters(), lr=1.0)  # another rate: the saved one is taken
_, record = load_checkpoint(sys.argv[1], model, optimizer)
train(model, cycle_corpus(), optimizer, batch_size=4, seq_len=8, steps=9, record=record)
print(*(loss.hex() for loss in record.losses))
print(*(p.sum().item().hex() for p in model.parameters()))
"""


@pytest.mark.slow
def test_a_fresh_process_goes_on_bit_by_bit(saved):
    done = subprocess.run(
        [sys.executable, "-c", GO_ON, str(saved[0])],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    model, optimizer = start()
    whole = run(model, optimizer, 9)
    losses, sums = (line.split() for line in done.stdout.splitlines())
    assert losses == [loss.hex() for loss in whole.losses]
    assert sums == [p.sum().item().hex() for p in model.parameters()]


def test_saved_before_the_first_step(tmp_path):
    model, optimizer = start()
    save_checkpoint(tmp_path, model, optimizer, Record())
    other, other_optimizer = start()
    torch.manual_seed(7)
    _, record = load_checkpoint(tmp_path, other, other_optimizer)
    assert record.losses == []
    expected_model, expected_optimizer = start()
    expected = run(expected_model, expected_optimizer, 4)
    load_checkpoint(tmp_path, other, other_optimizer)
    assert run(other, other_optimizer, 4, record).losses == expected.losses


def test_a_model_alone(tmp_path):
    model, optimizer = start()
    save_checkpoint(str(tmp_path / "a" / "b"), model)
    fresh, record = load_checkpoint(str(tmp_path / "a" / "b"))
    assert weights_equal(fresh, model) and record.losses == []
    message = refused(tmp_path / "a" / "b", model, optimizer)
    assert "holds no optimizer" in message
    assert not any(t.is_meta for t in fresh.state_dict().values())


def test_losses_that_are_no_numbers_come_back_too(tmp_path):
    model, _ = start()
    losses = [1.5, math.inf, 1e-300, 0.1 + 0.2]
    save_checkpoint(tmp_path, model, record=Record(losses))
    assert load_checkpoint(tmp_path)[1].losses == losses


@pytest.mark.filterwarnings("error")
def test_losses_may_be_tensors(tmp_path):
    record = Record([torch.tensor(1.5, requires_grad=True), np.float32(2)])
    save_checkpoint(tmp_path, start()[0], record=record)
    assert load_checkpoint(tmp_path)[1].losses == [1.5, 2.0]


@pytest.mark.parametrize("model", ["gpt2", torch.zeros(2), GPT, functools.partial(GPT)], ids=str)
def test_what_is_no_model(model, folder):
    for call in (save_checkpoint, load_checkpoint):
        with pytest.raises(ValueError, match=r"model must be a torch\.nn\.Module.*got"):
            call(folder, model)


@pytest.mark.parametrize(
    ("optimizer", "record", "said"),
    [
        ("adam", None, "optimizer must be one of torch.optim.*got str"),
        (torch.optim.SGD([torch.zeros(1)]), None, "none of this model's parameters"),
        (None, [1.0], "record must be a Record.*got list"),
        (None, Record(["a"]), r"record.losses\[0\] must be a number, got 'a'"),
    ],
    ids=range(4),
)
def test_what_is_no_part_of_a_run_is_not_saved(optimizer, record, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        save_checkpoint(tmp_path, start()[0], optimizer, record)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("made", [True, False])
def test_under_inference_mode_no_run_is_loaded_and_nothing_changes(made, folder):
    with torch.inference_mode(made):
        model, optimizer = start()
    with torch.inference_mode(not made), pytest.raises(ValueError, match="inference_mode"):
        load_checkpoint(folder, model, optimizer)
    assert not optimizer.state
    with torch.inference_mode():  # to use it
        assert weights_equal(load_checkpoint(folder, model)[0], load_checkpoint(folder)[0])


@pytest.mark.parametrize("device", ["cuda:99", "nowhere"])
def test_a_device_that_is_not_there(device, folder):
    with pytest.raises(ValueError, match=f"no such device here: device='{device}'"):
        load_checkpoint(folder, device=device)


def test_half_precision_stays_half_precision(tmp_path):
    model = start()[0].to(torch.bfloat16)
    save_checkpoint(tmp_path, model)
    fresh, _ = load_checkpoint(tmp_path)
    assert weights_equal(fresh, model)
    assert {p.dtype for p in fresh.parameters()} == {torch.bfloat16}


def test_a_learners_model_with_its_sizes_in_config(tmp_path):
    class Learners(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.config = {"vocab_size": 5}
            self.table = torch.nn.Embedding(5, 5)
            self.head = torch.nn.Linear(5, 5, bias=False)
            self.head.weight = self.table.weight  # tied
            self.register_buffer("seen", torch.arange(3))

    model, other = Learners(), Learners()
    save_checkpoint(tmp_path, model)
    load_checkpoint(tmp_path, other)
    assert weights_equal(model, other) and other.head.weight is other.table.weight
    assert "its configuration makes no GPT" in refused(tmp_path)


# ---- writing is all or nothing -----------------------------------------------------------------


def test_a_folder_holds_one_checkpoint_the_last(folder, saved):
    model, optimizer = start()
    record = run(model, optimizer, 2)
    for _ in range(2):
        save_checkpoint(folder, model, optimizer, record)
        assert len(list(folder.iterdir())) == 2
        fresh, losses = load_checkpoint(folder)
        assert weights_equal(fresh, model) and losses.losses == record.losses
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
@pytest.mark.parametrize("step", ["replace", "fsync"])
@pytest.mark.parametrize("file", [1, 2])
def test_broken_off_anywhere_the_old_checkpoint_is_whole(
    file, step, error, folder, saved, monkeypatch
):
    model, optimizer = start()
    run(model, optimizer, 2)
    calls, real = [0], getattr(os, step)

    def broken(*arguments):
        calls[0] += 1
        if calls[0] == file:
            raise error
        return real(*arguments)

    monkeypatch.setattr(files.os, step, broken)
    expected = CheckpointError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as raised:
        save_checkpoint(folder, model, optimizer)
    if expected is CheckpointError:
        message = str(raised.value)
        assert message == f"cannot write the checkpoint {folder}: No space left on device."
    monkeypatch.undo()
    fresh, record = load_checkpoint(folder)
    assert weights_equal(fresh, saved[1]) and record == saved[2]
    assert not list(folder.glob("*.new")) and not list(folder.glob(".*"))
    # The next one clears up.
    save_checkpoint(folder, model, optimizer)
    assert len(list(folder.iterdir())) == 2
    assert weights_equal(load_checkpoint(folder)[0], model)


KILLED = """
import os, signal, sys, torch
from mygpt_helpers import GPT, files, save_checkpoint

calls, real = [0], os.replace
def replace(*arguments):
    calls[0] += 1
    if calls[0] == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
files.os.replace = replace
save_checkpoint(sys.argv[1], GPT(4, 8, 2, 2, dropout=0.1))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_between_the_two_files(folder, saved):
    command = [sys.executable, "-c", KILLED, str(folder), "2"]
    assert subprocess.run(command, cwd=REPOSITORY).returncode == -9
    assert len(list(folder.glob("numbers-*"))) == 2, "the new numbers were written"
    fresh, record = load_checkpoint(folder)
    assert weights_equal(fresh, saved[1]) and record == saved[2]
    save_checkpoint(folder, saved[1])
    assert len(list(folder.glob("numbers-*"))) == 1


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    model, _ = start()
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/mygpt")):
        with pytest.raises(CheckpointError, match="cannot write the checkpoint") as raised:
            save_checkpoint(place, model)
        assert str(place) in str(raised.value) and "\n" not in str(raised.value)

    def refused_(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.tempfile, "mkstemp", refused_)
    with pytest.raises(CheckpointError, match=r"checkpoint .*: Permission denied\."):
        save_checkpoint(tmp_path / "new", model)


def test_no_network(tmp_path, monkeypatch):
    def never(*_, **__):
        raise AssertionError("the network was asked")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, never)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    model, optimizer = start()
    save_checkpoint(tmp_path, model, optimizer, Record([1.0]))
    load_checkpoint(tmp_path, model, optimizer)
    load_checkpoint(tmp_path)


def test_the_files_can_be_read_by_whoever_may_read_the_folder(folder):
    if os.name == "posix":
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


# ---- damaged -----------------------------------------------------------------------------------


def test_numbers_cut_short_anywhere(folder):
    path = numbers_of(folder)
    data = path.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    model, optimizer = start()
    for end in (0, 1, 7, 8, 9, header // 2, header, header + 1, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:end])
        message = refused(folder, model, optimizer)
        assert f"{path.name} is cut short or was changed. Save it again." in message
        refused(folder)


def test_numbers_with_one_byte_changed(folder):
    path = numbers_of(folder)
    data = path.read_bytes()
    model, optimizer = start()
    for place in [0, 7, 8, 20, *range(9, len(data), len(data) // 40), len(data) - 1]:
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert "is cut short or was changed" in refused(folder, model, optimizer)
    path.write_bytes(data + b"\0")
    assert "is cut short or was changed" in refused(folder)


def test_the_index_cut_short_anywhere(folder, saved):
    text = (folder / INDEX).read_bytes()
    for end in [0, 1, *range(2, len(text) - 2, 29), len(text) - 3, len(text) - 2]:
        (folder / INDEX).write_bytes(text[:end])
        assert f"{INDEX} cannot be read" in refused(folder)
    (folder / INDEX).write_bytes(text[:-1])  # but for the last newline, all is there
    assert weights_equal(load_checkpoint(folder)[0], saved[1])


def test_the_index_with_one_byte_changed(folder, saved):
    text = (folder / INDEX).read_bytes()
    for place in range(0, len(text), 7):
        for bit in (1, 16, 128):
            (folder / INDEX).write_bytes(
                text[:place] + bytes([text[place] ^ bit]) + text[place + 1 :]
            )
            model, optimizer = start()
            before = {k: t.clone() for k, t in model.state_dict().items()}
            try:
                load_checkpoint(folder, model, optimizer)
            except CheckpointError as error:
                assert "\n" not in str(error)
                assert all(torch.equal(before[k], t) for k, t in model.state_dict().items())
            else:  # a changed figure that still makes sense; the weights are those that were saved
                assert weights_equal(model, saved[1])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 70)
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["..", "/etc/passwd", "checkpoint.json", "a\0b", "\ud800", "AdamW"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
KEYS = ["format", "config", "losses", "optimizer", "sha256", "file", "random", ""]


def loaded_or_refused(folder, index):
    """Load with everything, and alone: it works, or a CheckpointError changes nothing."""
    text = index if isinstance(index, str) else json.dumps(index)
    (folder / INDEX).write_bytes(text.encode("utf-8", "surrogatepass"))
    model, optimizer = start()
    before = {k: t.clone() for k, t in model.state_dict().items()}
    state = torch.get_rng_state()
    for arguments in ((), (model,), (model, optimizer)):
        try:
            _, record = load_checkpoint(folder, *arguments)
        except CheckpointError as error:
            assert "\n" not in str(error)
            if len(arguments) != 1:
                assert torch.equal(state, torch.get_rng_state())
        else:
            assert isinstance(record, Record) and all(isinstance(x, float) for x in record.losses)
            for name, tensor in model.state_dict().items():
                before[name] = tensor.clone()
        assert all(torch.equal(before[k], t) for k, t in model.state_dict().items())


@CASES
@given(JSON | st.dictionaries(st.sampled_from(KEYS), JSON))
def test_whatever_json_is_there_is_refused_and_nothing_else_is_raised(saved, tmp_path, index):
    folder = tmp_path / "run"
    shutil.copytree(saved[0], folder, dirs_exist_ok=True)
    loaded_or_refused(folder, index)


def places_in(value, path=()):
    """Every place in a JSON value, as the keys that lead to it."""
    found = [path]
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            found += places_in(inner, (*path, key))
    return found


@CASES
@given(st.data())
def test_an_index_with_one_value_replaced_or_left_out(saved, tmp_path, data):
    folder = tmp_path / "run"
    shutil.copytree(saved[0], folder, dirs_exist_ok=True)
    index = index_of(saved[0])
    *path, key = data.draw(st.sampled_from(places_in(index)[1:]))
    signed = data.draw(st.booleans())
    inside = index
    for step in path:
        inside = inside[step]
    if data.draw(st.booleans()):
        del inside[key]
    else:
        inside[key] = data.draw(JSON)
    if signed and isinstance(index.get("content"), dict):
        index["sha256"] = checkpoints._digest(index["content"])
    loaded_or_refused(folder, index)


def test_a_changed_digit_in_the_index_is_noticed(folder):
    index = index_of(folder)
    index["content"]["losses"][0] += 1.0
    (folder / INDEX).write_text(json.dumps(index))
    assert f"{INDEX} was changed" in refused(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "\x00", "\ufeff{}"])
def test_json_that_no_reader_likes(text, folder):
    (folder / INDEX).write_text(text, encoding="utf-8")
    assert INDEX in refused(folder)


def test_an_index_in_another_encoding(folder):
    (folder / INDEX).write_bytes(b"\xff\xfe{\x00}\x00")
    assert "cannot be read (UnicodeDecodeError)" in refused(folder)


def test_what_is_missing(folder, tmp_path):
    model, optimizer = start()
    assert "no checkpoint in" in refused(tmp_path / "nowhere", model, optimizer)
    (tmp_path / "empty").mkdir()
    message = refused(tmp_path / "empty")
    assert f"no {INDEX}. save_checkpoint makes one." in message
    path = numbers_of(folder)
    path.unlink()
    assert f"{path.name} is missing. Save it again." in refused(folder, model, optimizer)
    (folder / INDEX).unlink()
    (folder / INDEX).mkdir()
    assert "damaged" in refused(folder)


def test_another_format(folder):
    index = index_of(folder)
    (folder / INDEX).write_text(json.dumps({**index, "format": 2}))
    assert "has format 2; this is 1." in refused(folder)


def test_another_configuration(folder):
    other = GPT(4, 16, 2, 3)
    message = refused(folder, other, torch.optim.AdamW(other.parameters()))
    for word in ("embed_dim=8 (the model has 16)", "num_layers=2 (the model has 3)"):
        assert word in message
    assert "dropout=0.1 (the model has 0.0)" in message and "vocab_size" not in message
    assert "load_checkpoint(folder) alone makes a model that fits" in message


def fixed_up(folder, data):
    """Put other bytes in the place of the numbers, with an index that fits them."""
    numbers_of(folder).write_bytes(data)
    sign(folder, sha256=hashlib.sha256(data).hexdigest())


def test_weights_of_other_names_or_shapes(folder):
    numbers = load(numbers_of(folder).read_bytes())
    name = "model.final_norm.bias"
    model, optimizer = start()
    for changed in (
        {k: t for k, t in numbers.items() if k != name},
        {**numbers, "model.extra": torch.zeros(2)},
        {**numbers, name: torch.zeros(9)},
    ):
        fixed_up(folder, save(changed))
        for given_ in ((), (model,), (model, optimizer)):
            assert "other names or shapes" in refused(folder, *given_)


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n.pop("random"),
        lambda n: n.update(random=torch.zeros(3)),
        lambda n: n.update(random=n["random"][:-5].clone()),
        lambda n: n.update({"optimizer.x.step": torch.zeros(1)}),
        lambda n: n.update({"optimizer.0": torch.zeros(1)}),
        lambda n: n.update({"optimizer.99.step": torch.zeros(1)}),
        lambda n: n.update({"optimizer.0.exp_avg": torch.zeros(3, 3)}),
    ],
    ids=range(7),
)
def test_a_state_of_the_run_that_does_not_fit(change, folder):
    numbers = load(numbers_of(folder).read_bytes())
    change(numbers)
    fixed_up(folder, save(numbers))
    model, optimizer = start()
    refused(folder, model, optimizer)
    assert not optimizer.state


def test_an_optimizer_of_another_kind_or_over_other_parameters(folder):
    model, _ = start()
    message = refused(folder, model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert "trained by AdamW" in message and "this SGD" in message
    part = torch.optim.AdamW(model.blocks.parameters())
    assert "other groups of parameters" in refused(folder, model, part)


def test_an_optimizer_without_its_model(folder):
    _, optimizer = start()  # it would be of another model than the fresh one
    with pytest.raises((CheckpointError, ValueError)) as raised:
        load_checkpoint(folder, optimizer=optimizer)
    assert "model" in str(raised.value)


# ---- nothing is ever unpickled -----------------------------------------------------------------


class Bomb:
    """What runs a program when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_the_bomb_works(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "gone off")))
    assert (tmp_path / "gone off").exists()


@pytest.mark.parametrize("how", ["pickle", "torch.save", "torch.save, old"])
def test_a_pickle_is_refused_and_never_opened(how, folder, tmp_path):
    trace, file = tmp_path / "gone off", tmp_path / "model.pt"
    if how == "pickle":
        file.write_bytes(pickle.dumps({"model": Bomb(trace)}))
    else:
        torch.save({"model": Bomb(trace)}, file, _use_new_zipfile_serialization=how == "torch.save")
    model, optimizer = start()
    message = refused(file)
    assert "is a file, and a checkpoint is the folder" in message
    assert "pickle" in message and "never opened" in message
    refused(file, model, optimizer)
    # In the place of the numbers, its sha256 in the index.
    fixed_up(folder, file.read_bytes())
    for given_ in ((), (model,), (model, optimizer)):
        assert "is no safetensors file, and nothing else is opened" in refused(folder, *given_)
    # In the place of the index.
    (folder / INDEX).write_bytes(file.read_bytes())
    assert "cannot be read" in refused(folder)
    assert not trace.exists()


def test_a_path_in_the_index_leads_nowhere_else(folder, tmp_path):
    outside = tmp_path / "outside.safetensors"
    outside.write_bytes(numbers_of(folder).read_bytes())
    for name in (str(outside), "../outside.safetensors"):
        sign(folder, file=name)
        assert "is missing" in refused(folder)


def test_the_source_opens_nothing_but_safetensors_and_json():
    source = Path(checkpoints.__file__).read_text(encoding="utf-8")
    for word in ("torch.load", "pickle.load", "import pickle", "eval(", "exec("):
        assert word not in source
