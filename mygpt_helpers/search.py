"""Beam search: several texts at once, and the tree that they are the branches of. For lesson 07."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .checks import check_device, check_ids, checked_count, checked_logits, checked_number
from .errors import InputError, PromptError
from .generation import check_not_stopped, tell_stopped
from .models import default_device, devices_of, mode, vocab_size_of
from .prompts import checked_ends, checked_prompt
from .readers import reader_of

MOST_PENALTY = 10.0  # n ** penalty must stay a number
KEPT, ENDED, PRUNED = "kept", "ended", "pruned"


@dataclass(frozen=True)
class Node:
    """One candidate of a level: a text of the level before, and a token more. For lesson 07."""

    token: int
    log_prob: float  # the token's, by the model, after that text: what stands on the edge
    score: float  # the sum of log_prob along the path from the prompt to here
    parent: int | None  # where that text stands in the level before; None in the first level
    state: str  # "kept" as a beam, "ended" by an end token, or "pruned"


Tree = tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, eq=False)
class Found:
    """What a beam search found, and everything that it looked at. Used from lesson 07 on.

    tree: the levels, the first new token's first; each holds its candidates, the best one first.
    """

    prompt_ids: Tensor  # (1, T)
    ids: Tensor  # (1, T + n): the best text, n at most max_new_tokens
    score: float  # the sum of its new tokens' log-probabilities, in nats
    ranked: tuple[tuple[Tensor, float], ...]  # all final texts and their scores, the best one first
    tree: Tree

    def __repr__(self) -> str:
        n = self.ids.shape[1] - self.prompt_ids.shape[1]
        nodes = sum(map(len, self.tree))
        return f"Found({n} new tokens of score {self.score:.3f}, {nodes} candidates looked at)"


@torch.no_grad()
def beam_search(
    model: nn.Module,
    prompt_ids: Tensor,
    max_new_tokens: int,
    num_beams: int,
    *,
    length_penalty: float = 0.0,
    eos_token_id: int | list[int] | None = None,
) -> Found:
    """Look for a likely continuation of one prompt (1, T), num_beams texts at a time.

    A text's score is the sum of its new tokens' log-probabilities. At each level every beam is
    continued by every token. The best candidates, 2 * num_beams of them (more where there are
    several end tokens), are what the tree shows, and the best num_beams of these go on. A text that
    an end token ends is final, if it is among the level's best num_beams. The search stops at
    max_new_tokens, or where no beam can come to surpass num_beams final texts. Final texts are
    ranked by score / n ** length_penalty, n their new tokens: 0 ranks by the score itself, above 0
    helps long texts. model: as for generate, read with its cache. num_beams=1 is greedy, for a
    length_penalty up to 0. An interrupt keeps the beams as they are. Raises ValueError, PromptError
    among them, for bad input. Built in lesson 07. Source: Graves 2012; Sutskever et al. 2014,
    sec. 3.2; length_penalty: Wu et al. 2016, sec. 7.
    """
    check_not_stopped()
    ids, mask = checked_prompt(prompt_ids, None)  # (1, T)
    if len(ids) != 1:
        raise PromptError(
            f"beam_search continues one prompt, shape (1, T); got {len(ids)} of them. "
            "prompt_ids[:1] is the first."
        )
    max_new_tokens = checked_count("max_new_tokens", max_new_tokens)
    num_beams = checked_count("num_beams", num_beams, "; 1 is greedy")
    penalty = _checked_penalty(length_penalty)
    ends, _ = checked_ends(eos_token_id, None, vocab_size_of(model))
    check_device("prompt_ids", ids, devices_of(model))
    last_logits = reader_of(model, ids, mask, max_new_tokens)

    tree: list[tuple[Node, ...]] = []
    beams, scores = ids, torch.zeros(1, device=ids.device)  # (B, T), (B,): at first B is 1
    rows, places = None, [None]  # where each beam stood among the last ones, and stands in the tree
    ended: list[float] = []  # what the final texts are ranked by
    width = max(2, 1 + len(ends)) * num_beams  # enough to go on, were all ends among the best
    try:
        with mode(model, training=False), default_device(ids.device):
            while places and len(tree) < max_new_tokens:
                logits = checked_logits(last_logits(beams, rows))  # (B, V)
                V = logits.shape[-1]
                if not tree:  # not every model says its V before
                    checked_ends(ends, None, V)
                    check_ids("prompt_ids", ids, V)
                log_probs = logits.log_softmax(dim=-1)  # (B, V)
                sums = (scores[:, None] + log_probs).flatten()  # (B * V,): every candidate
                best = _best(sums, width)  # (W,)
                rows, new, scores = best // V, best % V, sums[best]  # (W,) each
                level = _level(
                    new, log_probs.flatten()[best], scores, rows, places, ends, num_beams
                )
                n = len(tree) + 1
                ended += [x.score / n**penalty for x in level if x.state == ENDED]
                longest = max_new_tokens if penalty > 0 else n
                top = max((x.score for x in level if x.state == KEPT), default=-math.inf)
                if n < max_new_tokens and _is_settled(ended, num_beams, top / longest**penalty):
                    level = tuple(replace(x, state=PRUNED) if x.state == KEPT else x for x in level)
                tree.append(level)
                places = [place for place, x in enumerate(level) if x.state == KEPT]
                rows, scores = rows[places], scores[places]  # (B,) each
                beams = torch.cat([beams[rows], new[places, None]], dim=1)  # (B, T + n)
    except KeyboardInterrupt:
        tell_stopped(len(tree), max_new_tokens)
    return _found(ids, tuple(tree), penalty)


def path_to(tree: Tree, level: int, place: int) -> list[Node]:
    """Return the nodes from the first level to tree[level][place], that one included."""
    nodes: list[Node] = []
    for nodes_there in reversed(tree[: level + 1]):
        nodes.append(nodes_there[nodes[-1].parent if nodes else place])
    return nodes[::-1]


def _checked_penalty(value: float) -> float:
    """Return length_penalty as a float, or raise ValueError."""
    expected = f"a number from -{MOST_PENALTY} to {MOST_PENALTY}"
    penalty = checked_number("length_penalty", value, expected)
    if abs(penalty) > MOST_PENALTY:
        raise InputError(f"length_penalty must be {expected}, got {value!r}; 0 changes nothing.")
    return penalty


def _best(sums: Tensor, width: int) -> Tensor:
    """Return the places (W,) of the largest sums, the largest first, and on a tie the first one.

    W is width, or less: a candidate of probability 0 is none.
    """
    least = sums.topk(min(width, len(sums))).values[-1]
    places = (sums >= least).nonzero()[:, 0]
    places = places[sums[places].argsort(descending=True, stable=True)][:width]
    return places[sums[places].isfinite()]


def _level(
    new: Tensor,
    log_probs: Tensor,
    scores: Tensor,
    rows: Tensor,
    places: Sequence[int | None],
    ends: list[int],
    num_beams: int,
) -> tuple[Node, ...]:
    """Return a level's candidates, given as (W,) each, with what becomes of them."""
    nodes: list[Node] = []
    columns = (column.tolist() for column in (new, log_probs, scores, rows))
    going_on = 0
    for token, log_prob, score, row in zip(*columns, strict=True):
        if token in ends:
            state = ENDED if len(nodes) < num_beams else PRUNED
        else:
            state = KEPT if going_on < num_beams else PRUNED
            going_on += 1
        nodes.append(Node(token, log_prob, score, places[row], state))
    return tuple(nodes)


def _is_settled(ended: list[float], num_beams: int, best_to_come: float) -> bool:
    """Tell whether num_beams texts have ended that no beam can come to surpass."""
    return len(ended) >= num_beams and best_to_come <= sorted(ended)[-num_beams]


def _found(prompt_ids: Tensor, tree: Tree, penalty: float) -> Found:
    """Return the result: every text that ended, and the beams of the last level."""
    final = []
    for level, nodes in enumerate(tree):
        for place, node in enumerate(nodes):
            if node.state == ENDED or (node.state == KEPT and level == len(tree) - 1):
                tokens = [x.token for x in path_to(tree, level, place)]
                new = torch.tensor([tokens], device=prompt_ids.device)
                ids = torch.cat([prompt_ids, new], dim=1)  # (1, T + level + 1)
                final.append((node.score / (level + 1) ** penalty, ids, node.score))
    final.sort(key=lambda text: text[0], reverse=True)  # on a tie the shorter one stays first
    ranked = tuple((ids, score) for _, ids, score in final) or ((prompt_ids, 0.0),)
    return Found(prompt_ids, *ranked[0], ranked, tree)
