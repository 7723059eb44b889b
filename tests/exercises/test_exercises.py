"""The checker itself, and every exercise: its solution is right, its known mistakes are wrong."""

import functools
import inspect
import linecache
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import pytest
import torch

from mygpt_helpers.exercises import check, core, evaluate, exercises, hint, lessons, solution
from mygpt_helpers.exercises.answer import show

ALL = [exercise for lesson in lessons() for exercise in exercises(lesson)]
WRONG = [
    pytest.param(exercise, function, fragment, id=f"{exercise.name}-{number}")
    for exercise in ALL
    for number, (function, fragment) in enumerate(exercise.wrong)
]
each = pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)


def softmax(logits):
    return torch.softmax(logits, dim=-1)


def status(name, answer):
    return evaluate(name, answer).status


# --- every exercise ---------------------------------------------------------------------------


def test_the_exercises_of_all_lessons_are_there():
    assert [exercise.name for exercise in ALL] == [
        "00.pick_largest", "00.loop",
        "01.next_id", "01.softmax", "01.phrase", "01.entropy",
        "04.temperature", "04.find_temperature", "04.from_probs", "04.zero",
        "10.attention", "10.split_heads", "10.count",
        "11.batch", "11.cross_entropy", "11.step",
        "12.first_wrong", "12.crop", "12.generate",
    ]  # fmt: skip


@each
def test_the_solution_is_right(exercise):
    outcome = evaluate(exercise.name, exercise.solution)
    assert outcome.status == "right", outcome.message
    assert outcome.message.startswith("✔ right: ")


@each
def test_the_printed_solution_is_right_too(exercise, capsys):
    solution(exercise.name)
    source, _, why = capsys.readouterr().out.rpartition("\nWhy: ")
    space = {}
    exec(source, space)  # as a learner would paste it into an empty notebook
    assert status(exercise.name, space[exercise.solution.__name__]) == "right"
    assert inspect.getsource(exercise.solution) in source and why.strip()


@pytest.mark.parametrize("exercise, function, fragment", WRONG)
def test_a_plausible_wrong_answer_is_told_so(exercise, function, fragment):
    outcome = evaluate(exercise.name, function)
    assert outcome.status == "wrong", outcome.message
    assert outcome.message.startswith("✘ not yet: ")
    assert fragment.lower() in outcome.message.lower()
    assert outcome == evaluate(exercise.name, function)  # CI compares what is printed
    lines = outcome.message.splitlines()
    assert len(lines) <= 9 and max(map(len, lines)) < 100


@each
def test_each_exercise_is_whole(exercise):
    assert len(exercise.wrong) >= 2
    assert exercise.difficulty in (1, 2, 3) and 1 <= exercise.minutes <= 20
    assert 2 <= len(exercise.hints) <= 3
    assert exercise.title and exercise.task.endswith(".") and exercise.why.endswith(".")
    assert exercise.solution.__doc__


@each
def test_a_stub_left_alone_is_not_tried_yet(exercise):
    def not_implemented(*args):
        raise NotImplementedError

    def with_message(*args):
        raise NotImplementedError("write this")

    for stub in (None, ..., lambda *args: None, lambda *args: ..., not_implemented, with_message):
        outcome = evaluate(exercise.name, stub)
        assert outcome.status == "not tried", outcome.message
        assert outcome.message.startswith("– not tried yet: ")


@each
def test_a_check_is_quick(exercise):
    evaluate(exercise.name, exercise.solution)
    start = time.process_time()
    evaluate(exercise.name, exercise.solution)
    assert time.process_time() - start < 1


@each
@pytest.mark.parametrize(
    "result",
    [
        3,
        2.5,
        True,
        "text",
        [],
        {},
        object(),
        float("nan"),
        10**5000,
        torch.ones(3, dtype=torch.bool),
        torch.full((2, 2), float("nan")),
        torch.zeros(0),
        torch.ones(2, dtype=torch.complex64),
        torch.eye(3).to_sparse(),
        torch.empty(2, device="meta"),
        torch.ones(2, requires_grad=True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_result_gets_one_short_message(exercise, result):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = evaluate(exercise.name, lambda *args: result)
    assert outcome.status == "wrong"
    lines = outcome.message.splitlines()
    assert len(lines) <= 9 and max(map(len, lines)) < 100
    assert " at 0x" not in outcome.message


# --- what the checks expect, by numbers worked out elsewhere ------------------------------------


def test_the_solutions_give_known_numbers():
    by_name = {exercise.name: exercise.solution for exercise in ALL}
    toy = torch.tensor([2.0, 1.0, 0.0])
    table = {
        1.0: (0.665, 0.245, 0.090),
        0.5: (0.867, 0.117, 0.016),
        2.0: (0.506, 0.307, 0.186),
        100.0: (0.337, 0.333, 0.330),
    }
    for temperature, row in table.items():
        near = pytest.approx(row, abs=6e-4)
        assert by_name["04.temperature"](toy, temperature).tolist() == near
        assert by_name["04.zero"](toy, temperature).tolist() == near
        probs = torch.tensor(table[1.0])
        assert by_name["04.from_probs"](probs, temperature).tolist() == pytest.approx(row, abs=2e-3)
    assert by_name["04.find_temperature"](toy, 0.867) == pytest.approx(0.5, abs=0.01)
    assert by_name["04.zero"](toy, 0).tolist() == [1, 0, 0]
    assert by_name["01.softmax"](toy).tolist() == pytest.approx(table[1.0], abs=6e-4)
    even = torch.full((4,), 0.25)
    assert by_name["01.entropy"](even).item() == pytest.approx(1.386294, abs=1e-5)
    ids = torch.tensor([0, 1, 2])
    phrase = by_name["01.phrase"](torch.stack([toy, toy, toy]), ids, 1)
    assert phrase.item() == pytest.approx(-1.4076 - 2.4076, abs=1e-3)
    scores = torch.tensor([[[9.0, 1, 2], [1, 3, 2]], [[9, 1, 2], [1, 2, 3]]])
    assert by_name["01.next_id"](scores).tolist() == [1, 2]
    assert by_name["00.pick_largest"]([-2, -1, -1]) == 1
    assert by_name["00.loop"](lambda text: sum(text), [1, 2], 3) == [1, 2, 3, 6, 12]


def test_the_usual_other_ways_are_right_too():
    def loop(logits, ids, prompt_len):
        log_probs = torch.log_softmax(logits, dim=-1)
        return float(sum(log_probs[t - 1, ids[t]] for t in range(prompt_len, len(ids))))

    def halving(logits, target):
        low, high = 0.01, 100.0
        for _ in range(50):
            middle = (low + high) / 2
            if torch.softmax(logits / middle, dim=-1).max() > target:
                low = middle
            else:
                high = middle
        return torch.tensor(middle)

    def one_hot(logits, temperature):
        if temperature < 0:
            raise ValueError("below 0")
        if temperature == 0:
            return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).float()
        return softmax(logits / temperature)

    for name, answer in {
        "00.pick_largest": lambda scores: scores.index(max(scores)),
        "01.softmax": softmax,
        "01.next_id": lambda logits: logits[:, -1].topk(1).indices.squeeze(-1),
        "01.phrase": loop,
        "01.entropy": lambda probs: -(probs * torch.log(probs + 1e-12)).sum(-1),
        "04.find_temperature": halving,
        "04.zero": one_hot,
    }.items():
        outcome = evaluate(name, answer)
        assert outcome.status == "right", outcome.message
    assert status("04.from_probs", lambda p, t: softmax(p.log() / t)) == "right"
    assert status("04.temperature", lambda z, t: softmax(torch.log_softmax(z, -1) / t)) == "right"


def test_a_temperature_that_is_nearly_found_is_not_enough():
    found = {exercise.name: exercise.solution for exercise in ALL}["04.find_temperature"]
    assert status("04.find_temperature", lambda z, target: found(z, target) * 1.02) == "wrong"
    assert status("04.find_temperature", lambda z, target: found(z, target) * 1.0002) == "right"


# --- what is passed in --------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [3, "softmax", [1], torch.ones(2), float("nan")])
def test_an_answer_that_is_not_a_function(answer):
    outcome = evaluate("01.softmax", answer)
    assert outcome.status == "wrong"
    assert 'check("01.softmax", softmax)' in outcome.message
    assert "not a function" in outcome.message


def test_another_signature_is_named():
    outcome = evaluate("04.temperature", lambda logits: logits)
    assert outcome.status == "wrong"
    assert "temperature_probs(logits, temperature)" in outcome.message or (
        "<lambda>(logits, temperature)" in outcome.message
    )
    assert "got:      <lambda>(logits)" in outcome.message
    assert status("01.softmax", lambda *, logits: logits) == "wrong"
    assert status("04.temperature", lambda z, t, extra=None: softmax(z / t)) == "right"


def test_built_in_functions_and_classes_do_not_break_it():
    assert status("01.softmax", torch.softmax) == "raised"  # its dim is missing
    assert status("01.softmax", torch.nn.Softmax(dim=-1)) == "right"
    assert status("01.softmax", dict) in ("raised", "wrong")
    assert status("00.pick_largest", print) == "wrong"


# --- what the learner's code does ---------------------------------------------------------------


def cell(source, name):
    """Define a function as a notebook cell does: in a file that is none, known to linecache."""
    path = "/tmp/ipykernel_77/1234567.py"
    linecache.cache[path] = (len(source), None, source.splitlines(True), path)
    space = {"torch": torch}
    exec(compile(source, path, "exec"), space)
    return space[name]


def test_an_error_names_the_line_of_the_learners_code():
    source = "x = 1\n\ndef softmax(logits):\n    total = 1\n    return logits / undefined\n"
    outcome = evaluate("01.softmax", cell(source, "softmax"))
    assert outcome.message.splitlines() == [
        "! your code raised: NameError: name 'undefined' is not defined",
        "  line 3 of softmax: return logits / undefined",
        "  logits: tensor([1.0, 2.0]) of shape (2,)",
    ]


def test_an_error_inside_a_library_names_the_learners_line():
    source = (
        "def mine(logits):\n    return torch.nn.functional.softmax(logits, dim=7)\n\n"
        "def softmax(logits):\n    return mine(logits)\n"
    )
    outcome = evaluate("01.softmax", cell(source, "softmax"))
    assert outcome.status == "raised"
    place = "line 2 of mine: return torch.nn.functional.softmax(logits, dim=7)"
    assert place in outcome.message
    assert "ipykernel" not in outcome.message and "Traceback" not in outcome.message


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error, said",
    [
        (SystemExit(3), "SystemExit: 3"),
        (Silent(), "Silent"),
        (ValueError("first\nsecond"), "ValueError: first"),
        (ValueError("x" * 5000), "ValueError: xxx"),
        (AssertionError(), "AssertionError"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_any_error_gets_one_short_message(error, said):
    def answer(logits):
        raise error

    outcome = evaluate("01.softmax", answer)
    assert outcome.status == "raised" and outcome.message.startswith("! your code raised: ")
    assert said in outcome.message and "second" not in outcome.message
    assert max(map(len, outcome.message.splitlines())) < 100


def test_recursion_without_end():
    def answer(logits):
        return answer(logits)

    assert "RecursionError" in evaluate("01.softmax", answer).message


def test_blanks_that_are_left_are_not_tried_yet():
    for answer in (lambda z: z / ..., lambda z: torch.exp(...), lambda z: torch.softmax(..., -1)):
        outcome = evaluate("01.softmax", answer)
        assert outcome.status == "not tried" and "filled in" in outcome.message


def test_torchs_own_not_implemented_error_is_an_error():
    source = "def softmax(logits):\n    return torch.empty(2, device='meta').tolist()\n"
    assert status("01.softmax", cell(source, "softmax")) == "raised"


def test_a_branch_without_return_is_wrong():
    def answer(logits):
        if logits.numel() < 3:
            return softmax(logits)

    outcome = evaluate("01.softmax", answer)
    assert outcome.status == "wrong" and "without a `return`" in outcome.message


def test_the_smallest_counterexample_comes_first():
    def answer(logits):
        return softmax(logits) * (0.5 if logits.shape[-1] > 4 else 1.0)

    logits = evaluate("01.softmax", answer).message.splitlines()[1]
    assert logits.startswith("  logits: tensor([") and logits.count(",") == 4  # V = 5, one row


def test_a_large_difference_names_the_entry():
    def answer(logits):
        probs = softmax(logits)
        return probs.flip(-1) if logits.shape[-1] == 200 else probs

    message = evaluate("01.softmax", answer).message
    assert "logits: a float32 tensor of shape (200,)" in message and " at [" in message


def test_shape_dtype_nan_and_gradients_each_have_their_words():
    def message(change):
        return evaluate("01.softmax", lambda logits: change(softmax(logits))).message

    assert "shape is not right" in message(lambda p: p[None])
    assert "dtype is not right" in message(lambda p: p.long())
    assert "NaN" in message(lambda p: p * float("nan"))
    assert "requires_grad" in message(lambda p: p.requires_grad_())
    assert "not a tensor" in message(lambda p: p.tolist())
    assert status("01.softmax", lambda z: softmax(z.double())) == "right"
    ids = evaluate("01.next_id", lambda z: z[:, -1].argmax(-1).float()).message
    assert "dtype is not right" in ids and "int64" in ids


def test_an_argument_changed_in_place_breaks_nothing():
    def answer(logits):
        probs = softmax(logits)
        logits.zero_()
        return probs

    assert status("01.softmax", answer) == "right"

    def resizing(logits, temperature):
        probs = softmax(logits / temperature)
        logits.unsqueeze_(0).mul_(0)
        return probs

    assert "changed its argument `logits`" in evaluate("04.temperature", resizing).message


def test_a_function_that_keeps_its_logits_for_later_does_not_confuse_the_case_shown():
    def answer(logits):
        logits.add_(100)
        return logits

    assert "logits: tensor([1.0, 2.0])" in evaluate("01.softmax", answer).message


def test_what_is_printed_shows_on_a_failure_only(capsys):
    def noisy(logits):
        for number in range(30):
            print("line", number)
        warnings.warn("a warning", UserWarning, stacklevel=2)
        return softmax(logits) if logits.numel() < 3 else logits

    message = evaluate("01.softmax", noisy).message
    assert message.count("line ") == 10 and message.splitlines()[-1] == "    ..."
    assert evaluate("01.softmax", lambda z: print("hidden") or softmax(z)).status == "right"
    assert capsys.readouterr() == ("", "")


def test_a_warning_is_shown_without_its_path():
    def warning(logits):
        warnings.warn("mind the gap", UserWarning, stacklevel=1)
        return logits

    message = evaluate("01.softmax", warning).message
    assert "UserWarning: mind the gap" in message and ".py" not in message


def test_torch_has_its_threads_back_after_a_check():
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        evaluate("01.softmax", lambda logits: seen.append(torch.get_num_threads()))
        assert seen == [1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_what_is_printed_before_an_error_is_shown():
    def failing(logits):
        print("so far", logits.shape)
        return logits / undefined  # noqa: F821

    assert evaluate("01.softmax", failing).message.endswith("    so far torch.Size([2])")


class Hostile:
    def __repr__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "value, text",
    [
        (49151, "49151"),
        (torch.tensor([49151, 3]), "tensor([49151, 3])"),
        (-0.0, "0.0"),
        (1e-9, "1e-09"),
        (2 / 3, "0.6667"),
        ([1.0, 2], "[1.0, 2]"),
        (torch.zeros(2, 9), "a float32 tensor of shape (2, 9)"),
        (10**5000, "(a value of type int that cannot be shown)"),
        (Hostile(), "<Hostile instance>"),
        (object(), "<object object>"),
        (softmax, "the function softmax"),
        ("a\nb", "'a\\nb'"),
        (True, "True"),
        (float("-inf"), "-inf"),
        (torch.tensor([[1.0, 3.0]]).max(-1), "(tensor([3.0]), tensor([1]))"),
        ((), "()"),
        ((1.0,), "(1.0,)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_shown_on_one_line(value, text):
    assert show(value) == text


def test_endless_printing_and_controls_stay_short():
    def loud(logits):
        print("\x1b[31m\u202e" + "x" * 10_000_000)
        return logits

    message = evaluate("01.softmax", loud).message
    assert "\x1b" not in message and "\u202e" not in message and len(message) < 1500

    def kept(logits):
        for _ in range(100):
            print("x" * 1000)
        lengths.append(len(sys.stdout.text))
        return logits

    lengths = []
    evaluate("01.softmax", kept)
    assert lengths == [4000]


def test_the_random_generators_stay_as_they_were():
    numpy = pytest.importorskip("numpy")

    def seeding(logits):
        torch.manual_seed(1), random.seed(1), numpy.random.seed(1)
        return softmax(logits)

    torch.manual_seed(7), random.seed(7), numpy.random.seed(7)
    want = torch.rand(1), random.random(), numpy.random.rand()
    torch.manual_seed(7), random.seed(7), numpy.random.seed(7)
    for exercise in ALL:
        evaluate(exercise.name, exercise.solution)
    assert status("01.softmax", seeding) == "right"
    assert (torch.rand(1), random.random(), numpy.random.rand()) == want


@pytest.mark.skipif(os.name == "nt", reason="no signal can be sent to oneself there")
def test_an_endless_answer_can_be_interrupted(capsys):
    def endless(logits):
        while True:
            pass

    # A shell that starts the tests in the background has switched the signal off.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    check("01.softmax", endless)
    signal.signal(signal.SIGINT, before)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("! stopped: after 0 s; endless had not returned for")
    assert lines[1] == "  logits: tensor([1.0, 2.0])"


# --- what newcomers wrote -----------------------------------------------------------------------


def greedy(logits, temperature):
    top = logits.argmax(-1, keepdim=True)
    if temperature == 0:
        return torch.zeros_like(logits).scatter(-1, top, 1.0)
    return softmax(logits / temperature)


def returns_the_error(logits, temperature):
    if temperature < 0:
        return ValueError("x")
    return greedy(logits, temperature)


def returns_the_class(logits, temperature):
    return ValueError if temperature < 0 else greedy(logits, temperature)


def returns_it_at_0(logits, temperature):
    return ValueError("no") if temperature <= 0 else greedy(logits, temperature)


def refuses_0(logits, temperature):
    if temperature <= 0:
        raise ValueError("no")
    return softmax(logits / temperature)


def asserts_above_0(logits, temperature):
    assert temperature > 0
    return softmax(logits / temperature)


def divides_by_0(logits, temperature):
    if temperature < 0:
        raise ValueError("no")
    return softmax(logits * (1 / temperature))


def another_error(logits, temperature):
    if temperature < 0:
        raise RuntimeError("below 0")
    return greedy(logits, temperature)


def tiny_for_0(logits, temperature):
    if temperature < 0:
        raise ValueError("below 0")
    return softmax(logits / max(temperature, 1e-9))


def in_place(logits, temperature):
    logits /= temperature
    return softmax(logits)


def powers(logits, temperature):
    return normal(softmax(logits) ** (1 / temperature))


def powers_by_largest(logits, temperature):
    probs = softmax(logits)
    return normal((probs / probs.amax(-1, keepdim=True)) ** (1 / temperature))


def naive_exp(logits, temperature):
    return normal((logits / temperature).exp())


def normal(weights):
    return weights / weights.sum(-1, keepdim=True)


def no_keepdim(probs, temperature):
    weights = probs ** (1 / temperature)
    return weights / weights.sum(-1)


def one_largest(probs, temperature):
    return normal((probs / probs.max()) ** (1 / temperature))


def halving(steps=60, swapped=False, read=torch.max, middle=lambda low, high: (low + high) / 2):
    """Make an answer to 04.find_temperature that may go wrong in several ways."""

    def find(logits, target):
        low, high = 0.01, 100.0
        for _ in range(steps):
            t = middle(low, high)
            if (read(softmax(logits / t)) > target) != swapped:
                low = t
            else:
                high = t
        return t

    return find


def own_largest_no_keepdim(logits):
    weights = (logits - logits.amax(-1, keepdim=True)).exp()
    return weights / weights.sum(-1)


def append_assigned(next_token, tokens, steps):
    for _ in range(steps):
        tokens = tokens.append(next_token(tokens))
    return tokens


def append_returned(next_token, tokens, steps):
    return list(tokens).append(next_token(tokens))


def no_return(next_token, tokens, steps):
    text = list(tokens)
    for _ in range(steps):
        text += [next_token(text)]


TOO_LIKELY, UNLIKELY = (
    "Too likely: a higher temperature.",
    "Not likely enough: a lower temperature.",
)


@pytest.mark.parametrize(
    "name, answer, fragments",
    [
        ("04.zero", returns_the_error, ["returned a ValueError; raise it", "temperature: -1.0"]),
        ("04.zero", returns_the_class, ["returned a ValueError; raise it"]),
        ("04.zero", returns_it_at_0, ["not a tensor", "raised, not returned", "temperature: 0.0"]),
        ("04.zero", refuses_0, ["temperature 0 must not raise", "ValueError: no", "Only below 0"]),
        ("04.zero", asserts_above_0, ["temperature 0 must not raise", "got:      AssertionError"]),
        ("04.zero", divides_by_0, ["temperature 0 must not raise", "ZeroDivisionError", "branch"]),
        ("04.zero", another_error, ["another error", "got:      RuntimeError: below 0"]),
        ("04.zero", greedy, ["a negative temperature is accepted", "got:      no error"]),
        ("04.zero", tiny_for_0, ["On a tie the lowest id", "logits: tensor([0.0, 0.0])"]),
        ("04.temperature", in_place, ["again and again"]),
        ("04.temperature", powers, ["powers of the probabilities underflow", "temperature: 0.001"]),
        ("04.temperature", powers_by_largest, ["their powers are 0 too", "divide the logits"]),
        ("04.temperature", naive_exp, ["exp overflowed", "temperature: 0.5"]),
        ("04.find_temperature", halving(swapped=True), [UNLIKELY, "at an end", "the other way"]),
        ("04.find_temperature", halving(steps=5), [UNLIKELY, "stop after 5 steps"]),
        ("04.find_temperature", halving(steps=10), ["Close, but", "within 0.001", "too soon"]),
        (
            "04.find_temperature",
            halving(steps=4, middle=lambda low, high: (low * high) ** 0.5),
            [UNLIKELY, "stop after 4 steps"],
        ),
        ("04.find_temperature", halving(read=lambda p: p[0]), ["largest", "not stand at [0]"]),
        ("04.find_temperature", halving(read=lambda p: p[-1]), ["largest", "not stand at [-1]"]),
        ("04.find_temperature", lambda z, target: 0.0, ["above 0", "between 0.01 and 100"]),
        ("04.find_temperature", lambda z, target: 0.5, [TOO_LIKELY]),
        ("04.find_temperature", lambda z, target: 20.0, [UNLIKELY]),
        ("04.find_temperature", lambda z, target: softmax(z).max() / target, [TOO_LIKELY]),
        ("04.from_probs", no_keepdim, ["keepdim=True", "[[0.5, 0.5], [0.1, 0.9]]"]),
        ("04.from_probs", lambda p, t: softmax((p + 1e-9).log() / t), ["Zeros stay zero"]),
        ("04.from_probs", lambda p, t: softmax((p + 1e-12).log() / t), ["Zeros stay zero"]),
        ("04.from_probs", lambda p, t: normal(p.clamp(min=1e-6) ** (1 / t)), ["Zeros stay zero"]),
        (
            "04.from_probs",
            lambda p, t: normal(p ** (1 / t)),
            ["powers underflow to 0 in float32", "largest probability first", "temperature: 0.01"],
        ),
        ("04.from_probs", one_largest, ["divide by the row's largest", "[[0.3, 0.3, 0.2, 0.2], ["]),
        ("00.loop", append_assigned, ["returned None", "`append` returns None", "`return`"]),
        ("00.loop", append_returned, ["returned None", "`append` returns None"]),
        ("00.loop", no_return, ["returned None", "without a `return`"]),
        ("00.loop", functools.partial(append_returned), ["`append` returns None"]),
        ("00.pick_largest", lambda scores: print(scores), ["returned None"]),
        ("00.pick_largest", lambda scores: int(max(scores)), ["expected: 1", "got:      5"]),
        ("01.softmax", lambda z: math.exp(z[..., 0].sum()), ["a Python number", "math"]),
        ("01.softmax", lambda z: softmax(z).tolist(), ["Python's own list"]),
        ("01.softmax", own_largest_no_keepdim, ["Keep the dimension", "[[1.0, 2.0], [5.0, 3.0]]"]),
        (
            "01.next_id",
            lambda z: z[:, -1].max(-1),
            [
                "max(dim)",
                ".indices, or use argmax",
                "(torch.return_types.max)",
                "got:      (tensor",
            ],
        ),
        ("01.next_id", lambda z: z[:, -1].topk(1), ["topk(dim)", "take .values or .indices."]),
        ("01.next_id", lambda z: z[:, -1].argmax(), ["last dimension: argmax(dim=-1)"]),
    ],
)
def test_what_newcomers_wrote_is_met_with_fitting_words(name, answer, fragments):
    outcome = evaluate(name, answer)
    assert outcome.status == "wrong", outcome.message
    for fragment in fragments:
        assert fragment in outcome.message.replace("\n  ", " ") or fragment in outcome.message
    lines = outcome.message.splitlines()
    assert len(lines) <= 9 and max(map(len, lines)) < 100 and "\ufffd" not in outcome.message
    assert "overflow" not in outcome.message or answer is naive_exp
    assert ".tolist()" not in outcome.message
    assert "alve" not in outcome.message  # how to search is for the hints to say
    assert outcome == evaluate(name, answer)


@pytest.mark.parametrize(
    "name, source, lines",
    [
        (
            "04.zero",
            "def f(logits, temperature):\n    if temperature == 0:\n"
            "        return logits.argmax(-1)[0]\n    return (logits / temperature).softmax(-1)\n",
            ["IndexError", "logits: tensor([1.0, 2.0]) of shape (2,)", "temperature: 0.0"],
        ),
        (
            "04.zero",
            "def f(logits, temperature):\n    if temperature == 0:\n"
            "        rows, size = logits.shape\n    return (logits / temperature).softmax(-1)\n",
            ["not enough values to unpack", "of shape (2,)"],
        ),
        (
            "01.softmax",
            "import math\ndef f(z):\n    return math.exp(z) / sum(z)\n",
            ["math works on one number; torch.exp works on a tensor.", "return math.exp(z)"],
        ),
        ("01.softmax", "def f(z):\n    return float(z)\n", ["Only a tensor of one entry"]),
        (
            "01.softmax",
            "def f(z):\n    z = z.softmax(-1)\n    if z.shape == (2, 2):\n"
            "        z = torch.ones(2, 3)\n    return z / z.sum(-1)\n",
            ["keepdim=True", "of shape (2, 2)"],
        ),
        (
            "00.loop",
            "def f(next_token, tokens, steps):\n    text = list(tokens)\n"
            "    while len(text) < len(tokens) + steps:\n"
            "        text = text.append(next_token(text))\n    return text\n",
            ["TypeError", "`append` returns None"],
        ),
    ],
)
def test_an_error_says_which_shape_was_given_and_what_may_be_behind_it(name, source, lines):
    outcome = evaluate(name, cell(source, "f"))
    assert outcome.status == "raised"
    for line in lines:
        assert line in outcome.message
    assert max(map(len, outcome.message.splitlines())) < 100


def test_a_long_case_keeps_its_shape_within_the_line():
    def failing(logits):
        return softmax(logits) if logits.numel() < 6 else logits / undefined  # noqa: F821

    message = evaluate("01.softmax", failing).message
    assert "of shape (2, 3)" in message and max(map(len, message.splitlines())) < 100


def test_powers_of_the_probabilities_hold_at_ordinary_temperatures():
    def answer(logits, temperature):
        ordinary = 0.1 < temperature < 10
        return powers(logits, temperature) if ordinary else softmax(logits / temperature)

    assert status("04.temperature", answer) == "right"


def test_a_body_that_does_nothing_is_a_stub_however_it_is_wrapped():
    def documented(logits):
        """Do it later."""
        # your code here
        ...

    def passing(logits):
        pass

    class Callable:
        def __call__(self, logits):
            return None

    wrapped = torch.inference_mode()(documented)
    for stub in (documented, passing, Callable(), Callable().__call__, wrapped):
        assert status("01.softmax", stub) == "not tried"
    assert status("01.softmax", functools.partial(passing)) == "not tried"


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
def test_the_first_case_has_something_to_choose_from(exercise):
    def failing(*args):
        raise KeyError("first")

    message = evaluate(exercise.name, failing).message
    plain = exercise.name.startswith("00") or exercise.name == "10.count"  # take no tensor
    assert "tensor([" in message or plain
    assert " of shape (1,)" not in message and "scores: [3.5]" not in message


# --- the loop exercise --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, fragment",
    [
        (lambda next_token, tokens, steps: tokens * steps, "not called once a step"),
        (lambda next_token, tokens, steps: [next_token() for _ in range(steps)], "..."),
        (lambda next_token, tokens, steps: [next_token("a")], "next_token('a')"),
        (lambda next_token, tokens, steps: [next_token(tokens[-1])], "only the last token"),
        (lambda next_token, tokens, steps: (*tuple(tokens), next_token(tokens)), "not a list"),
        (lambda next_token, tokens, steps: [*tokens[:], next_token(tokens) + 1], "whole text"),
    ],
)
def test_the_loop_names_what_next_token_was_given(answer, fragment):
    outcome = evaluate("00.loop", answer)
    assert outcome.status == "wrong" and fragment in outcome.message


def test_endless_loops_end_even_where_errors_are_swallowed():
    def stubborn(next_token, tokens, steps):
        while True:
            try:
                next_token(tokens)
            except Exception:
                continue

    assert "does it end" in evaluate("00.loop", stubborn).message


# --- names, hints, solutions --------------------------------------------------------------------


def test_an_unknown_name_lists_the_lessons_exercises():
    outcome = evaluate("01.sofmax", softmax)
    assert outcome.status == "unknown"
    assert 'Did you mean "01.softmax"?' in outcome.message
    assert "01.next_id, 01.softmax, 01.phrase, 01.entropy" in outcome.message
    assert ", ".join(lessons()) in evaluate("77.softmax", softmax).message
    assert "lessons with exercises" in evaluate("", softmax).message
    assert "in quotes" in evaluate(softmax, "01.softmax").message


def test_nothing_raises_for_an_unknown_name(capsys):
    for function in (hint, solution, lambda name: check(name, softmax)):
        assert function("01.nothing") is None
        assert capsys.readouterr().out.startswith("? no such exercise: ")


def test_hints_come_one_by_one(capsys, monkeypatch):
    monkeypatch.setattr(core, "_hints_given", {})
    printed = []
    for _ in range(5):
        hint("01.softmax")
        printed.append(capsys.readouterr().out)
    assert [text[:11] for text in printed] == [f"hint {n} of 3" for n in (1, 2, 3, 3, 3)]
    assert "no more hints" not in "".join(printed[:3])
    assert printed[3] == printed[4] and 'solution("01.softmax")' in printed[3]


@each
def test_hints_and_solutions_fit_the_line(exercise, capsys, monkeypatch):
    monkeypatch.setattr(core, "_hints_given", {})
    for _ in exercise.hints:
        hint(exercise.name)
    solution(exercise.name)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_check_prints_once_and_returns_nothing(capsys):
    assert check("01.softmax", softmax) is None
    assert capsys.readouterr().out.startswith("✔ right: softmax holds on ")


def test_importing_the_exercises_is_light():
    code = (
        "import sys, mygpt_helpers.exercises as e; e.lessons(); e.evaluate('00.loop', None);"
        "print([m for m in ('torch', 'rich', 'numpy', 'filelock') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_search_in_steps_of_a_tenth_is_not_close_enough():
    def in_steps(logits, target):
        temperatures = [i / 10 for i in range(1, 1001)]
        tops = [float((logits / t).softmax(dim=-1).max()) for t in temperatures]
        return min(zip(tops, temperatures, strict=True), key=lambda pair: abs(pair[0] - target))[1]

    outcome = evaluate("04.find_temperature", in_steps)
    assert outcome.status == "wrong" and "within 0.001" in outcome.message
