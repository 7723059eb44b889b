"""What several test modules use."""

from pathlib import Path

import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

RUN_LESSONS = ("tests/test_architectures.py", "tests/test_comparison.py")
BROWSER = Path(__file__).parent / "browser"


@pytest.fixture(scope="module")
def one_thread():
    """Small tensors: a second thread costs more than it brings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytest_collection_modifyitems(items):
    """Let what takes longest begin; the tests in the browser are of that kind."""
    for item in items:
        if item.path.is_relative_to(BROWSER):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


class Scheduling(LoadScopeScheduling):
    """Which tests stay together on one of several workers (pytest -n 2)."""

    def _split_scope(self, nodeid):
        path = nodeid.partition("::")[0]
        if path.startswith("tests/browser/test_site"):
            return "the course's pages, one browser"
        if path.startswith("tests/browser/"):
            return "one JupyterLab, one browser"
        if path in RUN_LESSONS:
            return nodeid  # each goes where there is room
        return path


def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
