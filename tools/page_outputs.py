"""From a lesson that has run to the source of its page: pictures, stills, diagrams, links."""

from __future__ import annotations

import hashlib
import html
import json
import re
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from mygpt_helpers.exercises.engine import SIGNS

from .refresh import ROOT, WIDGET_VIEW, short_traceback

DIAGRAMS = ROOT / "pages" / "diagrams"
MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Links to files that are no pages.
OUTSIDE = re.compile(r"\[([^]]+)\]\((?:\.\./)+(?!\.\./|notebooks/)([^)]+)\)")
ABOUT_PAGES = re.compile(r"^.*`make site`.*\n\n", re.MULTILINE)  # no news to whom reads one
INLINE_PNG = re.compile(r'src="data:image/png;base64,([^"]+)"')
SHADES = ("light", "dark")
EXERCISE = "This exercise needs Python: in JupyterLab your answer is checked at once, with hints.\n"
STILL = '<img class="only-{}" src="{}" alt="{}"{} loading="lazy">'
WIDE = '<div class="wide" style="--natural: {}px">{}</div>'  # below a part of it, it is scrolled
VIEW_BOX = re.compile(r'viewBox="\S+ \S+ (\S+)')
LIVE = '<div class="live-picture" data-live="{}" data-module="{}" data-integrity="{}">{}</div>'


class Files:
    """What the pages load besides themselves: written once, and named by what is in it."""

    def __init__(self, site: Path) -> None:
        self._site = site

    def add(self, content: bytes, ending: str) -> str:
        """Write a file; return its path from the site's top folder, where all pages are."""
        name = f"live/{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        path = self._site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return name


def make_page(
    notebook: NotebookNode, pictures: dict[str, Any], files: Files, head: str, repository: str
) -> None:
    """Change a notebook that has run into the source of its page.

    pictures: what page_kernel kept. head: what stands below the title. repository: the course's
    address, or "".
    """
    title, _, rest = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = f"{title}\n\n{head}\n{ABOUT_PAGES.sub('', rest)}"
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = MERMAID.sub(_diagram, cell.source)
            cell.source = to_repository(cell.source, repository)
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = short_traceback(output.traceback)
            elif output.get("text", "").startswith(SIGNS["not tried"]):
                output.text = EXERCISE  # nobody can try it there
            elif "data" in output:
                _show(output, pictures, files)


def to_repository(text: str, repository: str) -> str:
    """Have links to files that are no pages lead to the repository, or leave their words alone."""
    return OUTSIDE.sub(rf"[\1]({repository}/blob/HEAD/\2)" if repository else r"\1", text)


def diagram_name(source: str) -> str:
    """Return how a diagram's files begin: its source decides."""
    return hashlib.sha256(source.strip().encode()).hexdigest()[:16]


def _diagram(found: re.Match[str]) -> str:
    """Return the drawing of a diagram, where there is one, or the source as it is."""
    names = [f"{diagram_name(found[1])}-{shade}.svg" for shade in SHADES]
    if not all((DIAGRAMS / name).exists() for name in names):
        return found[0]
    alt = html.escape(" ".join(found[1].split()))
    stills = "".join(
        STILL.format(shade, f"_static/{name}", alt, "")
        for shade, name in zip(SHADES, names, strict=True)
    )
    width = VIEW_BOX.search((DIAGRAMS / names[0]).read_text("utf-8"))[1]
    return WIDE.format(width, stills)


def _show(output: NotebookNode, pictures: dict[str, Any], files: Files) -> None:
    """Leave one form of an output, for the page: HTML where there is some."""
    data = output.data
    view = data.pop(WIDGET_VIEW, None)
    if view and view["model_id"] in pictures:
        data["text/html"] = _live(pictures[view["model_id"]], files)
    elif "image/png" in data:
        pngs = INLINE_PNG.findall(data.get("text/html", "")) or [data["image/png"]] * 2
        data["text/html"] = _stills(
            pngs, data["text/plain"], output.metadata.get("image/png", {}), files
        )
    if "text/html" in data:
        output.data = NotebookNode({"text/html": data["text/html"]})


def _stills(pngs: list[str], text: str, size: dict[str, Any], files: Files) -> str:
    """Return the still in both shades, or the text alone where nothing is drawn."""
    if not pngs:
        return f"<pre>{html.escape(text)}</pre>"
    fit = "".join(f' {side}="{size[side]}"' for side in ("width", "height") if side in size)
    names = [files.add(b64decode(png), "png") for png in pngs]
    alt = html.escape(text)
    stills = "".join(
        STILL.format(shade, name, alt, fit) for shade, name in zip(SHADES, names, strict=True)
    )
    return WIDE.format(size["width"], stills) if "width" in size else stills


def _live(picture: dict[str, Any], files: Files) -> str:
    """Return the still of a live picture, and where the page finds what makes it live."""
    live = json.dumps(picture["live"], ensure_ascii=False, separators=(",", ":")).encode()
    integrity = "sha256-" + b64encode(hashlib.sha256(live).digest()).decode()
    names = files.add(live, "json"), files.add(picture["module"].encode(), "js")
    still = _stills(picture["stills"], picture["text"], picture["size"], files)
    return LIVE.format(*names, integrity, still)
