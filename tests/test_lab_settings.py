"""JupyterLab saves live pictures with a notebook, unless somebody has set it otherwise."""

from __future__ import annotations

import json

import pytest
from jupyterlab_server.settings_utils import get_settings

from mygpt_helpers import __main__
from mygpt_helpers.lab_settings import install_settings

(PLUGIN, MINE) = ("@jupyter-widgets/jupyterlab-manager:plugin", "overrides.d/mygpt-helpers.json")


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The settings folder of a JupyterLab of its own; no other is read."""
    monkeypatch.setenv("JUPYTERLAB_DIR", str(tmp_path / "lab"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "lab").mkdir()
    return tmp_path / "lab" / "settings"


def saves(lab, tmp_path):
    """Return what JupyterLab's server tells the page of saveState, or None for its default."""
    schemas = tmp_path / "schemas" / "@jupyter-widgets" / "jupyterlab-manager"
    schemas.mkdir(parents=True, exist_ok=True)
    state = {"type": "boolean", "default": False}
    (schemas / "plugin.json").write_text(json.dumps({"properties": {"saveState": state}}))
    settings, _ = get_settings(
        str(lab), str(tmp_path / "schemas"), str(tmp_path / "user"), PLUGIN, labextensions_path=[]
    )
    return settings["schema"]["properties"]["saveState"]["default"]


@pytest.mark.parametrize("command", ["model", "copy"])
def test_setting_up_makes_jupyterlab_save_live_pictures(command, lab, tmp_path, monkeypatch):
    monkeypatch.setattr("mygpt_helpers.pretrained.prepare.prepare_model", lambda force: "there")
    assert not saves(lab, tmp_path)
    for name in ("copy_lessons", "copies"):
        monkeypatch.setattr(f"mygpt_helpers.working_copies.{name}", list)
    assert __main__.main([command]) == 0
    assert saves(lab, tmp_path) is True
    assert [str(path.relative_to(lab)) for path in lab.rglob("*.*") if path.is_file()] == [MINE]


@pytest.mark.parametrize(
    "where", ["lab/settings/overrides.json", "config/labconfig/default_setting_overrides.json"]
)
def test_what_somebody_else_has_set_counts_for_more(lab, tmp_path, where):
    theirs = tmp_path / where
    theirs.parent.mkdir(parents=True)
    theirs.write_text(json.dumps({PLUGIN: {"saveState": False}, "other:plugin": {"a": 1}}))
    before = theirs.read_bytes()
    install_settings()
    assert (lab / MINE).exists() and saves(lab, tmp_path) is False
    assert theirs.read_bytes() == before


def test_a_file_that_was_changed_stays(lab, tmp_path):
    install_settings()
    (lab / MINE).write_text("{}")
    install_settings()
    assert (lab / MINE).read_text() == "{}"


def test_where_nothing_can_be_written_nothing_is(lab):
    lab.write_text("a file where a folder should be")
    install_settings()
    assert lab.read_text().startswith("a file")


def test_without_jupyterlab_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTERLAB_DIR", str(tmp_path / "none"))
    install_settings()
    assert not list(tmp_path.iterdir())
