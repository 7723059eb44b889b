"""checks.py and errors.py: an argument comes back as it was meant, or one clear line is said."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from mygpt_helpers import CheckpointError, PromptError, TrainingError
from mygpt_helpers.checks import (
    INTEGERS,
    check_ids,
    checked_count,
    checked_ids,
    checked_number,
    checked_text,
    checked_texts,
    shape_of,
)
from mygpt_helpers.errors import PlainError


@pytest.mark.parametrize("value", [1, 7, np.int64(7), 10**30])
def test_a_count(value):
    assert checked_count("n", value) == value and type(checked_count("n", value)) is int


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, [1], math.nan, Fraction(2)])
def test_what_is_no_count(value):
    with pytest.raises(ValueError, match=r"^n must be a whole number from 1, got .*; 1 is few\.$"):
        checked_count("n", value, "; 1 is few")


def test_a_whole_number_between_two_ends():
    assert (
        checked_count("n", 0, first=0, last=3) == 0 and checked_count("n", 3, first=0, last=3) == 3
    )
    for value in (-1, 4, True, 1.0):
        with pytest.raises(ValueError, match="^n must be a whole number from 0 to 3, got "):
            checked_count("n", value, first=0, last=3)


def test_texts():
    assert checked_text("title", "") == "" and checked_texts("rows", iter("ab")) == ("a", "b")
    with pytest.raises(ValueError, match=r"^title must be a string, got int\.$"):
        checked_text("title", 5)
    for value in ("ab", None, 5, ["a", 5]):
        with pytest.raises(ValueError, match="^rows must be a list of strings, got ") as raised:
            checked_texts("rows", value)
        assert repr(value) in str(raised.value)


@pytest.mark.parametrize("value", [0, -1.5, np.float32(0.5), Fraction(1, 2), np.int8(3)])
def test_a_number(value):
    number = checked_number("x", value, "a number")
    assert type(number) is float and number == float(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", None, True, 1j, 10**400, [1.0]])
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match=r"^x must be a number from 0, got ") as raised:
        checked_number("x", value, "a number from 0")
    assert repr(value) in str(raised.value)


def test_ids():
    for dtype in INTEGERS:
        check_ids("ids", torch.tensor([[0, 3]], dtype=dtype), 4)
        assert checked_ids(torch.tensor([3], dtype=dtype), torch.zeros(4)).dtype == torch.int64
    check_ids("ids", torch.zeros(2, 0).long(), 4)
    for ids, said in [
        (torch.tensor([4]), "ids must be from 0 to 3.*got ids from 4 to 4"),
        (torch.tensor([3, -1]), "got ids from -1 to 3"),
        (torch.tensor([255], dtype=torch.uint8), "got ids from 255 to 255"),
        (torch.tensor([2**64 - 1, 0], dtype=torch.uint64), f"got ids from 0 to {2**64 - 1}"),
        (torch.tensor([1.0]), "ids must be whole numbers.*got torch.float32"),
        (torch.tensor([True]), "got torch.bool"),
        (torch.tensor([1j]), "got torch.complex64"),
    ]:
        with pytest.raises(ValueError, match=said):
            check_ids("ids", ids, 4)


def test_what_shape_something_has():
    assert shape_of(torch.zeros(2, 3)) == "shape (2, 3)" and shape_of(torch.tensor(1)) == "shape ()"
    assert (shape_of([1]), shape_of(None), shape_of(np.zeros(2))) == ("list", "NoneType", "ndarray")
    assert shape_of(Fraction) == "the class Fraction"


def test_each_error_is_what_a_caller_expects():
    assert issubclass(PromptError, ValueError) and issubclass(CheckpointError, RuntimeError)
    assert issubclass(TrainingError, RuntimeError)
    for error in (PromptError, CheckpointError, TrainingError):
        assert issubclass(error, PlainError)
    error = PlainError("what, and what to do.")
    assert error._render_traceback_()[0] == "PlainError: what, and what to do."


@pytest.mark.slow
def test_a_notebook_shows_the_message_and_not_our_code():
    cells = [
        "import torch\nfrom mygpt_helpers import GPT, generate, load_checkpoint\n"
        "model = GPT(4, 8, 2, 2)\nmodel(torch.zeros(1, 65).long())",
        "generate(model, torch.zeros(1, 0).long(), 3)",
        "load_checkpoint('nowhere/at/all')",
    ]
    book = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    NotebookClient(book, allow_errors=True, timeout=120).execute()
    outputs = [cell.outputs[-1] for cell in book.cells]
    assert [o.ename for o in outputs] == ["ValueError", "PromptError", "CheckpointError"]
    assert outputs[0].evalue == "input length T=65 exceeds max_seq_len=64"
    for output in outputs:
        text = "\n".join(output.traceback)
        one_line = " ".join(line.strip() for line in text.splitlines())
        assert one_line.startswith(f"{output.ename}: {output.evalue}")
        assert "mygpt_helpers/" not in text and len(text.splitlines()) < 5
