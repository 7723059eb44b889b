"""processes.py: two processes with half a batch each train as one does with the whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from mygpt_helpers import GPT, train

ROOT = Path(__file__).parents[1]

SCRIPT = """
import json, os, sys
import torch
from accelerate import Accelerator
from mygpt_helpers import GPT, train

torch.set_num_threads(1)
kind, folder = sys.argv[1:]
accelerator = Accelerator(cpu=True)
torch.manual_seed(0)
model = GPT(7, 8, 2, 2, dropout=0.2 if kind == "dropout" else 0.0)
data = torch.randint(7, (500,), generator=torch.Generator().manual_seed(5))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
torch.manual_seed(42)
seen, draws = [], []

def forward(module, args, output):
    seen.append(args[0].tolist())
    if kind == "dropout" and module.training:
        draws.append(torch.rand(()).item())
    if kind == "fails" and len(seen) == 5 and accelerator.process_index == 1:
        raise MemoryError("no memory left")

model.register_forward_hook(forward)
saved = []
say = lambda step, loss: step == 20 and print("started", flush=True)
record = train(
    model, data, optimizer, batch_size=4, seq_len=8, steps=10**6 if kind == "stopped" else 20,
    accelerator=accelerator, clip=1.0, held_out=data[-200:], evaluate_every=5, on_step=say,
    on_save=lambda record: saved.append(len(record.losses)), save_every=10,
)
told = {
    "processes": accelerator.num_processes, "backend": torch.distributed.get_backend(),
    "losses": record.losses, "held_out": record.held_out, "rows": [len(ids) for ids in seen[:3]],
    "weights": [p.tolist() for p in model.parameters()], "saved": saved,
    "random": torch.get_rng_state().tolist(), "draws": draws,
}
with open(f"{folder}/{accelerator.process_index}.json", "w") as file:
    json.dump(told, file)
"""


def start(kind, folder):
    (folder / "run.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(folder / "run.py"), kind, str(folder)]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=env, cwd=folder, **pipes)


def told_by(folder):
    return [json.loads((folder / f"{i}.json").read_text()) for i in range(2)]


def alone():
    """The same run by one process."""
    torch.manual_seed(0)
    model = GPT(7, 8, 2, 2)
    data = torch.randint(7, (500,), generator=torch.Generator().manual_seed(5))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    torch.manual_seed(42)
    more = {"clip": 1.0, "held_out": data[-200:], "evaluate_every": 5}
    return train(model, data, optimizer, batch_size=4, seq_len=8, steps=20, **more)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_two_processes_with_half_the_batch_each_are_one_with_the_whole(tmp_path):
    process = start("plain", tmp_path)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    first, second = told_by(tmp_path)
    record = alone()
    for told in (first, second):
        assert told["processes"] == 2 and told["backend"] == "gloo" and told["rows"] == [2, 2, 2]
        assert told["losses"] == pytest.approx(record.losses, abs=1e-5)
        assert [*told["held_out"]] == ["5", "10", "15", "20"]
        assert [*told["held_out"].values()] == pytest.approx([*record.held_out.values()], abs=1e-5)
        assert told["random"] == torch.get_rng_state().tolist()
    assert first["weights"] == second["weights"]
    assert (first["saved"], second["saved"]) == ([10, 20], [])
    assert out == "started\n"


@pytest.mark.slow
def test_dropout_differs_and_the_generators_stay_alike(tmp_path):
    process = start("dropout", tmp_path)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    first, second = told_by(tmp_path)
    assert first["random"] == second["random"] and first["weights"] == second["weights"]
    assert first["losses"] == second["losses"]
    draws = {*first["draws"], *second["draws"]}
    assert len(draws) == 40, "each step of each process draws its own"


@pytest.mark.slow
def test_one_that_fails_stops_the_other_with_one_message(tmp_path):
    process = start("fails", tmp_path)
    began = time.monotonic()
    _, err = process.communicate(timeout=120)
    assert process.returncode != 0 and time.monotonic() - began < 120
    assert err.count("MemoryError: no memory left") == 1
    assert "Connection closed" not in err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one child alone")
def test_ctrl_c_stops_both_after_the_same_step(tmp_path):
    process = start("stopped", tmp_path)
    try:
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert (tmp_path / "0.json").exists() and (tmp_path / "1.json").exists(), err
    first, second = told_by(tmp_path)
    assert len(first["losses"]) == len(second["losses"]) >= 20
    assert first["losses"] == second["losses"] and first["weights"] == second["weights"]
    assert out.startswith(f"stopped at step {len(first['losses'])} of 1000000; ")
    assert out.count("stopped") == 1


@pytest.mark.parametrize(
    ("accelerator", "said"),
    [
        (2, "accelerator must be an accelerate.Accelerator.*got int"),
        (Accelerator, "got the class Accelerator"),
    ],
)
def test_what_is_no_accelerator(accelerator, said):
    model = GPT(4, 8, 2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.arange(40) % 4
    with pytest.raises(ValueError, match=said):
        train(model, data, optimizer, batch_size=2, seq_len=4, steps=1, accelerator=accelerator)
