"""How Sphinx makes the course's pages from lessons that have run. See tools/pages.py."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

WORDS = re.compile(r"\\text\{[^}]*\}")
HERE = Path(__file__).resolve().parent
FOR_TEACHERS = ("teaching/", "classroom")

project = "Text generation, one token at a time"
html_title = project
language = "en"
extensions = ["myst_nb"]
nb_execution_mode = "off"  # they have run
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["lessons.md"]  # a part of index.md
html_theme = "furo"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"  # comments are quieter than the code
templates_path = ["_templates"]
html_static_path = [
    str(HERE / "_static"),
    str(HERE / "diagrams"),
    str(HERE.parent / "mygpt_helpers" / "widgets" / "live.css"),
]
html_css_files = ["live.css", "pages.css"]
html_js_files = [("live_pictures.js", {"type": "module"})]
html_favicon = str(HERE / "_static" / "icon.svg")
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_math_renderer = "mathml"  # the browser draws it: nothing to load


def _mathml(latex: str, **about: str) -> str:
    """Return a formula as MathML. Within words latex2mathml would keep the stroke of `\\_`."""
    return convert(WORDS.sub(lambda found: found[0].replace(r"\_", "_"), latex), **about)


def _inline(translator: object, node: nodes.math) -> NoReturn:
    translator.body.append(_mathml(node.astext()))
    raise nodes.SkipNode


def _block(translator: object, node: nodes.math_block) -> NoReturn:
    translator.body.append(f'<div class="math">{_mathml(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def _keep_apart(app: Sphinx, page: str, _: str, context: dict[str, Any], *others: object) -> None:
    around = app.builder.relations.get(page, ("", "", ""))[1:]
    for way, other in zip(("prev", "next"), around, strict=True):
        if other and other.startswith(FOR_TEACHERS) != page.startswith(FOR_TEACHERS):
            context[way] = None


def setup(app: Sphinx) -> None:
    """Have formulas written as MathML, and no way on from the lessons to a teacher's pages."""
    app.connect("html-page-context", _keep_apart)
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
