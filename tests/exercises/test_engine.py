"""The engine: whatever a learner's code does, one short message comes of it."""

import dataclasses
import functools
import linecache
import os
import random
import signal
import subprocess
import sys
import threading
import warnings

import pytest
import torch

from mygpt_helpers.exercises import core
from mygpt_helpers.exercises.compare import difference
from mygpt_helpers.exercises.core import check, evaluate, exercises, hint, lessons, solution
from mygpt_helpers.exercises.engine import judge
from mygpt_helpers.exercises.words import show
from tests.examples.exercise import EXERCISES, double

ALL = [exercise for lesson in lessons() for exercise in exercises(lesson)]


def softmax(logits):
    return torch.softmax(logits, dim=-1)


def status(name, answer):
    return evaluate(name, answer).status


@pytest.mark.parametrize("answer", [3, "softmax", [1], torch.ones(2), float("nan")])
def test_an_answer_that_is_not_a_function(answer):
    outcome = evaluate("01.softmax", answer)
    assert outcome.status == "wrong"
    assert 'check("01.softmax", softmax)' in outcome.message
    assert "not a function" in outcome.message


def test_another_signature_is_named():
    outcome = evaluate("04.temperature", lambda logits: logits)
    assert outcome.status == "wrong"
    assert "expected: temperature_probs(logits, temperature)" in outcome.message
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
    assert outcome.status == "wrong" and "is a `return` missing?" in outcome.message


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
    for dtype, name in ((torch.bfloat16, "bfloat16"), (torch.float16, "float16")):
        assert f"not right (a {name} tensor keeps too few digits" in message(lambda p: p.to(dtype))  # noqa: B023
    ids = evaluate("01.next_id", lambda z: z[:, -1].argmax(-1).float()).message
    assert "dtype is not right" in ids and "int64" in ids


def test_an_argument_whose_shape_was_changed_in_place():
    def resizing(logits, temperature):
        probs = softmax(logits / temperature)
        logits.unsqueeze_(0).mul_(0)
        return probs

    assert "changed its argument `logits`" in evaluate("04.temperature", resizing).message


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
        assert set(seen) == {1} and torch.get_num_threads() == 2
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
        (torch.tensor([49151, 3]), "tensor([49151, 3])"),
        (-0.0, "0.0"),
        (2 / 3, "0.6667"),
        ([1.0, 2], "[1.0, 2]"),
        (torch.zeros(2, 9), "a float32 tensor of shape (2, 9)"),
        (torch.arange(9), "an int64 tensor of shape (9,)"),
        (10**5000, "(a value of type int that cannot be shown)"),
        (Hostile(), "<Hostile instance>"),
        (softmax, "the function softmax"),
        ("a\nb", "'a\\nb'"),
        ("\u3164\ufe0f", "'\\u3164\\ufe0f'"),
        (float("-inf"), "-inf"),
        (torch.tensor([[1.0, 3.0]]).max(-1), "(tensor([3.0]), tensor([1]))"),
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
    assert set(lengths) == {4000}


@pytest.mark.parametrize("inside", [torch.inference_mode, torch.no_grad])
def test_inside_a_mode_without_gradients_a_solution_is_right(inside):
    with inside():
        for exercise in ALL:
            assert judge(exercise, exercise.solution).status == "right", exercise.name
            assert torch.is_inference_mode_enabled() == (inside is torch.inference_mode)


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


def test_a_long_case_keeps_its_shape_within_the_line():
    def failing(logits):
        return softmax(logits) if logits.numel() < 6 else logits / undefined  # noqa: F821

    message = evaluate("01.softmax", failing).message
    assert "of shape (2, 3)" in message and max(map(len, message.splitlines())) < 100


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


# --- names, hints, solutions --------------------------------------------------------------------


def test_an_unknown_name_lists_the_lessons_exercises():
    outcome = evaluate("01.sofmax", softmax)
    assert outcome.status == "unknown"
    assert 'Did you mean "01.softmax"?' in outcome.message
    assert "01.next_id, 01.softmax, 01.phrase" in outcome.message.replace("\n", " ")
    listed = " ".join(evaluate("77.softmax", softmax).message.split())
    assert ", ".join(lessons()) in listed
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


def test_importing_the_exercises_is_light():
    code = (
        "import sys, mygpt_helpers.exercises.core as e; e.lessons(); e.evaluate('00.loop', None);"
        "print([m for m in ('torch', 'rich', 'numpy', 'filelock') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- an exercise of its own, for what the lessons' do not show ----------------------------------


def toy(**about):
    """Return the example exercise, double each number of a list, with other fields."""
    return dataclasses.replace(EXERCISES[0], **about)


def told(answer, **about):
    outcome = judge(toy(**about), answer)
    return outcome.status, " ".join(outcome.message.split())


def test_the_sentence_of_the_mistake_that_does_the_same_is_told():
    assert told(double) == (
        "right",
        "✔ right: double holds on 4 inputs: short lists and long ones.",
    )
    status, text = told(lambda numbers: [n * n for n in numbers])
    assert status == "wrong" and text.endswith(
        "numbers: [0, 1] expected: [0, 2] got: [0, 1] Twice the number, not its square."
    )
    assert "the last number alone" in told(lambda numbers: numbers[-1] * 2)[1]


def test_an_error_is_the_same_but_for_its_numbers():
    status, text = told(lambda numbers: [0] if len(numbers) < 1 else numbers[7])
    assert status == "raised" and "list index out of range" in text and "Positions count" in text
    assert told(lambda numbers: {}[len(numbers)])[1].endswith("numbers: [0]")


def test_a_mistake_that_agrees_in_the_failing_case_alone_is_not_told():
    def unlike(numbers):
        return [n * n if len(numbers) == 2 else 9 for n in numbers]

    assert told(unlike, cases=lambda: ([0, 1],) and (([0, 1],), ([1, 3],), ([4],)))[0] == "wrong"
    text = told(unlike, cases=lambda: (([0, 1],), ([1],), ([4],), ([5],)))[1]
    assert "expected: [0, 2] got: [0, 1]" in text and "square" not in text


def test_the_mistake_that_agrees_most_is_told():
    mistakes = {
        "Half right.": lambda numbers: [0] * len(numbers),
        "The very one.": lambda numbers: [0] * min(len(numbers), 4),
    }
    assert "The very one." in told(lambda numbers: [0] * min(len(numbers), 4), mistakes=mistakes)[1]
    assert "Half right." in told(lambda numbers: [0] * len(numbers), mistakes=mistakes)[1]


def test_a_mistake_that_agrees_everywhere_but_in_the_failing_case_is_not_told():
    mistakes = {"Not this.": lambda numbers: double(numbers) if len(numbers) != 3 else []}
    text = told(lambda numbers: double(numbers) if len(numbers) != 3 else 7, mistakes=mistakes)[1]
    assert text.endswith("got: 7 (int)")


def test_of_two_mistakes_alike_the_first_is_told():
    mistakes = {"The first.": lambda numbers: 1, "The second.": lambda numbers: 1}
    assert told(lambda numbers: 1, mistakes=mistakes)[1].endswith("The first.")


def test_an_error_of_another_number_is_the_same():
    def refuses(number):
        def answer(numbers):
            raise KeyError(f"no entry {number}")

        return answer

    mistakes = {"Look it up.": refuses(3)}
    assert told(refuses(12), mistakes=mistakes)[1].endswith("Look it up.")


def test_a_solution_that_fails_makes_no_failing_answer_right():
    def broken(numbers):
        raise RuntimeError("the exercise's own")

    with pytest.raises(RuntimeError, match="the exercise's own"):
        told(broken, solution=broken)


def test_the_cases_are_made_anew_for_each_function():
    class Counter:
        def __init__(self):
            self.count = 0

    def count_up(counter):
        counter.count += 1
        return counter.count

    def cases():
        counter = Counter()
        return ((counter,) for _ in range(3))

    about = {"solution": count_up, "cases": cases, "mistakes": {"Stuck.": lambda counter: 1}}
    assert told(count_up, **about)[0] == "right"
    assert told(lambda counter: count_up(counter) * 2, **about)[0] == "wrong"
    assert "Stuck." in told(lambda counter: 1, **about)[1]


def test_what_is_observed_is_compared_part_by_part():
    def parts(function, numbers):
        result = function(numbers)
        return {"the sum": sum(result), "the list": result}

    assert told(double, observe=parts)[0] == "right"
    text = told(lambda numbers: double(numbers)[::-1], observe=parts)[1]
    assert "the list: that is not right" in text and "the sum" not in text
    assert "cannot be read" in told(lambda numbers: 3, observe=parts)[1]
    assert told(lambda numbers: None, observe=parts)[0] == "not tried"


def test_how_near_is_near_enough():
    about = {"solution": lambda numbers: 2.0, "mistakes": {}}
    assert told(lambda numbers: 2.001, **about, near=1e-2)[0] == "right"
    assert told(lambda numbers: 2.001, **about)[0] == "wrong"
    text = told(lambda numbers: 2.00000001, **about, near=1e-12)[1]
    assert "expected: 2.0 got: 2.00000001" in text


def test_an_argument_is_to_be_kept_where_the_exercise_says_so():
    def in_place(numbers):
        numbers[:] = double(numbers)
        return numbers

    assert told(in_place, keep="")[0] == "right"
    status, text = told(in_place, keep="Others need it.")
    assert status == "wrong" and "changed its argument `numbers`" in text
    assert "numbers still [0, 1]" in text and text.endswith("Others need it.")
    mapped = {"solution": len, "cases": lambda: [({"a": 1},)], "mistakes": {}}
    assert told(lambda numbers: len([numbers.pop("a")]), **mapped, keep="")[0] == "right"
    assert told(lambda numbers: len([numbers.pop("a")]), **mapped, keep="Keep.")[0] == "wrong"


def test_an_error_that_is_due():
    def no_negatives(numbers):
        if len(numbers) > 2:
            raise ValueError("too long")
        return double(numbers)

    def another(numbers):
        return double(numbers) if len(numbers) < 3 else {}["a"]

    about = {"solution": no_negatives, "mistakes": {}}
    assert told(no_negatives, **about)[0] == "right"
    text = told(double, **about)[1]
    assert "expected: ValueError is raised got: [0, 2, 4] is returned" in text
    assert "got: KeyError: 'a'" in told(another, **about)[1]


def test_random_answers_are_the_same_each_time():
    def drawn(numbers):
        return [random.random() for _ in numbers]

    mistakes = {"Draw nothing.": lambda numbers: [random.random() for _ in numbers]}
    assert "Draw nothing." in told(drawn, mistakes=mistakes)[1]


@pytest.mark.skipif(os.name == "nt", reason="no signal can be sent to oneself there")
def test_an_answer_that_hangs_in_a_later_case_is_told_what_is_wrong_in_an_earlier_one():
    def hangs(numbers):
        while len(numbers) > 2:
            pass
        return 0

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
    status, text = told(hangs)
    signal.signal(signal.SIGINT, before)
    assert status == "wrong" and "expected: [0] got: 0 (int)" in text


@pytest.mark.parametrize(
    "got, want, same",
    [
        (1, 1.0, True),
        (True, 1.0, False),
        (True, 1, False),
        (1.0, 1, False),
        (torch.tensor(1), 1, True),
        (torch.tensor(True), 1, False),
        (torch.tensor(1.0), 1.0, False),
        (1.0, torch.tensor(1.0), True),
        (torch.tensor([1.0]), torch.tensor(1.0), False),
        (torch.tensor([1.001]), torch.tensor([1.0]), False),
        (torch.tensor([1.00001]), torch.tensor([1.0]), True),
        (torch.tensor(1.0, dtype=torch.float64), torch.tensor(1.0), True),
        (torch.ones(2, dtype=torch.int32), torch.ones(2, dtype=torch.int64), True),
        (torch.ones(2), torch.ones(2, dtype=torch.int64), False),
        (torch.ones(2, dtype=torch.bool), torch.ones(2, dtype=torch.int64), False),
        (torch.ones(2, requires_grad=True), torch.ones(2), False),
        (float("inf"), 1.0, False),
        (1.0, float("inf"), False),
        (torch.tensor([float("inf")]), torch.tensor([1.0]), False),
        (torch.tensor([float("nan")]), torch.tensor([float("nan")]), True),
        ([1, (2.0, "a")], [1, (2.0, "a")], True),
        ([1, (2.0, "b")], [1, (2.0, "a")], False),
        ((1, 2), [1, 2], False),
        ({}, {"a": 1}, False),
        ((1,), {"a": 1}, False),
        (None, None, True),
    ],
)
def test_results_are_compared_by_type_shape_dtype_and_value(got, want, same):
    found = difference(got, want)
    assert (found is None) == same
    assert found is None or (found.what and found.expected and found.got)
