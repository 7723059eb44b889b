"""Run a class: a real JupyterHub, and users of this machine for its learners.

Shared by the class's tests and the measurements. Needs root, and removes what it made.
"""

from __future__ import annotations

import compileall
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import requests

from mygpt_helpers.pretrained.cache import model_folder
from mygpt_helpers.pretrained.text import kept_text

REPOSITORY = Path(__file__).resolve().parents[2]
COURSE = ("mygpt_helpers", "notebooks", "classroom", "README.md", "requirements.txt")
# The course's own settings, on free ports and in a folder that is thrown away.
CONFIG = """
c = get_config()
load_subconfig({config!r})
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.Authenticator.allowed_users = {names!r}
c.Authenticator.allow_all = False
"""


def missing() -> str | None:
    """Say what keeps a class from being run here, or return None."""
    if not sys.platform.startswith("linux") or os.geteuid():
        return "a class needs Linux, and root: each learner is a user of the machine"
    for command in ("useradd", "userdel", "chpasswd", "prlimit"):
        if not shutil.which(command):
            return f"a class needs {command}"
    try:
        import configurable_http_proxy  # noqa: F401
        import jupyterhub  # noqa: F401
    except ImportError as error:
        return f"a class needs {error.name}: pip install -r classroom/requirements.txt"
    return None if public_python() else "every user must be able to run Python; nobody can this one"


def public_python() -> str | None:
    """Return a Python of this version that every user may run; one in /root is for root alone."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (sys.executable, shutil.which(name, path="/usr/local/bin:/usr/bin")):
        if found:
            path = Path(found).resolve()
            if all(place.stat().st_mode & 0o001 for place in (path, *path.parents)):
                return str(path)
    return None


class Class:
    """A hub, its learners and all they share, in one folder."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder, self.names = folder, names
        self.course, self.cache, self.homes = folder / "course", folder / "cache", folder / "homes"
        self.passwords = {name: secrets.token_hex(16) for name in names}
        self.python = folder / "python" / "bin" / "python"
        self.log = folder / "hub.log"
        self.hub: subprocess.Popen[bytes] | None = None
        self.url = ""

    def set_up(self) -> None:
        """Make what a teacher has: the course, its Python, the cache, the users, the settings."""
        for part in COURSE:
            source, target = REPOSITORY / part, self.course / part
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                ignored = shutil.ignore_patterns("runs", "*.mine*", ".ipynb_checkpoints")
                shutil.copytree(source, target, ignore=ignored)
            else:
                shutil.copy(source, target)
        compileall.compile_dir(self.course / "mygpt_helpers", quiet=1)
        for kept in (model_folder(), kept_text().folder):
            shutil.copytree(kept, self.cache / kept.name, copy_function=_link)
        python = self.folder / "python"
        make = [public_python(), "-m", "venv", "--without-pip", str(python)]
        subprocess.run(make, check=True)
        site = next(python.glob("lib/python3*/site-packages"))
        packages = Path(psutil.__file__).parents[1]
        (site / "course.pth").write_text(f"{self.course}\n{packages}\n")
        for name in ("share", "etc"):
            (python / name).symlink_to(Path(sys.prefix, name))
        (python / "bin" / "configurable-http-proxy").symlink_to(
            Path(sys.executable).with_name("configurable-http-proxy")
        )
        self.homes.mkdir()
        for name, password in self.passwords.items():
            home = ["--create-home", "--home-dir", str(self.homes / name), "-K", "HOME_MODE=0700"]
            subprocess.run(["useradd", *home, "--shell", "/bin/bash", name], check=True)
            subprocess.run(["chpasswd"], input=f"{name}:{password}", text=True, check=True)
        ports = _free_ports(3)
        self.url = f"http://127.0.0.1:{ports[0]}"
        settings = dict(zip(("port", "hub_port", "api_port"), ports, strict=True))
        config = str(self.course / "classroom" / "jupyterhub_config.py")
        text = CONFIG.format(config=config, names=set(self.names), **settings)
        (self.folder / "config.py").write_text(text)

    def start(self) -> None:
        """Start the hub, or start it again, and wait until it answers."""
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        env |= {"MYGPT_CACHE": str(self.cache), "MYGPT_HUB": str(self.folder / "hub")}
        command = [str(self.python), "-m", "jupyterhub", "-f", str(self.folder / "config.py")]
        with self.log.open("ab") as log:
            self.hub = subprocess.Popen(command, cwd=self.folder, env=env, stdout=log, stderr=log)
        for _ in range(600):
            with suppress(OSError):
                if requests.get(f"{self.url}/hub/health", timeout=5).ok:
                    return
            if self.hub.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError("JupyterHub did not start:\n" + self.log.read_text()[-3000:])

    def stop(self) -> None:
        """Stop the hub, as a teacher does."""
        if self.hub and self.hub.poll() is None:
            self.hub.send_signal(signal.SIGTERM)
            self.hub.wait(30)

    def processes(self) -> list[psutil.Process]:
        """Return all of the class's processes: the hub's and the learners'."""
        found = []
        if self.hub and self.hub.poll() is None:
            hub = psutil.Process(self.hub.pid)
            found += [hub, *hub.children(recursive=True)]
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.username() in self.names and process not in found:
                    found.append(process)
        return found

    def runtimes(self, name: str) -> list[Path]:
        """Return the folders for the sockets of a learner's servers (classroom/start.sh)."""
        user = pwd.getpwnam(name).pw_uid
        return [path for path in Path("/tmp").glob("mygpt.??????") if path.stat().st_uid == user]

    def clear_up(self) -> None:
        """End what runs, and remove the users and the folder."""
        with suppress(subprocess.TimeoutExpired):
            self.stop()
        left = self.processes()
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, 10)
        for name in self.names:
            for runtime in self.runtimes(name):
                shutil.rmtree(runtime, ignore_errors=True)
            subprocess.run(["userdel", name], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def running_class(learners: int) -> Iterator[Class]:
    """Run a class with so many learners; all of it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mygpt-class-"))
    folder.chmod(0o755)
    name = f"mygpt-{secrets.token_hex(3)}"
    made = Class(folder, [f"{name}-{number}" for number in range(learners)])
    try:
        made.set_up()
        made.start()
        yield made
    finally:
        made.clear_up()


def _link(source: str, target: str) -> None:
    """Copy a file; have a large one in two places, where the disk is the same."""
    try:
        if os.path.getsize(source) < 10**8:
            raise OSError
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
