"""The class's settings: what the hub refuses to start with, and the values for Kubernetes."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from traitlets.config import PyFileConfigLoader

from mygpt_helpers.pretrained import cache

ROOT = Path(__file__).resolve().parents[2]
CLASSROOM = ROOT / "classroom"
# Those that the chart's schema has, and what they may be.
CHART = {
    "singleuser.image.name": str,
    "singleuser.image.tag": str,
    "singleuser.cmd": str,
    "singleuser.storage.homeMountPath": str,
    "singleuser.storage.capacity": str,
    "singleuser.extraEnv": dict,
    "singleuser.memory.guarantee": str,
    "singleuser.memory.limit": str,
    "cull.enabled": bool,
    "cull.timeout": int,
    "cull.every": int,
}


def keys(values, before=""):
    """Yield each value with the path to it: singleuser.image.tag."""
    for name, value in values.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and path not in CHART:
            yield from keys(value, f"{path}.")
        else:
            yield path, value


@pytest.fixture
def values():
    return dict(keys(yaml.safe_load((CLASSROOM / "values.yaml").read_text("utf-8"))))


def test_the_chart_knows_all_values_and_the_page_explains_them(values):
    assert {path: type(value) for path, value in values.items()} == CHART
    page = (ROOT / "docs" / "classroom.md").read_text("utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`((?:singleuser|cull)\.[\w.]+)`", rows)) == set(values)


def test_in_the_image_a_disk_hides_nothing_and_the_script_is_there(values):
    home, disk = Path("/home/jovyan"), Path(values["singleuser.storage.homeMountPath"])
    script = Path(values["singleuser.cmd"])
    assert script.relative_to(home) == Path("classroom/start.sh")
    assert os.access(CLASSROOM / "start.sh", os.X_OK) or sys.platform == "win32"
    assert disk != home and not (ROOT / disk.relative_to(home)).exists()
    variables = values["singleuser.extraEnv"]
    assert all(isinstance(value, str) for value in variables.values())
    assert disk in Path(variables["MYGPT_PROGRESS"]).parents


# ---- one machine -------------------------------------------------------------------------------

needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="JupyterHub does not know Windows")


@pytest.fixture
def top():
    """A folder that every user of the machine may read; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        if not all(place.stat().st_mode & 0o001 for place in Path(name).parents):
            pytest.skip("temporary files are private here")
        yield Path(name)


@pytest.fixture
def shared(top, monkeypatch):
    """A course's folder and a cache with a model in it, all in order; the hub's folder."""
    course = top / "course"
    (course / "classroom").mkdir(parents=True)
    text = (CLASSROOM / "jupyterhub_config.py").read_text("utf-8")
    (course / "classroom" / "jupyterhub_config.py").write_text(text)
    monkeypatch.setenv("MYGPT_CACHE", str(top / "cache"))
    monkeypatch.setenv("MYGPT_HUB", str(top / "hub"))
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setattr(sys, "executable", str(top / "python"))
    monkeypatch.setattr(sys, "prefix", str(course))
    (top / "python").touch(0o755)
    model = cache.model_folder()
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    cache.write_manifest(model, "")
    return top


def settings(shared):
    name = "jupyterhub_config.py"
    return PyFileConfigLoader(name, str(shared / "course" / "classroom")).load_config()


@needs_modes
def test_where_all_is_in_order_the_hub_has_its_settings(shared):
    c = settings(shared)
    assert c.JupyterHub.cleanup_servers is False
    assert c.Spawner.cmd == [str(shared / "course" / "classroom" / "start.sh")]
    assert (shared / "hub").stat().st_mode & 0o777 == 0o700


@needs_modes
def test_a_class_whose_tries_are_counted_says_so_to_every_learner(shared, monkeypatch):
    monkeypatch.delenv("MYGPT_TRIES", raising=False)
    assert "MYGPT_TRIES" not in settings(shared).Spawner.environment
    monkeypatch.setenv("MYGPT_TRIES", "on")
    assert settings(shared).Spawner.environment["MYGPT_TRIES"] == "on"


@needs_modes
def test_every_setting_is_one_that_there_is(shared):
    pytest.importorskip("jupyterhub")
    from jupyter_client.manager import KernelManager
    from jupyter_server.serverapp import ServerApp
    from jupyter_server.services.kernels.kernelmanager import MappingKernelManager
    from jupyterhub.app import JupyterHub
    from jupyterhub.auth import PAMAuthenticator
    from jupyterhub.proxy import ConfigurableHTTPProxy
    from jupyterhub.spawner import LocalProcessSpawner

    # A name that nothing knows is ignored, with a line in a log at most.
    hub = {"JupyterHub": JupyterHub, "ConfigurableHTTPProxy": ConfigurableHTTPProxy}
    hub |= {"Authenticator": PAMAuthenticator, "Spawner": LocalProcessSpawner}
    for name, section in settings(shared).items():
        assert set(section) <= set(hub[name].class_traits(config=True)), name
    servers = (KernelManager, MappingKernelManager, ServerApp)
    servers = {kind.__name__: kind.class_traits(config=True) for kind in servers}
    options = re.findall(r"--(\w+)[.](\w+)=", (CLASSROOM / "start.sh").read_text("utf-8"))
    assert len(options) == 5
    assert all(trait in servers[name] for name, trait in options)


@needs_modes
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda top: (top / "cache").rename(top / "gone"), "is not there: give `make class` in"),
        (lambda top: (top / "cache").chmod(0o700), "learners cannot reach .*cache is closed to"),
        (lambda top: (top / "python").chmod(0o700), "learners cannot reach .*python is closed to"),
        (lambda top: (top / "course").chmod(0o777), "every learner could change .*course.*chmod"),
        (lambda top: (cache.model_folder() / "config.json").unlink(), "config.json is missing"),
    ],
)
def test_what_a_class_cannot_use_is_one_message(shared, spoil, message):
    spoil(shared)
    with pytest.raises(SystemExit, match=message):
        settings(shared)
