"""Errors: which line is the learner's own, wherever the libraries lie, and errors as data."""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
import types

import pytest

from mygpt_helpers import CheckpointError, PromptError, TrainingError, errors
from mygpt_helpers.errors import InputError, own_line
from mygpt_helpers.record import Record

LIBRARY = "def divide(a, b):\n    return a / b\n"


def raised(module):
    try:
        return module.divide(1, 0)
    except ZeroDivisionError as error:
        return own_line(error)


@pytest.mark.parametrize(
    ("folder", "metadata"),
    [("user/lib/python3/site-packages", False), ("debian/dist-packages", False), ("layer", True)],
)
def test_a_librarys_line_is_not_the_learners(folder, metadata, tmp_path, monkeypatch):
    place = tmp_path / folder
    place.mkdir(parents=True)
    (place / "a_library.py").write_text(LIBRARY)
    if metadata:
        about = place / "a_library-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: a-library\nVersion: 1.0\n")
        (about / "RECORD").write_text("a_library.py,,\n")
    monkeypatch.syspath_prepend(place)
    monkeypatch.delitem(sys.modules, "a_library", raising=False)
    errors._installed.cache_clear()
    try:
        assert raised(importlib.import_module("a_library")) == [
            "  line 3 of raised: return module.divide(1, 0)"
        ]
    finally:
        errors._installed.cache_clear()


def test_a_module_of_the_learners_is_theirs(tmp_path, monkeypatch):
    (tmp_path / "a_module.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "a_module", raising=False)
    assert raised(importlib.import_module("a_module")) == ["  line 2 of divide: return a / b"]


def test_a_library_without_metadata_is_known_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(errors, "packages_distributions", dict)
    monkeypatch.setattr(errors, "_LIBRARIES", set())
    errors._installed.cache_clear()
    try:
        for name in ("torch", "numpy", "transformers"):
            code = compile(LIBRARY, str(tmp_path / name / "made.py"), "exec")
            module = types.ModuleType(f"{name}.made")
            exec(code, vars(module))
            assert raised(module) == ["  line 3 of raised: return module.divide(1, 0)"]
    finally:
        errors._installed.cache_clear()


def test_code_without_source_is_told_by_who_called_it():
    made = types.ModuleType("made")
    exec(LIBRARY, vars(made))
    assert raised(made) == ["  line 3 of raised: return module.divide(1, 0)"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize(
    "error",
    [InputError("a"), PromptError("b"), CheckpointError("c"), TrainingError("d", Record([1.0]))],
    ids=lambda error: type(error).__qualname__,
)
def test_an_error_can_be_sent_to_another_process(error, again):
    came = again(error)
    assert type(came) is type(error) and str(came) == str(error)
    assert getattr(came, "record", None) == getattr(error, "record", None)
