"""The health check of lesson 00: is everything here that the course needs?"""

from __future__ import annotations

import gc
import html
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..clinic import generation_settings
from ..console import running_cell
from ..errors import CheckpointError
from .cache import COMMAND

LIBRARIES = ["torch", "transformers", "jupyterlab", "ipywidgets", "anywidget", "matplotlib", "rich"]
REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"


@dataclass(frozen=True)
class Finding:
    """One line of the check."""

    name: str
    word: str  # "ok", or what is the matter: the same on every machine that is well
    detail: str  # versions, paths and times: of this machine alone


class HealthReport:
    """What was found. Shows details live; what is stored and compared is each line's one word."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings

    def __repr__(self) -> str:
        return "\n".join(f"{f.name:<14} {f.word}" for f in self.findings)

    def html(self) -> str:
        """Return the report with its details, as a table."""
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left;padding-right:1.5em'>{html.escape(f.name)}"
            f"</th><td style='padding-right:1.5em'>{html.escape(f.word)}</td>"
            f"<td style='text-align:left'>{html.escape(f.detail)}</td></tr>"
            for f in self.findings
        )
        style = "color:var(--jp-content-font-color1,inherit);line-height:1.6"
        caption = "<caption style='text-align:left'>Health check</caption>"
        return f"<table style='{style}'>{caption}{rows}</table>"

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        # What is stored and compared has no page: it never meets the details.
        details = {"text/html": self.html()} if running_cell()[0] else {}
        return {"text/plain": repr(self)} | details


def health_check() -> HealthReport:
    """Look at Python, the libraries, the model and this machine's speed. Used in lesson 00.

    A model whose generation_config sets more than its tokens has a line for that (lesson 08).
    """
    return HealthReport([_python(), *map(_library, LIBRARIES), *_model()])


def _python() -> Finding:
    found = f"{platform.python_version()} ({sys.executable})"
    ok = sys.version_info >= (3, 11)
    return Finding("Python", "ok" if ok else "too old: 3.11 or newer is needed", found)


def _library(name: str) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name, "missing: run make lab again", "")
    pins = REQUIREMENTS.read_text("utf-8").splitlines() if REQUIREMENTS.exists() else []
    wanted = dict(line.split("==") for line in pins if "==" in line).get(name, found)
    # A local label such as +cpu says how it was built, not which version it is.
    if found.split("+")[0] == wanted:
        return Finding(name, "ok", found)
    return Finding(name, "another version: outputs may differ", f"{found}, made with {wanted}")


def _model() -> list[Finding]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from .model import lesson_checkpoint

    try:
        checkpoint = lesson_checkpoint()
        start = time.perf_counter()
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
        loading = time.perf_counter() - start
    except CheckpointError as error:
        return [Finding("model", " ".join(str(error).split()), "")]
    except Exception as error:  # whatever a damaged model makes the libraries raise
        said = " ".join(f"{type(error).__name__}: {error}".split())
        mend = f"Unset MYGPT_CHECKPOINT if it is set, or run: {COMMAND}"
        return [Finding("model", f"cannot be loaded ({said}). {mend}", "")]
    ids = tokenizer("I had some beer from the", return_tensors="pt")["input_ids"]  # (1, T)
    times = []
    with torch.inference_mode():
        for _ in range(6):
            start = time.perf_counter()
            model(ids)
            times.append(time.perf_counter() - start)
    size = f"{sum(p.numel() for p in model.parameters()):,} parameters"
    settings = generation_settings(model)
    given = ", ".join(f"{name}={value!r:.40}" for name, value in settings.checkpoint.items())
    own = Finding("its generate", f"sets {given}: see lesson 08", f"without: {settings.call}")
    del model  # the lesson loads its own: two at once would need twice the memory
    gc.collect()
    median = statistics.median(times[1:])  # the first one warms up
    return [
        Finding("model", "ok", f"{size}, loaded in {loading:.1f} s from {checkpoint}"),
        *([own] if given else []),
        Finding(
            "forward pass", "ok", f"{1000 * median:.0f} ms, so about {1 / median:.1f} tokens/s"
        ),
    ]
