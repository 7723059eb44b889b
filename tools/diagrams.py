"""Draw the lessons' Mermaid diagrams for the pages: `python -m tools.diagrams`.

JupyterLab draws them, in a Chromium, light and dark; the drawings are kept in pages/diagrams/. A
diagram's name is its source's hash, so one that was changed has no drawing until this is run again.
"""

from __future__ import annotations

import re
import sys
from urllib.parse import unquote
from xml.etree import ElementTree

import nbformat

from .page_outputs import DIAGRAMS, MERMAID, diagram_name
from .refresh import LESSONS, METADATA, ROOT

LABEL_GROUND = re.compile(r"hsl\(0, 0%, 34\.4\d*%\)|rgba\(87\.75, 87\.75, 87\.75, 0\.5\)")
DARK = "#131416"  # the pages' ground: Mermaid writes grey on grey on its arrows
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def sources() -> list[str]:
    """Return the sources of all diagrams in the lessons."""
    notebooks = [nbformat.read(lesson, as_version=4) for lesson in LESSONS]
    cells = [cell for notebook in notebooks for cell in notebook.cells]
    return [
        source for c in cells if c.cell_type == "markdown" for source in MERMAID.findall(c.source)
    ]


def main() -> None:
    """Draw all diagrams anew; those that no lesson has any more go."""
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    from lab import Notebook, launch, running_lab
    from playwright.sync_api import sync_playwright

    DIAGRAMS.mkdir(exist_ok=True)
    for old in DIAGRAMS.glob("*.svg"):
        old.unlink()
    all_sources = sources()
    cells = [nbformat.v4.new_markdown_cell(f"```mermaid\n{source}```") for source in all_sources]
    drawn = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)
    with running_lab() as (url, root), sync_playwright() as playwright:
        for name in ("first", *THEMES):
            nbformat.write(drawn, root / f"{name}.ipynb")
        browser = launch(playwright)
        notebook = Notebook(browser, url, "first.ipynb")
        for shade, theme in THEMES.items():
            notebook.theme(theme)
            notebook.go_to(f"{shade}.ipynb")  # what was drawn before stays as it was
            drawings = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) figure img")
            drawings.nth(len(cells) - 1).wait_for()
            for source, drawing in zip(all_sources, drawings.all(), strict=True):
                _keep(unquote(drawing.get_attribute("src")), diagram_name(source), shade)
        notebook.close()
        browser.close()


def _keep(address: str, name: str, shade: str) -> None:
    """Store the drawing of a data address, without JupyterLab's list of HTML's entities."""
    svg = "<svg" + address.partition("<svg")[2]
    svg = LABEL_GROUND.sub(DARK, svg)
    ElementTree.fromstring(svg)
    path = DIAGRAMS / f"{name}-{shade}.svg"
    path.write_text(svg.strip() + "\n", encoding="utf-8", newline="\n")
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
