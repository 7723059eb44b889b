"""The health check: the same words on every healthy machine, and what is the matter on others."""

import shutil
import sys

import pytest

from mygpt_helpers import CheckpointError
from mygpt_helpers.pretrained import health, model
from mygpt_helpers.pretrained.cache import COMMAND
from mygpt_helpers.pretrained.health import Finding, HealthReport, health_check
from tests.tiny import make_checkpoint


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_checkpoint("gpt2", tmp_path_factory.mktemp("health") / "model")


def test_all_is_well_here(tiny, monkeypatch):
    monkeypatch.setenv("MYGPT_CHECKPOINT", str(tiny))
    report = health_check()
    assert {finding.word for finding in report.findings} == {"ok"}
    names = [finding.name for finding in report.findings]
    assert names[0] == "Python" and names[-2:] == ["model", "forward pass"]
    # What is stored and compared says nothing that differs from machine to machine.
    stored = report._repr_mimebundle_()
    assert stored == {"text/plain": "\n".join(f"{n:<14} ok" for n in names)}
    monkeypatch.setattr(health, "running_cell", lambda: ("a page's cell", "1"))
    live = report._repr_mimebundle_()
    assert live["text/plain"] == stored["text/plain"] and "tokens/s" in live["text/html"]


def test_what_the_checkpoint_sets_for_generate_has_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MYGPT_CHECKPOINT", str(make_checkpoint("qwen3", tmp_path / "model")))
    (line,) = [f for f in health_check().findings if f.name == "its generate"]
    assert line.word == "sets do_sample=True, temperature=0.6, top_k=20: see lesson 08"
    assert "model.generate(**inputs, do_sample=False, temperature=1.0, top_k=50)" in line.detail


def test_a_missing_model_is_one_line(monkeypatch):
    def missing():
        raise CheckpointError("nothing there; run this")

    monkeypatch.setattr(model, "lesson_checkpoint", missing)
    assert repr(health_check()).splitlines()[-1] == "model          nothing there; run this"


def test_a_model_that_cannot_be_loaded_says_why_on_one_line(tiny, tmp_path, monkeypatch):
    folder = shutil.copytree(tiny, tmp_path / "model")
    monkeypatch.setenv("MYGPT_CHECKPOINT", str(folder))
    (folder / "config.json").write_text('{"model_type": "none-that-exists"}')
    line = repr(health_check()).splitlines()[-1]
    assert line.startswith("model ") and "none-that-exists" in line
    (folder / "config.json").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0")
    line = repr(health_check()).splitlines()[-1]
    assert line.startswith("model ") and "config.json is a Git LFS pointer" in line


def test_what_the_libraries_raise_comes_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(model, "lesson_checkpoint", lambda: str(tmp_path))
    line = repr(health_check()).splitlines()[-1]
    assert line.startswith("model          cannot be loaded (") and line.endswith(f"run: {COMMAND}")


def test_other_versions_are_named(monkeypatch):
    monkeypatch.setattr(health, "version", lambda name: "0.0.1+cpu")
    finding = health._library("torch")
    assert finding.word.startswith("another version")
    assert "0.0.1+cpu" in finding.detail and "made with 2.13.0" in finding.detail


def test_a_build_label_makes_no_other_version(monkeypatch):
    monkeypatch.setattr(health, "version", lambda name: "2.13.0+cpu")
    assert health._library("torch").word == "ok"


def test_a_missing_library_says_what_to_do():
    assert health._library("no-such-library").word == "missing: run make lab again"


def test_an_old_python_says_what_is_needed(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    assert "3.11 or newer is needed" in health._python().word


def test_text_stays_text():
    report = HealthReport([Finding("<b>x", "$y$", "<script>alert(1)</script>")])
    live = report.html()
    assert "<script>" not in live and "&lt;script&gt;" in live and "&lt;b&gt;x" in live
