"""A real JupyterHub on this machine: two learners log in, run a lesson, and are kept apart."""

from __future__ import annotations

import json
import pwd
from concurrent.futures import ThreadPoolExecutor

import pytest
from hub import missing, running_class
from learner import Learner

pytestmark = pytest.mark.slow
LESSON = "00_start_here.ipynb"
CHANGED = "04_temperature.ipynb"


@pytest.fixture(scope="module")
def room():
    """A class of two."""
    if reason := missing():
        pytest.skip(reason)
    with running_class(2) as made:
        yield made


@pytest.fixture(scope="module")
def learners(room):
    """Both of them, with a server each that was started at the same time."""
    both = [Learner(room, name) for name in room.names]
    with ThreadPoolExecutor() as pool:
        list(pool.map(Learner.start_server, both))
    return both


@pytest.fixture(scope="module")
def kernels(learners):
    """A kernel of each, in which the whole first lesson has run."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda learner: learner.run_lesson(LESSON), learners))


def test_each_runs_a_lesson_as_a_user_of_the_machine(learners, kernels):
    code = "import os; print(os.getuid(), os.getcwd(), repr(health_check()).count(' ok'))"
    for learner, kernel in zip(learners, kernels, strict=True):
        user = pwd.getpwnam(learner.name).pw_uid
        copies = learner.home / "mygpt" / "my"
        assert learner.run(kernel, code).splitlines()[-1].split() == [str(user), str(copies), "10"]
        assert (copies / LESSON).stat().st_uid == user
        assert (copies.parent / "mygpt_helpers" / "gpt.py").is_file()  # where lessons link to


@pytest.mark.parametrize(
    "code",
    [
        "open('{other}/mygpt/my/04_temperature.ipynb').read()",
        "open('{other}/mygpt/my/04_temperature.ipynb', 'a')",
        "import os; os.listdir('{other}/mygpt')",
        "import os; os.listdir('{runtime}')",
        "open('{cache}/{model}/config.json', 'a')",
        "open('{cache}/mine', 'w')",
        "open('{course}/notebooks/04_temperature.ipynb', 'a')",
        "open('../mygpt_helpers/gpt.py', 'a')",
        "open('{state}/hub.sqlite').read()",
    ],
)
def test_what_is_not_theirs_is_closed_to_them(room, learners, kernels, code):
    one, other = learners
    runtime = other.run(kernels[1], "import os; print(os.environ['JUPYTER_RUNTIME_DIR'])").strip()
    (model,) = (path.name for path in room.cache.glob("SmolLM2*"))
    other.home.chmod(0o755)  # as some machines make homes: what the class makes is still closed
    places = {"other": other.home, "runtime": runtime, "state": room.folder / "hub"}
    places |= {"cache": room.cache, "course": room.course, "model": model}
    with pytest.raises(RuntimeError, match="PermissionError"):
        one.run(kernels[0], code.format(**places))


def test_a_learner_reaches_no_other_server(learners):
    one, other = learners
    for path in ("api/kernels", "api/contents/my"):
        assert one.web.get(f"{one.url}/user/{other.name}/{path}").status_code in (403, 404)
        assert one.get(path).ok


def test_a_kernel_that_takes_too_much_gets_an_error_and_lives_on(learners, kernels):
    one = learners[0]
    with pytest.raises(RuntimeError, match="allocate memory"):
        one.run(kernels[0], "import torch; kept = 1; torch.ones(5 * 10**9, dtype=torch.uint8)")
    assert one.run(kernels[0], "print(kept)") == "1\n"


def test_a_lesson_outlives_a_restart_of_the_hub(room, learners, kernels):
    one, kernel = learners[0], kernels[0]
    one.run(kernel, "import time; kept = 'before'")
    one.begin(kernel, "time.sleep(5); kept += ' and meanwhile'")
    room.stop()
    room.start()
    assert one.run(kernel, "print(kept)") == "before and meanwhile\n"


def test_an_update_touches_no_copy_and_is_told(room, learners):
    one = learners[0]
    source, copy = room.course / "notebooks" / CHANGED, one.home / "mygpt" / "my" / CHANGED
    assert one.opens().endswith(f"/lab/tree/my/{LESSON}")
    for path, text in ((copy, "mine"), (source, "newer")):
        notebook = json.loads(path.read_text())
        notebook["cells"][0]["source"] = text
        path.write_text(json.dumps(notebook))
    mine = copy.read_bytes()
    one.stop_server()
    one.start_server()
    assert copy.read_bytes() == mine
    assert len(room.runtimes(one.name)) == 1  # the ended server's folder is gone
    assert one.opens().endswith("/lab/tree/NEWS.txt")
    news = one.get("api/contents/NEWS.txt").json()["content"]
    assert news.startswith(f"{CHANGED} has a newer version in the course. Yours is left as it is")
    kernel = one.start_kernel()
    one.run(kernel, "import subprocess")
    one.run(kernel, "subprocess.run('python -m mygpt_helpers reset 04', shell=True, check=True)")
    assert "newer" in copy.read_text()
    assert copy.with_suffix(".mine.ipynb").read_bytes() == mine
