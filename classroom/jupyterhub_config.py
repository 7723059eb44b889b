"""A class on one machine: the hub's settings. docs/classroom.md says how to start it.

To change a setting, write a file of your own that begins with these two lines, and start the hub
with it; an update of the course then leaves your settings alone:

    c = get_config()
    load_subconfig("/srv/mygpt/classroom/jupyterhub_config.py")
"""

import os
import sys
from pathlib import Path

from mygpt_helpers.pretrained.cache import flaw, model_folder

COURSE = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("MYGPT_CACHE", "/srv/mygpt-cache"))
STATE = Path(os.environ.get("MYGPT_HUB", "/srv/mygpt-hub"))
BIN = Path(sys.executable).parent
# `python` and the proxy are this environment's, for the hub and for every learner.
PATH = os.environ["PATH"] = f"{BIN}:{os.environ.get('PATH', os.defpath)}"
os.environ["MYGPT_CACHE"] = str(CACHE)

c = get_config()  # noqa: F821 - JupyterHub brings it

# ---- who ---------------------------------------------------------------------------------------
# Users of this machine, with their passwords there. To let some in, name them in allowed_users.
c.JupyterHub.authenticator_class = "pam"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = set(filter(None, os.environ.get("MYGPT_TEACHERS", "").split(",")))

# ---- what a learner gets -----------------------------------------------------------------------
# systemd keeps each server, with all of its kernels, below mem_limit. Without systemd, as in most
# containers, only the limit of a single process holds (start.sh).
HAS_SYSTEMD = Path("/run/systemd/system").is_dir()
c.JupyterHub.spawner_class = "systemd" if HAS_SYSTEMD else "localprocess"
c.Spawner.mem_limit = "3G"
c.Spawner.cmd = [str(COURSE / "classroom" / "start.sh")]
c.Spawner.http_timeout = c.Spawner.start_timeout = 300  # forty servers may start at once
c.Spawner.environment = {
    "PATH": PATH,
    "MYGPT_CACHE": str(CACHE),
    # More learners than cores: threads that wait for one another make all of them slow.
    "OMP_NUM_THREADS": "1",
    # Whether tries are counted for all (docs/teaching/index.md); else each learner decides.
    **{name: os.environ[name] for name in ("MYGPT_TRIES",) if name in os.environ},
}

# ---- what is at rest ---------------------------------------------------------------------------
# A kernel ends after an hour at rest (start.sh), a server two hours after its last page was closed.
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": ["python", "-m", "jupyterhub_idle_culler", "--timeout=7200"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]

# ---- what outlives the hub ---------------------------------------------------------------------
# A hub that is stopped leaves the learners' servers running, and finds them again by its database.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.db_url = f"sqlite:///{STATE}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")

# ---- the proxy ---------------------------------------------------------------------------------
# The one in Python comes by pip alone. It speaks http: for https, put a web server before it, or
# `npm install -g configurable-http-proxy`, name that one in ConfigurableHTTPProxy.command, and set
# JupyterHub.ssl_key and JupyterHub.ssl_cert.
c.JupyterHub.bind_url = "http://:8000"


# ---- before it starts --------------------------------------------------------------------------
def refuse_unfit(path: Path) -> None:
    """End with one message where learners cannot reach what they share, or could change it."""
    for place in (path, *path.parents):
        if not place.exists():
            raise SystemExit(f"{place} is not there: give `make class` in {COURSE} first.")
        if not place.stat().st_mode & 0o001:
            raise SystemExit(
                f"learners cannot reach {path}: {place} is closed to them. Put the course, its "
                "Python and the cache where every user may read, such as /srv and /usr."
            )
    if path.stat().st_mode & 0o002:
        raise SystemExit(f"every learner could change {path}: give `chmod -R o-w {path}`.")


for shared in (COURSE, Path(sys.prefix), Path(sys.executable).resolve(), model_folder()):
    refuse_unfit(shared)
if wrong := flaw(model_folder()):
    raise SystemExit(f"the model in {model_folder()}: {wrong}. Give `make class` in {COURSE}.")
STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
