"""The card of all knobs, at the end of lesson 06: each of its cells is what the library does."""

from __future__ import annotations

import json
import math
import re
from functools import cache, reduce
from inspect import signature

import pytest
import torch
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel, LogitsProcessorList

from mygpt_helpers import sampling
from tools.refresh import LESSONS

HEADINGS = ("knob", "rule", "formula", "default", "lesson")
IDS = torch.tensor([3, 5, 9, 3, 5, 7, 3, 5])
VALUES = {  # what each knob is tried with
    "sequence_bias": [[[[4], 2.5], [[3, 5, 8], -1.5], [[9, 9, 9], 7.0]]],
    "repetition_penalty": [1.3, 0.5],
    "no_repeat_ngram_size": [1, 2, 3, 4],
    "bad_words_ids": [[[4], [5, 8], [9, 2]], [[3, 5, 1]]],
    "suppress_tokens": [[4, 11]],
    "logits_processor": [[lambda ids, z: z + ids[0, -1], lambda ids, z: z * 2]],
    "temperature": [0.3, 1.7],
    "top_k": [1, 5, 40],
    "top_p": [0.05, 0.5, 0.95],
    "min_p": [0.05, 0.5, 1.0],
    "do_sample": [True, False],
}
SAMPLING = ["temperature", "top_k", "top_p", "min_p"]  # what do_sample switches on
RULES = {  # in words, as the functions of sampling.py that are named say it too
    "sequence_bias": (
        "add a number to the logit of a sequence's last token, when the text ends with the others",
        None,
    ),
    "repetition_penalty": ("lower the logit of every token of the text", "penalize_repetition"),
    "no_repeat_ngram_size": ("ban what would repeat a run of x tokens", "ban_repeated_ngrams"),
    "bad_words_ids": ("ban a sequence's last token, when the text ends with the others", None),
    "suppress_tokens": ("ban each of these tokens", None),
    "logits_processor": ("apply rules of your own, one after the other", None),
    "temperature": ("divide the logits", "apply_temperature"),
    "top_k": ("keep the x most likely tokens", "keep_top_k"),
    "top_p": ("keep the smallest set that reaches probability x", "keep_top_p"),
    "min_p": ("keep what is at least x times as likely as the top token", "keep_min_p"),
    "do_sample": ("draw from the distribution, or take the top token", "draw"),
}


DEFAULTS = GenerationConfig()._get_default_generation_params()  # what None becomes


@cache
def lesson(number: str) -> str:
    """Return the text of a lesson, or "" where it is not there yet."""
    paths = [path for path in LESSONS if path.stem.startswith(number)]
    cells = json.loads(paths[0].read_text("utf-8"))["cells"] if paths else []
    return "\n".join("".join(cell["source"]) for cell in cells)


def card() -> list[dict[str, str]]:
    """Return the rows of the lesson's card, {heading: cell}."""
    lines = [line for line in lesson("06").splitlines() if line.startswith("| `")]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(HEADINGS, row, strict=True)) for row in rows]


@cache
def model() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    sizes = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16, "initializer_range": 2.0}
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=30, bos_token_id=0, eos_token_id=None, **sizes)
    ).eval()


def processors(logits_processor: list = (), **knobs: object) -> LogitsProcessorList:
    """Return what generate makes of knobs, when it samples."""
    config = GenerationConfig(**{"do_sample": True} | knobs)
    config._eos_token_tensor = None  # as generate has it where a model has no end token
    own = LogitsProcessorList(logits_processor)
    return model()._get_logits_processor(config, len(IDS), logits_processor=own)


def by_formula(formula: str, z: torch.Tensor, x: object) -> torch.Tensor:
    """Return what the card's formula makes of logits (V,)."""
    names = {"z": z, "p": z.softmax(-1), "i": torch.arange(len(z)), "ids": IDS, "x": x}
    names["runs"] = IDS.unfold(0, x, 1).tolist() if type(x) is int and x <= len(IDS) else None
    ordered, order = names["p"].sort(descending=True)
    names["before"] = (ordered.cumsum(-1) - ordered)[order.argsort()]
    names["ends"] = lambda s: IDS[len(IDS) - len(s) :].tolist() == s
    names |= {n: getattr(torch, n) for n in ("where", "isin", "tensor", "argmax", "multinomial")}
    return eval(
        formula,
        {"__builtins__": {"sum": sum, "len": len, "min": min, "reduce": reduce}, "inf": math.inf}
        | names,
    )


def by_library(knob: str, z: torch.Tensor, x: object) -> torch.Tensor:
    """Return what the library makes of them."""
    if knob == "do_sample":
        about = {"max_new_tokens": 1, "do_sample": x, "top_k": 0, "pad_token_id": 0}
        return model().generate(IDS[None], **about)[0, -1:]
    return processors(**{knob: x})(IDS[None], z[None])[0]


def same(knob: str, formula: str, x: object) -> bool:
    """Tell whether a formula and the library give the same, on logits of different shapes."""
    for seed, scale in enumerate((0.3, 1.0, 4.0)):
        z = scale * torch.randn(30, generator=torch.Generator().manual_seed(seed)).double()
        if knob == "do_sample":
            z = model()(IDS[None]).logits[0, -1]
        both = []
        for rule in (lambda: by_formula(formula, z, x), lambda: by_library(knob, z, x)):  # noqa: B023
            torch.manual_seed(seed)
            both.append(rule().reshape(-1))
        if both[0].shape != both[1].shape or not torch.allclose(*both):
            return False
    return True


def complaints(row: dict[str, str]) -> list[str]:
    """Return what is wrong in a row of the card."""
    knob, found = row["knob"], []
    words, function = RULES[knob]
    if row["rule"] != words:
        found.append(f"the rule is {words!r}")
    try:
        if not all(same(knob, row["formula"], x) for x in VALUES[knob]):
            found.append("the formula is another rule than the library's")
    except Exception as error:
        found.append(f"the formula fails: {error!r}")
    if row["default"] != repr(DEFAULTS.get(knob)):
        found.append(f"the default is {DEFAULTS.get(knob)!r}")
    number = row["lesson"]
    doc = getattr(sampling, function).__doc__ if function else "Built in lesson 06"
    if number != re.search(r"Built in lesson\s+(\d+)", doc)[1]:
        found.append(f"it is taught in another lesson than {number}")
    text = lesson(number)
    names = rf"\b({knob}|{function})\b"  # lesson 03 says draw
    if text and len(re.findall(names, text)) < 1 + (number == "06"):
        found.append(f"lesson {number} does not mention it")
    return found


def test_the_knobs_are_the_librarys_in_its_order():
    together = {knob: values[0] for knob, values in VALUES.items()} | {"top_k": 5}
    alone = [processors(**{knob: x}) for knob, x in together.items() if knob != "do_sample"]
    assert [*map(type, processors(**together))] == [type(one) for each in alone for one in each]
    assert [row["knob"] for row in card()] == [*VALUES]
    assert signature(model().generate).parameters["logits_processor"].default is None


def test_a_default_is_off_but_for_top_k():
    off = {knob: DEFAULTS.get(knob) for knob in VALUES if knob != "logits_processor"} | {"top_k": 0}
    assert not processors(**off | {"do_sample": True})
    on = {knob: values[0] for knob, values in VALUES.items() if knob in SAMPLING}
    assert [*on] == SAMPLING and not processors(**on | {"do_sample": False})
    assert GenerationConfig().top_k is None


@pytest.mark.parametrize("row", card(), ids=lambda row: row["knob"])
def test_a_row_is_what_the_library_does(row):
    assert complaints(row) == []


@pytest.mark.parametrize("heading", HEADINGS[1:])
@pytest.mark.parametrize("row", card(), ids=lambda row: row["knob"])
def test_a_wrong_cell_is_noticed(row, heading):
    others = [other[heading] for other in card() if other[heading] != row[heading]]
    for cell in (others[0], others[-1], "", row[heading] + " + 1"):
        assert complaints(row | {heading: cell}), cell
