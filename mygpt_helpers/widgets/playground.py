"""Any prompt, any model, all knobs: write, choose another token, go on. For lesson 14."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
import traitlets
from torch import Tensor, nn

from ..checks import checked_count, checked_model, checked_text, is_many, is_whole, kind_of
from ..errors import InputError
from ..generation import NEUTRAL, Step, generate
from ..models import device_of, vocab_size_of
from ..pictures.labels import label_function
from ..pictures.traces import Written
from ..sampling import LOOKING_BACK
from .base import Level, LivePicture, Place, Shown, Slider, browser_code
from .inputs import STOPS, TEMPERATURES, TOP_KS, off_stop
from .likelihood import ColouredText
from .runs import label_maker, written_by

TITLE = "Playground"
NEEDS = "import random, torch; from mygpt_helpers import generate"
MOVED = "The prompt or a knob has moved since this text was written: press write."
MOST_SECONDS = 30.0
TELL_SECONDS = 0.1
LENGTHS = [*range(1, 21), 25, 30, 40, 50, 60, 80, 100]
KNOBS = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "no_repeat_ngram_size")
SETTINGS = ("prompt", "greedy", *KNOBS, "seed", "max_new_tokens")


class Token(NamedTuple):
    """A token of a text that was written, and what else could stand in its place."""

    id: int
    written: Written
    others: list[int]  # the ids of its distribution's rows

    def instead(self, row: int) -> Token:
        """Return the token of another row in its place."""
        shown = self.written.distribution
        changes = {"token": shown.labels[row], "own": shown.after[row], "u": None}
        if row != shown.chosen:  # the rows above are the top ones, in their order
            changes["rank"] = row + 1
        written = replace(self.written, **changes, distribution=replace(shown, chosen=row))
        return Token(self.others[row], written, self.others)


class Run(NamedTuple):
    """A text on the screen, and what it came from."""

    settings: dict[str, Any]
    prompt_ids: list[int]
    tokens: list[Token]
    code: str
    before: Run | None  # where the way back leads


class PlaygroundWidget(LivePicture):
    """A prompt, all knobs of generate, and the text, coloured by how likely each token was.

    model: any that generate takes. tokenizer: encode(text) returns a list of ids, decode(ids) their
    text. A press on one of a token's alternatives puts it there and goes on; "back" leads to the
    text before. prompt, the knobs, seed, max_new_tokens and greedy (0 or 1) are attributes, and say
    where the sliders start. eos_token_id: what ends a text, as in generate. `ids` (1, T), `text`
    and `code` are those on the screen; `code` is the line that gives the text again. What fails is
    said in the widget, and the text stays. A text ends early after 30 seconds. Raises ValueError
    for what is no model, tokenizer or setting. Used in lesson 14.
    """

    _esm = browser_code("bars", "flow", "playground")
    question = ("asked",)

    prompt = traitlets.Unicode().tag(sync=True)
    greedy, seed, max_new_tokens = (Place().tag(sync=True) for _ in range(3))
    temperature, top_p, min_p, repetition_penalty = (Level().tag(sync=True) for _ in range(4))
    top_k, no_repeat_ngram_size = (Place().tag(sync=True) for _ in range(2))
    token = traitlets.Int(0).tag(sync=True)  # the one that is looked at
    asked = traitlets.Unicode().tag(sync=True)  # "3 write", "4 back", "5 go 12 1": place and row
    _progress = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,  # noqa: ANN401 - whatever encodes and decodes
        *,
        prompt: str,
        num_alternatives: int = 5,
        eos_token_id: int | list[int] | None = None,
        **start: float,
    ) -> None:
        """Write the first text."""
        self._model, self._tokenizer, self._ends = checked_model(model), tokenizer, eos_token_id
        for name in ("encode", "decode"):
            if not callable(getattr(tokenizer, name, None)):
                raise InputError(f"tokenizer must have {name}, got {kind_of(tokenizer)}.")
        V = vocab_size_of(model) or getattr(tokenizer, "vocab_size", None)
        self._vocab_size = V = checked_count("the model's or the tokenizer's vocab_size", V)
        self._num_rows = min(V, checked_count("num_alternatives", num_alternatives))
        decode = label_function(tokenizer.decode)  # of transformers' tokenizers, token_text
        one = decode if decode != tokenizer.decode else lambda i: tokenizer.decode([i])
        self._text_of: Callable[[int], str] = label_maker(one, V)
        off = {knob: off_stop(knob, V) for knob in KNOBS} | {"no_repeat_ngram_size": (0, " (off)")}
        stops = {"temperature": TEMPERATURES, "top_k": sorted({k for k in TOP_KS if k < V} | {V})}
        stops |= STOPS | {"no_repeat_ngram_size": [0, 1, 2, 3, 4, 5, 6]}
        sliders = [
            Slider("choice", "greedy", ["drawn", "greedy"]),
            *(Slider(knob, knob, stops=stops[knob], off=off[knob]) for knob in KNOBS),
            Slider("seed", "seed", stops=[*range(100)]),
            Slider("max_new_tokens", "max_new_tokens", stops=LENGTHS),
        ]
        state = {knob: off[knob][0] for knob in KNOBS if off[knob]} | {"temperature": 1.0}
        state |= {"greedy": 0, "seed": 0, "max_new_tokens": 20}
        if unknown := start.keys() - state:
            raise InputError(f"no such setting: {min(unknown)!r}; use {', '.join(state)}.")
        prompt = checked_text("prompt", prompt).encode(errors="replace").decode()
        data = {"title": TITLE, "rows": self._num_rows, "settings": SETTINGS, "moved": MOVED}
        state |= start | {"prompt": prompt, "asked": "0 write"}
        super().__init__(label=TITLE, data=data | {"needs": NEEDS}, sliders=sliders, **state)

    def answer(self, asked: str) -> tuple[Run, dict[str, Any]]:
        """Write a text, go on from another token, or go back; see LivePicture."""
        _, what, *places = asked.split(" ")
        now: Run | None = self._good
        if what == "write":
            ids = self._tokenizer.encode(self.prompt)
            if not is_many(ids) or not all(map(is_whole, ids)):
                raise InputError(f"tokenizer.encode must return a list of ids, got {ids!r:.80}.")
            run = self._written(self._settings(), [*map(int, ids)], [])
        elif now is None or (what == "back" and now.before is None):
            raise InputError("there is no text to go back to, or on from: press write.")
        elif what == "back":
            run = now.before
            for name, value in run.settings.items():
                setattr(self, name, value)
        else:
            place, row = map(int, places)
            kept = [*now.tokens[:place], now.tokens[place].instead(row)]
            settings = self._settings() | {"prompt": now.settings["prompt"]}
            run = self._written(settings, now.prompt_ids, kept)
        sent = {"settings": run.settings, "code": run.code, "first": run.before is None}
        return run, {"text": self._shown_text(run).sent() | sent}

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SETTINGS}

    def _knobs(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the knobs that change something, as generate takes them."""
        neutral = NEUTRAL | {"top_k": self._vocab_size, "no_repeat_ngram_size": 0}
        names = LOOKING_BACK if settings["greedy"] else KNOBS
        used = {name: settings[name] for name in names if settings[name] != neutral[name]}
        return used | ({"top_k": 1} if settings["greedy"] else {})

    def _written(self, settings: dict[str, Any], prompt_ids: list[int], kept: list[Token]) -> Run:
        """Return the text that goes on from a prompt and the tokens that were kept after it."""
        seed, most = settings["seed"], settings["max_new_tokens"]
        knobs, device = self._knobs(settings), device_of(self._model)
        fixed = [token.id for token in kept]
        start = torch.tensor([prompt_ids + fixed], dtype=torch.long, device=device)  # (1, T)
        new: list[Token] = []
        begun = told = time.monotonic()

        def watch(step: Step) -> None:
            nonlocal told
            new.append(self._token(step))
            now = time.monotonic()
            if now - begun > MOST_SECONDS:
                raise TimeoutError
            if now - told > TELL_SECONDS:
                told, self._progress = now, f"Writing: {len(new)} of {most} tokens…"

        draws = {} if settings["greedy"] else {"generator": random.Random(seed)}
        try:
            with contextlib.suppress(TimeoutError):
                also = draws | {"eos_token_id": self._ends, "on_step": watch}
                generate(self._model, start, most, **knobs, **also)
        finally:
            self._progress = ""
        if not new:
            raise InputError("interrupted before the first token: press write.")
        given = f"tokenizer.encode({settings['prompt']!r})" + (f" + {fixed}" if fixed else "")
        place = "" if device == torch.get_default_device() else f", device={str(device)!r}"
        arguments = [f"model, torch.tensor([{given}]{place}), {len(new)}"]
        arguments += [f"{name}={value!r}" for name, value in knobs.items()]
        arguments += [f"generator=random.Random({seed})"] if draws else []
        code = f"tokenizer.decode(generate({', '.join(arguments)})[0].tolist())"
        return Run(settings, prompt_ids, kept + new, code, self._good)

    def _token(self, step: Step) -> Token:
        [written] = written_by([step], self._text_of, self._num_rows, knobs=False)
        logits = step.logits.detach().cpu().float()  # (V,)
        rows = logits.argsort(descending=True, stable=True)[: self._num_rows].tolist()
        rows[written.distribution.chosen] = step.chosen
        return Token(step.chosen, written, rows)

    def _shown_text(self, run: Run) -> ColouredText:
        written = [token.written for token in run.tokens]
        return ColouredText.of(TITLE, run.prompt_ids, self._text_of, written)

    def _run(self) -> Run:
        if self._good is None:
            raise InputError(f"there is no text yet: {self._answer['error']}")
        return self._good

    @property
    def ids(self) -> Tensor:
        """The text on the screen, (1, T): the prompt's ids and the new ones."""
        run = self._run()
        ids = [*run.prompt_ids, *(token.id for token in run.tokens)]
        return torch.tensor([ids], device=device_of(self._model))

    @property
    def text(self) -> str:
        """The text on the screen."""
        return self._tokenizer.decode(self.ids[0].tolist())

    @property
    def code(self) -> str:
        """The line of Python that gives this text again."""
        return self._run().code

    def shown(self) -> Shown:
        """Return what is shown of the text, and the line that gives it again."""
        run: Run | None = self._good
        if run is None:
            return Shown("", None, {})
        token = min(max(self.token, 0), len(run.tokens) - 1)
        text, draw, page = self._shown_text(run).shown(token)
        moved = MOVED if run.settings != self._settings() else ""
        page["rows"] += [["line", run.code], ["needs", NEEDS]]
        page["note"] = self._answer.get("error") or moved
        return Shown(f"{text}\n{run.code}", draw, page)
