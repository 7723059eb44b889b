"""What model.generate makes of a call: what it raises, warns of, and takes from the checkpoint.

Used in lesson 08.
"""

from __future__ import annotations

import logging
import textwrap
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import WIDTH, InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_one_at_a_time = threading.RLock()  # a warning is caught for the whole process
OWN_FACTS = ("_token_id", "_version")  # how these end: facts of a checkpoint, not a taste


@dataclass(frozen=True, eq=False)
class Attempt:
    """What came of a call. returned: None if it raised. error: None if it returned.

    warnings: each as ("warned" or "logged", its class and message, without the path).
    """

    returned: Any = None
    error: Exception | None = None
    warnings: tuple[tuple[str, str], ...] = ()

    @property
    def told(self) -> list[tuple[str, str]]:
        """What was said: the warnings, and last ("raised", the error's class and last line)."""
        lines = [*self.warnings]
        if self.error is not None:
            kind, text = type(self.error).__name__, str(self.error).strip()
            lines.append(("raised", f"{kind}: {text.splitlines()[-1].strip()}" if text else kind))
        return lines

    def __repr__(self) -> str:
        said = [f"{sign} {text}" for sign, text in self.told] or ["no error, no warning"]
        broken = {"subsequent_indent": "  ", "break_long_words": False, "break_on_hyphens": False}
        return "\n".join(textwrap.fill(line, WIDTH, **broken) for line in said)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(("logged", f"{record.levelname}: {record.getMessage()}"))


def attempt(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Attempt:  # noqa: ANN401
    """Make a call, and return what it raised, warned of and returned, as in a fresh kernel.

    Python and transformers give many warnings once only; that they were given is forgotten before,
    so that a cell that is run again shows them again. Raises nothing but an interrupt. Used in
    lesson 08.
    """
    from transformers.utils import logging as its_logging

    logger, collector = its_logging.get_logger("transformers"), _Collector()
    with _one_at_a_time, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        its_logging.warning_once.cache_clear()
        before = logger.handlers, logger.level
        logger.handlers, _ = [collector], logger.setLevel(logging.WARNING)
        returned = error = None
        try:
            returned = call(*args, **kwargs)
        except Exception as raised:
            error = raised
        finally:
            logger.handlers, _ = before[0], logger.setLevel(before[1])
    said = [("warned", f"{w.category.__name__}: {w.message}") for w in caught]
    lines = [(sign, " ".join(text.split())) for sign, text in [*said, *collector.lines]]
    return Attempt(returned, error, tuple(lines))


@dataclass(frozen=True)
class GenerationSettings:
    """What a checkpoint's generation_config sets otherwise than the library, and its own facts.

    checkpoint, library: {setting: value}, the same settings in both. facts: the ids of its tokens.
    """

    checkpoint: dict[str, Any]
    library: dict[str, Any]
    facts: dict[str, Any]

    @property
    def call(self) -> str:
        """The call that gives the library's own defaults, whatever the checkpoint sets."""
        given = [f"{name}={value!r}" for name, value in self.library.items()]
        return f"model.generate({', '.join(['**inputs', *given])})"

    def __repr__(self) -> str:
        wide = max(map(len, [*self.checkpoint, "setting"]))
        lines = [f"{'setting':{wide}}  checkpoint  library"]
        for name, value in self.checkpoint.items():
            lines.append(f"{name:{wide}}  {value!s:10}  {self.library[name]}")
        lines = lines if self.checkpoint else ["This checkpoint sets nothing of its own."]
        facts = ", ".join(f"{name} {value}" for name, value in self.facts.items()) or "none"
        end = textwrap.fill(f"neutralised: {self.call}", WIDTH, subsequent_indent="  ")
        return "\n".join([*lines, f"its tokens: {facts}", end])


def generation_settings(model: PreTrainedModel) -> GenerationSettings:
    """Return what model.generation_config sets, beside the library's defaults.

    Raises ValueError for a model without one. Built in lesson 08. Source: transformers,
    GenerationConfig.
    """
    config = getattr(model, "generation_config", None)
    if config is None:
        raise InputError(
            f"a {type(model).__name__} has no generation_config; expected a model of transformers "
            "that writes, such as AutoModelForCausalLM.from_pretrained(...) gives."
        )
    defaults = config._get_default_generation_params()
    # What is not set is None, of some settings False; 0 is a token's id.
    given = [(n, v) for n, v in sorted(config.to_dict().items()) if v is not None]
    unset = [name for name, value in given if value is False and not defaults.get(name)]
    set_here = {n: v for n, v in given if v != defaults.get(n) and n not in unset}
    own = {n: v for n, v in set_here.items() if not n.endswith(OWN_FACTS) and n[0] != "_"}
    facts = {n: v for n, v in set_here.items() if n.endswith(OWN_FACTS[0])}
    return GenerationSettings(own, {name: defaults.get(name) for name in own}, facts)
