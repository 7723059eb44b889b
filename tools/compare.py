"""Run lessons again and compare with what is stored: `python -m tools.compare [notebooks/*.ipynb]`.

The comparison is nbval's (`pytest --nbval`, strict): text, HTML and errors must be equal; pictures
and widgets are skipped, their text twins are not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from .refresh import LESSONS, ROOT, kernel_environment

# What every x86-64 machine can do: no AVX, one thread. Sums come out in another order.
PLAINEST_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "default",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
# Nothing is kept between runs, and more than one of them may run at once. What would take longer to
# load than some lessons take to run stays out.
NBVAL = [
    "-vv",
    "-ptools",
    "-pno:hypothesispytest",
    f"--rootdir={ROOT}",
    "--color=no",
    "--nbval",
    "--nbval-current-env",
    "-pno:cacheprovider",
    "-ojunit_family=xunit1",  # the report names files
]


@dataclass(frozen=True)
class Cell:
    """How one code cell fared."""

    notebook: str  # its file's name
    number: int  # among the notebook's code cells, from 1
    seconds: float
    failure: str  # nbval's report, or "" where all is as stored

    @property
    def differs(self) -> bool:
        """Whether it ran and showed something else, rather than failing to run."""
        return "Cell outputs differ" in self.failure


def compare(notebooks: Sequence[Path], changes: Mapping[str, str] | None = None) -> list[Cell]:
    """Run notebooks under nbval, and return how each code cell fared.

    changes: environment variables to set for pytest and the kernels. Raises RuntimeError, with what
    pytest said, where no comparison took place.
    """
    with (
        kernel_environment(**(changes or {})) as env,
        tempfile.TemporaryDirectory() as folder,
    ):
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                *NBVAL,
                f"--junitxml={report}",
                *map(str, notebooks),
            ],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
        )
        # 0: all equal; 1: some differ. Anything else is no comparison.
        if done.returncode not in (0, 1) or not report.exists():
            raise RuntimeError(f"nbval did not run:\n{done.stdout}\n{done.stderr}")
        cases = list(ElementTree.parse(report).iter("testcase"))
    return [_cell(case) for case in cases]


def _cell(case: ElementTree.Element) -> Cell:
    failures = [*case.iter("failure"), *case.iter("error")]
    return Cell(
        notebook=Path(case.get("file", "")).name,
        number=int(case.get("name", "Cell -1").removeprefix("Cell ")) + 1,
        seconds=float(case.get("time", 0)),
        failure="\n".join(failure.text or "" for failure in failures),
    )


def main(arguments: list[str] | None = None) -> int:
    """Compare the notebooks named on the command line, or all; return 1 where one differs."""
    parser = argparse.ArgumentParser(prog="python -m tools.compare", description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument(
        "--plainest",
        action="store_true",
        help="on one thread, without AVX",
    )
    options = parser.parse_args(arguments)
    lessons = options.notebooks or LESSONS
    failures = 0
    for lesson in lessons:
        cells = compare([lesson.resolve()], PLAINEST_PROCESSOR if options.plainest else None)
        failed = [cell for cell in cells if cell.failure]
        failures += len(failed)
        took = sum(cell.seconds for cell in cells)
        verdict = f"{len(failed)} DIFFER" if failed else "as stored"
        print(f"{lesson.name}: {len(cells)} cells, {took:.1f} s, {verdict}", flush=True)
        for cell in failed:
            print(f"  cell {cell.number}: {cell.failure}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
