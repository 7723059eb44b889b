"""Kernels that are reached through files, not through network ports.

A kernel's five ports are looked for first and bound later. When several kernels, a server and a
browser start side by side, another of them may take one in between, and then nothing ever answers.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

from jupyter_client.manager import KernelManager

_folder = tempfile.TemporaryDirectory(prefix="kernels-", ignore_cleanup_errors=True)
_numbers = itertools.count()


def file_transport() -> dict[str, str]:
    """Return the arguments that make a KernelManager use files; none where there are no such."""
    if sys.platform == "win32":
        return {}
    return {"transport": "ipc", "ip": str(Path(_folder.name) / str(next(_numbers)))}


def use_files_everywhere() -> None:
    """Make every kernel that this process starts use files, also those that nbval starts."""
    start = KernelManager.__init__

    def __init__(self: KernelManager, *args: object, **kwargs: object) -> None:
        start(self, *args, **(file_transport() | kwargs))

    KernelManager.__init__ = __init__
