"""Make the course as pages with live pictures: `python -m tools.pages` (`make site`).

Runs every lesson afresh and renders it by Sphinx into `_site/`, which any web server can serve.
`--only 04 05` runs these lessons alone, and takes the others from their last run, where there was
one. MYGPT_REPOSITORY: the course's address, for its links; without it the remote of git.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import nbformat

from .page_outputs import Files, make_page, to_repository
from .refresh import LESSONS, ROOT, RefreshError, execute, expect_errors, kernel_environment, read

PAGES = ROOT / "pages"
SITE = ROOT / "_site"
NEEDED = ("sphinx", "myst_nb", "furo", "latex2mathml")  # pages/requirements.txt
AT_ONCE = 2  # lessons; each holds the model in memory
HEAD = """The pictures on this page move, and predictions can be answered. Code, exercises and
your own prompts need Python:
[open the lesson in JupyterLab](index.md#run-it-yourself){binder}."""


def run(lesson: Path, runs: Path, changes: Mapping[str, str]) -> None:
    """Run a lesson, and keep what it showed and what its live pictures were.

    Raises RefreshError, which names the lesson, the cell and the error, where a cell fails.
    """
    kept = runs / f"{lesson.stem}.json"
    keep = f"from tools.page_kernel import keep\nkeep({str(kept)!r})"
    notebook = read(lesson)
    as_html = {cell.id for cell in notebook.cells if any(map(_is_html, cell.get("outputs", [])))}
    notebook.cells.append(nbformat.v4.new_code_cell(keep))
    with kernel_environment(OMP_NUM_THREADS="1", **changes) as env:
        execute(notebook, lesson, env, on_page=True)
    notebook.cells.pop()
    expect_errors(notebook, lesson)
    for cell in notebook.cells:
        # What is HTML in a running notebook alone is about the machine: its folders, its times.
        for output in cell.get("outputs", []) if cell.id not in as_html else []:
            if "image/png" not in output.get("data", {}):
                output.get("data", {}).pop("text/html", None)
    nbformat.write(notebook, runs / lesson.name)


def _is_html(output: nbformat.NotebookNode) -> bool:
    return "text/html" in output.get("data", {})


def run_all(lessons: Sequence[Path], runs: Path, changes: Mapping[str, str]) -> None:
    """Run lessons, two at a time; the first that fails stops those that have not begun."""
    runs.mkdir(parents=True, exist_ok=True)

    def timed(lesson: Path) -> None:
        start = time.perf_counter()
        run(lesson, runs, changes)
        print(f"{lesson.name}: {time.perf_counter() - start:.1f} s", flush=True)

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for done in [pool.submit(timed, lesson) for lesson in lessons]:
            done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def render(runs: Path, site: Path, repository: str) -> None:
    """Make the pages of all lessons that have run; what was in `site` is replaced."""
    source, made = runs / "source", runs / "made"
    for folder in (source, made):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(PAGES, source, ignore=shutil.ignore_patterns("*.py", "*.txt", "__pycache__"))
    files = Files(made)
    for lesson in LESSONS:
        if not (runs / lesson.name).exists():
            continue
        notebook = nbformat.read(runs / lesson.name, as_version=4)
        pictures = json.loads((runs / f"{lesson.stem}.json").read_text("utf-8"))
        binder = f" or [on Binder]({binder_link(repository, lesson.name)})" if repository else ""
        make_page(notebook, pictures, files, HEAD.format(binder=binder), repository)
        nbformat.write(notebook, source / lesson.name)
    (source / "lessons.md").write_text(lesson_table(), encoding="utf-8")
    shutil.copy(ROOT / "docs" / "classroom.md", source)
    shutil.copytree(ROOT / "docs" / "teaching", source / "teaching")
    for page in [source / "index.md", source / "classroom.md", *source.glob("teaching/*.md")]:
        page.write_text(with_links(page.read_text("utf-8"), repository), encoding="utf-8")
    with (source / "teaching" / "index.md").open("a", encoding="utf-8") as index:
        index.write("\n```{toctree}\n:hidden:\n:glob:\n\n[0-9]*\n```\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(PAGES)]
    command += ["-d", str(runs / "doctrees"), str(source), str(made)]
    subprocess.run(command, check=True, cwd=ROOT)
    shutil.rmtree(site, ignore_errors=True)
    shutil.move(made, site)


def with_links(text: str, repository: str) -> str:
    """Have a page of docs/ lead to the lessons' pages, and to the repository where it is known."""
    text = re.sub(r"\]\(\.\./((?:\.\./)*)notebooks/", r"](\1", to_repository(text, repository))
    if repository:
        folder = "the course's folder"
        text = text.replace("<this repository>", repository)
        text = text.replace(folder, f"[{folder}]({repository})")
    return text


def lesson_table() -> str:
    """Return the README's table of the lessons, with links between pages."""
    readme = (ROOT / "README.md").read_text("utf-8")
    is_row = re.compile(r"\|( lesson |---\|---\|---|.*\]\(notebooks/)")
    rows = [line for line in readme.splitlines() if is_row.match(line)]
    return "\n".join(rows).replace("](notebooks/", "](") + "\n"


def repository_address() -> str:
    """Return the course's address as one that a browser opens, or "" where there is none."""
    address = os.environ.get("MYGPT_REPOSITORY", "")
    if not address and (git := shutil.which("git")):
        command = [git, "remote", "get-url", "origin"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        address = done.stdout.strip()
    address = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", address)
    return address.removesuffix(".git") if address.startswith("https://") else ""


def binder_link(repository: str, name: str) -> str:
    """Return the address under which Binder opens a lesson's working copy."""
    place = quote(f"lab/tree/my/{name}", safe="")
    on_github = repository.removeprefix("https://github.com/")
    kind = f"git/{quote(repository, safe='')}" if on_github == repository else f"gh/{on_github}"
    return f"https://mybinder.org/v2/{kind}/HEAD?urlpath={place}"


def main(arguments: list[str] | None = None) -> int:
    """Make the pages; return 1 where a lesson fails."""
    parser = argparse.ArgumentParser(prog="python -m tools.pages", description=__doc__)
    parser.add_argument("--only", nargs="*", metavar="NN", help="the lessons to run anew")
    parser.add_argument("--out", type=Path, default=SITE, help="the site's folder")
    parser.add_argument("--runs", type=Path, default=ROOT / ".pages", help="where runs are kept")
    options = parser.parse_args(arguments)
    if missing := [name for name in NEEDED if not find_spec(name)]:
        say = "pip install -r pages/requirements.txt, or make site, brings it"
        print(f"No page was made. There is no {', '.join(missing)}: {say}.", file=sys.stderr)
        return 1
    only = options.only
    lessons = [lesson for lesson in LESSONS if only is None or lesson.name[:2] in only]
    runs = options.runs.resolve()
    try:
        run_all(lessons, runs, {})
    except RefreshError as error:
        print(f"No page was made. {error}", file=sys.stderr)
        return 1
    render(runs, options.out.resolve(), repository_address())
    return 0


if __name__ == "__main__":
    sys.exit(main())
