"""`mygpt train` and `mygpt generate`: as a person gives them, and what is told where it fails."""

from __future__ import annotations

import json
import math
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mygpt_helpers import TrainingError, generate, learn, load_run, runs, write
from mygpt_helpers import __main__ as command_line
from mygpt_helpers.commands import GENERATE, KNOBS, SETTINGS, TRAIN

ROOT = Path(__file__).resolve().parent.parent
SMALL = ["--embed-dim", "8", "--num-layers", "1", "--num-heads", "2", "--seq-len", "8"]
SMALL += ["--batch-size", "4", "--evaluate-every", "5"]
TEXT = "the cat sat on the mat; the dog sat on the cat. " * 20


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a text, where the commands are given."""
    monkeypatch.chdir(tmp_path)
    Path("t.txt").write_text(TEXT)
    ended = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, ended)


def give(*arguments):
    return command_line.main([*map(str, arguments)])


def train(*arguments):
    return give("train", "t.txt", *SMALL, *arguments)


def command(*arguments):
    return [sys.executable, "-m", "mygpt_helpers", *arguments]


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def start(*arguments):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*map(str, arguments)], env=ENVIRONMENT, **pipes)


def done(*arguments, code=0):
    process = start(*arguments)
    out, err = process.communicate(timeout=200)
    assert process.returncode == code, err
    return out + err


def same(one, other):
    """Assert that two run folders hold the same model, to the bit."""
    one, other = load_run(one), load_run(other)
    assert one.record.losses == other.record.losses
    for name, weight in one.model.state_dict().items():
        assert torch.equal(weight, other.model.state_dict()[name])


# ---- train -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_that_goes_on_is_one_that_was_never_stopped():
    more = [*SMALL, "--dropout", "0.1"]
    done(*command("train", "t.txt", *more, "--steps", "20", "--out", "whole"))
    done(*command("train", "t.txt", *more, "--steps", "10", "--out", "parts"))
    done(*command("train", "--resume", "parts", "--steps", "20"))
    same("whole", "parts")


def test_the_first_loss_is_that_of_not_knowing():
    assert train("--steps", 1, "--out", "r") == 0
    run = load_run("r")
    assert run.record.losses[0] == pytest.approx(math.log(run.tokenizer.vocab_size), abs=0.1)


@pytest.mark.parametrize("options", [["--tokenizer", "bpe", "--vocab-size", "260"], []])
def test_a_run_holds_all_that_is_needed(options, capsys):
    assert train("--steps", 10, "--out", "r", *options) == 0
    said = capsys.readouterr()
    assert re.search(r"10 steps, loss .*, held-out loss .*, \d+\.\d\d bits per char", said.out)
    assert re.search(
        r"step 10 of 10, loss .*, held-out .*, [\d,]+ tokens/s, 0:00:00 left", said.err
    )
    run = load_run("r")
    assert len(run.record.losses) == 10 and [*run.record.held_out] == [5, 10]
    assert run.settings.keys() == {*SETTINGS, "file", "sha256"}
    assert run.model.config["vocab_size"] == run.tokenizer.vocab_size
    assert give("generate", "--checkpoint", "r", "--prompt", "the", "--seed", 1) == 0
    assert capsys.readouterr().out.startswith("the")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one child alone")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_ended_goes_on(ending):
    process = start(*command("train", "t.txt", *SMALL, "--steps", 10**6, "--save-every", 20))
    try:
        while not Path("run/checkpoint.json").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(ending)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    steps = len(load_run("run").record.losses)
    assert steps >= 20
    if ending == signal.SIGKILL:
        assert steps % 20 == 0
    else:
        assert process.returncode == 130 and "Traceback" not in err
        assert f"stopped at step {steps} of 1000000, and saved. Go on with: " in out
        assert shlex.split(out.splitlines()[-1])[-3:] == ["train", "--resume", "run"]
    assert give("train", "--resume", "run", "--steps", steps + 5) == 0
    assert train("--steps", steps + 5, "--out", "whole") == 0
    same("run", "whole")


def test_a_run_that_is_full_says_so(capsys):
    assert train("--steps", 3) == give("train", "--resume", "run") == 0
    assert "It has 3 steps already; --steps gives it more." in capsys.readouterr().out


def test_cosine_is_of_so_many_steps(capsys):
    assert train("--steps", 10, "--schedule", "cosine") == 0
    assert give("train", "--resume", "run", "--steps", 20) == 1
    assert "made with steps=10 (now steps=20)" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_train_one_model():
    more = [*SMALL, "--steps", "20"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    torchrun += ["--nproc-per-node", "2", "-m", "mygpt_helpers", "train", "t.txt", *more]
    said = done(*torchrun, "--out", "two")
    assert said.count("20 steps, loss ") == 1 and "2 processes" in said
    train("--steps", 20, "--out", "one")
    one, two = load_run("one"), load_run("two")
    assert two.record.losses == pytest.approx(one.record.losses, abs=1e-5)
    assert two.record.held_out == pytest.approx(one.record.held_out, abs=1e-5)
    process = start(*torchrun, "--out", "two")  # the first refuses it, and so both end
    out, err = process.communicate(timeout=200)
    assert process.returncode != 0 and (out + err).count("holds a run already") == 1


def test_unknown_characters_of_the_held_out_part_are_left_out(capsys):
    Path("t.txt").write_text(TEXT + "é€")
    assert train("--steps", 5) == 0
    assert "('é', '€'): they are left out of it." in capsys.readouterr().out
    assert not {"é", "€"} & {*load_run("run").tokenizer.vocab}


def test_a_short_file_is_learned_from_whole(capsys):
    Path("t.txt").write_text("abcdefghijklmnopqrstuvwxyz")
    assert train("--steps", 5) == 0
    said = capsys.readouterr().out
    assert "the file's end is too short for --seq-len 8, which needs 10 tokens" in said
    run = load_run("run")
    assert "z" in run.tokenizer.vocab and not run.record.held_out
    assert give("train", "--resume", "run", "--steps", 6) == 0


# ---- generate ----------------------------------------------------------------------------------


@pytest.fixture
def run(here):
    train("--steps", 5)
    return load_run("run")


def written(capsys, *options):
    capsys.readouterr()
    given = ["--checkpoint", "run", "--prompt", "the", "--max-new-tokens", 30]
    assert give("generate", *given, *options) == 0
    return capsys.readouterr().out


def test_a_seed_gives_a_text_again_and_the_budget_ends_it(run, capsys):
    text, again, other = (written(capsys, "--temperature", 9, "--seed", n) for n in (3, 3, 4))
    assert text == again != other
    assert len(text) == len("the") + 30 + 1
    ids = torch.tensor([run.tokenizer.encode("the")])
    ids = generate(run.model, ids, 30, temperature=9, generator=random.Random(3))
    assert text == run.tokenizer.decode(ids[0]) + "\n"


def test_every_knob_reaches_generate(run, capsys):
    greedy = written(capsys, "--top-k", 1)
    assert written(capsys, "--top-p", 0.0001) == written(capsys, "--min-p", 1) == greedy
    assert written(capsys, "--temperature", 0.0001, "--seed", 2) == greedy
    assert written(capsys, "--top-k", 1, "--repetition-penalty", 9) != greedy
    once = written(capsys, "--no-repeat-ngram-size", 1, "--max-new-tokens", 4)
    assert len({*once}) == len(once)
    first = run.tokenizer.encode(greedy[3])[0]
    assert written(capsys, "--top-k", 1, "--eos-token-id", first) == greedy[:4] + "\n"


def test_the_text_comes_token_by_token(run, monkeypatch):
    shown = []
    monkeypatch.setattr("builtins.print", lambda text, **how: shown.append((text, how)))
    give("generate", "--checkpoint", "run", "--prompt", "the", "--max-new-tokens", 3)
    assert [len(text) for text, _ in shown] == [3, 1, 1, 1, 1]
    assert all(how["flush"] for _, how in shown)


def test_bytes_wait_until_they_are_a_character(monkeypatch, capsys):
    Path("t.txt").write_text("é€" * 300)
    assert train("--steps", 300, "--tokenizer", "bpe", "--vocab-size", 256, "--lr", "0.01") == 0
    capsys.readouterr()
    assert give("generate", "--checkpoint", "run", "--prompt", "é€é", "--top-k", "1") == 0
    assert "€é€é€" in capsys.readouterr().out


def test_a_terminal_is_shown_no_controls(run, monkeypatch, capsys):
    write._print("a\x1b[2Jb\n")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    write._print("a\x1b[2Jb\n")
    assert capsys.readouterr().out == "a\x1b[2Jb\na\\x1b[2Jb\n"


def test_generate_loads_only_what_it_needs(run):
    code = (
        "import json, sys; from mygpt_helpers.__main__ import main;"
        "main(['generate', '--checkpoint', 'run', '--prompt', 'the', '--max-new-tokens', '1']);"
        "print(json.dumps([*sys.modules]))"
    )
    loaded = json.loads(done(sys.executable, "-c", code).splitlines()[-1])
    heavy = {"torch._dynamo", "transformers", "accelerate", "matplotlib", "IPython", "anywidget"}
    assert "torch" in loaded and not heavy & {*loaded}


# ---- help --------------------------------------------------------------------------------------


def test_help_teaches_and_loads_nothing(capsys):
    code = (
        "import sys; from mygpt_helpers.__main__ import main\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    said = done(sys.executable, "-c", code)
    assert said.endswith("False False\n")
    for name, (default, what) in SETTINGS.items():
        assert f"--{name.replace('_', '-')} " in said
        assert re.search(r"\(.*\d\d\)$", what), "the lesson that teaches it"
        if default:
            assert f"(default: {default})" in " ".join(said.split())
    with pytest.raises(SystemExit):
        give("generate", "--help")
    said = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')} " in said for name in KNOBS)


@pytest.mark.parametrize(
    "line", re.findall(r"^  \{program\} (.*?)(?:   .*)?$", TRAIN + "\n" + GENERATE, re.M)
)
def test_the_examples_of_help_run(line, capsys):
    Path("my.txt").write_text(TEXT)
    given = shlex.split(line)
    if "--resume" in given or given[0] == "generate":
        train("--steps", 2)
    if given[0] == "train":
        given += ["--steps", "3"]
    if "my.txt" in given:
        given += SMALL
    if "Once" in given:
        given[given.index("Once")] = "the"
    assert give(*given) == 0


# ---- bad input ---------------------------------------------------------------------------------


def refused(capsys, *arguments):
    """Give a command, and return the one line that says why not."""
    capsys.readouterr()
    assert give(*arguments) == 1
    said = capsys.readouterr().err.splitlines()
    said = [line for line in said if not line.startswith("step ")]
    assert len(said) == 1 and said[0].startswith("error: ")
    return said[0]


FILES = {
    "empty": (b"", "is empty"),
    "short": (b"hi", r"data holds 2 tokens, and seq_len=8 needs at least 10"),
    "bytes": (bytes(range(256)) * 9, "is no plain text: byte 0 is zero"),
    "latin": ("caf\xe9 ".encode("latin-1") * 50, "is not in UTF-8: byte 3"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file(name, here, capsys):
    data, said = FILES[name]
    Path("bad").write_bytes(data)
    assert re.search(said, refused(capsys, "train", "bad", *SMALL, "--steps", 3))
    assert sorted(path.name for path in here.iterdir()) == ["bad", "t.txt"]


def test_no_file_a_folder_and_a_large_one(here, capsys):
    with open("large", "wb") as file:
        file.truncate(500_000_000)
    assert "at most 100 MB" in refused(capsys, "train", "large")
    assert "is a folder" in refused(capsys, "train", here)
    assert "there is no file" in refused(capsys, "train", "gone")
    assert "give a text file" in refused(capsys, "train")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--steps", "0"], "steps must be a whole number from 1, got 0"),
        (["--lr", "1e30", "--steps", "9"], "loss of step 2 is nan.*smaller learning rate"),
        (["--device", "nowhere"], "no such device here: device='nowhere'"),
        (["--num-heads", "3"], "cannot be divided by num_heads=3"),
        (["--held-out", "1.5"], "held_out must be a number between 0 and 1"),
        (["--clip", "-1"], "clip must be a number above 0"),
        (["--tokenizer", "bpe", "--vocab-size", "9"], "vocab_size must be a whole number from 256"),
    ],
)
def test_a_bad_option_leaves_no_folder(options, said, capsys):
    assert re.search(said, refused(capsys, "train", "t.txt", *SMALL, *options))
    assert not Path("run").exists()


def test_a_prompt_that_has_no_token(run, capsys):
    begin = ["generate", "--checkpoint", "run", "--prompt"]
    assert "no token for 'É', '€': " in refused(capsys, *begin, "the É€É")
    assert "the prompt is empty" in refused(capsys, *begin, "")
    assert "temperature must be above 0" in refused(capsys, *begin, "the", "--temperature", 0)
    assert "there is no checkpoint" in refused(
        capsys, "generate", "--checkpoint", "x", "--prompt", "a"
    )


def test_a_resume_with_other_settings(run, capsys):
    said = refused(
        capsys, "train", "--resume", "run", "--batch-size", 8, "--lr", "0.5", "--seed", 0
    )
    assert "the run's 5 steps were made with batch_size=4 (now batch_size=8), lr=" in said
    assert "seed" not in said
    assert "leave --out out" in refused(capsys, "train", "--resume", "run", "--out", "x")
    assert "no such folder" in refused(capsys, "train", "--resume", "gone")
    settings = json.loads(Path("run/run.json").read_text())
    del settings["settings"]["clip"]
    Path("run/run.json").write_text(json.dumps(settings))
    assert "says nothing of clip: another version" in refused(capsys, "train", "--resume", "run")


def test_a_resume_needs_its_text(run, capsys):
    Path("t.txt").rename("moved.txt")
    resume = ["train", "--resume", "run", "--steps", 6]
    assert "not there, or not the text" in refused(capsys, *resume)
    Path("t.txt").write_text(TEXT + "more")
    assert "not there, or not the text" in refused(capsys, *resume)
    assert give(*resume, "moved.txt") == 0


def test_two_runs_into_one_folder(run, capsys):
    assert "holds a run already. Go on with it by --resume" in refused(capsys, "train", "t.txt")
    with runs.only_here(Path("run"), new=False):
        said = refused(capsys, "train", "--resume", "run", "--steps", 9)
        assert "another process is training in run" in said
        assert "another process" in refused(capsys, "train", "t.txt", "--out", "run")
    assert len(load_run("run").record.losses) == 5


def test_a_full_disk_at_a_checkpoint(run, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(runs, "write_whole", full)
        said = refused(capsys, "train", "--resume", "run", "--steps", 9, "--save-every", 2)
    assert "No space left on device. run holds the run as of step 5, whole; go on with: " in said
    assert give("train", "--resume", "run", "--steps", 9) == 0


def test_a_loss_that_is_no_number_leaves_the_checkpoint(run, monkeypatch, capsys):
    def bad(*_, record, **__):
        raise TrainingError("the loss of step 7 is nan.", record)

    monkeypatch.setattr(learn, "train", bad)
    said = refused(capsys, "train", "--resume", "run", "--steps", 9)
    assert said == "error: the loss of step 7 is nan. run holds the run as of step 5, whole."
