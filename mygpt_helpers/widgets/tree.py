"""The tree of a search, to branch off from wherever one likes. First used in lesson 07."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import traitlets
from torch import Tensor

from ..checks import checked_count, checked_numbers, is_many, kind_of
from ..errors import InputError
from ..pictures.base import LABEL_CHARS
from ..pictures.tables import visible, visible_title
from ..pictures.trees import (
    COLUMNS,
    ENDED,
    GROWN,
    MOST_ROWS,
    SIGNS,
    Branch,
    Labels,
    Path,
    TreeView,
    best_path,
    checked_tree,
    ordered,
    row_of,
    text_maker,
    tree_figure,
    tree_text,
)
from ..search import Found
from .base import LivePicture, Place, Shown, Slider, browser_code

MOST_CHILDREN = 8
Grow = Callable[[Tensor], tuple[Tensor, Tensor]]


class TreeWidget(LivePicture):
    """A search's tree under a slider for its levels; a node that is chosen grows new branches.

    found: what beam_search returned, for at most 8 beams. label_of: an id's text, such as
    tokenizer.decode, or a list of strings. grow: called as grow(ids), with the ids (1, T) of prompt
    and chosen text, returns (token ids, log-probabilities), up to 8 each: the branches from there;
    what it raises is said in the widget, and the tree stays. Without it the tree does not grow.
    `level`, from 1, is an attribute too, as is `chosen`, the ids of the chosen text's new tokens
    as a text, "12,5". Raises ValueError for what is no search's result. Used from lesson 07 on.
    """

    _esm = browser_code("scroller", "tree")
    question = ("asked",)

    level = Place().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    asked = traitlets.Unicode().tag(sync=True)  # a number, and the node to grow: "3 12,5"

    def __init__(
        self,
        found: Found,
        label_of: Labels,
        grow: Grow | None = None,
        *,
        title: str = "Beam search",
    ) -> None:
        """Send the tree to the browser."""
        if grow is not None and not callable(grow):
            raise InputError(f"grow must be a function of ids (1, T), got {kind_of(grow)}.")
        self._grow, self._text_of, self._title = grow, text_maker(label_of), title
        self._prompt, self._found = checked_tree(found, label_of)
        self._prompt_ids = found.prompt_ids
        depth = len(found.tree)
        data = {
            "title": visible_title(title),
            "prompt": visible_title(self._prompt, 1000),
            "nodes": [*map(_sent, self._found.values())],
            "signs": SIGNS,
            "columns": COLUMNS,
            "rows": MOST_ROWS,
            "grows": grow is not None,
        }
        slider = Slider("level", "level", stops=[*range(1, depth + 1)] or [0])
        chosen = ",".join(map(str, best_path(found)))
        super().__init__(label=title, data=data, sliders=[slider], level=depth, chosen=chosen)

    @property
    def _branches(self) -> dict[Path, Branch]:
        return self._good or self._found  # an answer that was dropped leaves nothing behind

    @traitlets.validate("chosen")
    def _validate_chosen(self, proposal: traitlets.Bunch) -> str:
        self._path(proposal.value)
        return proposal.value

    def _path(self, key: str) -> Path:
        """Return the ids in a text such as "12,5", or raise ValueError where no node is there."""
        path = tuple(int(i) if i.isdecimal() else -1 for i in key.split(",")) if key else ()
        if path and path not in self._branches:
            raise InputError(f"this tree has no node {key!r}; its nodes are their paths' ids.")
        return path

    @property
    def ids(self) -> Tensor:
        """The chosen text, (1, T): the prompt's ids and those of the path."""
        return self._ids_of(self._path(self.chosen))

    def _ids_of(self, path: Path) -> Tensor:
        new = torch.tensor([path], dtype=torch.long, device=self._prompt_ids.device)
        return torch.cat([self._prompt_ids, new], dim=1)  # (1, T)

    def answer(self, asked: str) -> tuple[dict[Path, Branch], dict[str, Any]]:
        """Grow the node that was asked for, if it has no branches; see LivePicture."""
        path = self._path(asked.partition(" ")[2])
        branches = self._branches
        if asked and not any(other[:-1] == path for other in branches):
            branches = ordered(branches | self._children(path))
        return branches, {"grown": [_sent(x) for x in branches.values() if x.state == GROWN]}

    def _children(self, path: Path) -> dict[Path, Branch]:
        """Return what the learner's function grows from a node, or raise ValueError."""
        if self._grow is None:
            raise InputError("this tree does not grow: TreeWidget(found, label_of, grow) would.")
        if path and self._branches[path].state == ENDED:
            raise InputError("this text has ended: choose another node.")
        with torch.no_grad():
            came = self._grow(self._ids_of(path))
        if not isinstance(came, tuple | list) or len(came) != 2 or not all(map(is_many, came)):
            raise InputError(
                f"grow must return (token ids, log-probabilities), got {kind_of(came)}."
            )
        tokens, log_probs = ([*many] for many in came)
        if len(tokens) != len(log_probs) or not 1 <= len(tokens) <= MOST_CHILDREN:
            raise InputError(
                f"grow must return as many log-probabilities as ids, 1 to {MOST_CHILDREN}; "
                f"got {len(tokens)} ids and {len(log_probs)} log-probabilities."
            )
        tokens = [checked_count("a token's id", token, first=0) for token in tokens]
        log_probs = checked_numbers("log_probs", log_probs)
        if not all(-float("inf") < log_prob <= 1e-3 for log_prob in log_probs):
            raise InputError("log-probabilities are 0 or less: logits.log_softmax(-1) makes them.")
        start = self._branches[path].score if path else 0.0
        return {
            (*path, i): Branch((*path, i), self._text_of(i), log_prob, start + log_prob, GROWN)
            for i, log_prob in zip(tokens, log_probs, strict=True)
        }

    def shown(self) -> Shown:
        """Return what is shown of the tree, and the chosen path with its sums."""
        chosen = self._path(self.chosen)
        view = TreeView(self._title, self._prompt, self._branches, self.level, chosen)
        total = self._branches[chosen].score if chosen else 0.0
        n = len(chosen)
        page = {
            "title": view.heading(),
            "facts": [n, abs(total), abs(total / n)] if n else [0],
            "rows": [row_of(x) for x in view.on_path()[-MOST_ROWS:]],
        }
        return Shown(tree_text(view), lambda: tree_figure(view), page)


def _sent(branch: Branch) -> list[Any]:
    """Return a node as the browser needs it."""
    token = branch.token
    texts = [visible(token, LABEL_CHARS), visible(token, 1000), visible_title(token, 1000)]
    key = ",".join(map(str, branch.path))
    return [key, texts, branch.log_prob, branch.score, branch.state, branch.greedy]
