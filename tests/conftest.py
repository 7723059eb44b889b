"""What several test modules use."""

from pathlib import Path

import pytest
import torch

BROWSER = Path(__file__).parent / "browser"


@pytest.fixture(scope="module")
def one_thread():
    """Small tensors: a second thread costs more than it brings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytest_collection_modifyitems(items):
    """Say what may run on which of two workers (pytest -n 2), and let the longest begin.

    All tests in the browser stay together, for they share one JupyterLab; what runs a whole lesson
    goes wherever there is room; else a file's tests stay together and share its fixtures.
    """
    for item in items:
        if item.path.is_relative_to(BROWSER):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("browser"))
        elif not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
