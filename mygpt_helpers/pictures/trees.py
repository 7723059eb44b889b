"""The tree of next tokens: what a beam search looked at, level by level. For lesson 07."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..checks import checked_count, kind_of
from ..errors import InputError
from ..search import ENDED, KEPT, PRUNED, Found
from .base import CHOSEN, CUT, DPI, FAINT, GREEDY, Picture, printable
from .base import KEPT as KEPT_COLOUR
from .labels import label_function
from .tables import visible, visible_title

GROWN = "grown"  # by a learner who went on from a node
SIGNS = {KEPT: "✓ kept", PRUNED: "✕ pruned", ENDED: "■ ended", GROWN: "+ grown"}
WIDTH, ROW = 8.4, 0.36  # inches
COLUMNS = 5  # levels that are shown at once, the last ones
MOST_ROWS = 16  # candidates of one level
TILE_CHARS, PATH_CHARS = 11, 40
Path = tuple[int, ...]
Labels = Callable[[int], str] | Sequence[str]


@dataclass(frozen=True)
class Branch:
    """One node of a drawn tree."""

    path: Path  # the ids of the new tokens from the prompt to here
    token: str
    log_prob: float
    score: float  # the sum of log_prob along the path
    state: str
    greedy: bool = False  # whether greedy's path leads here


@dataclass(frozen=True)
class TreeView:
    """What a picture of a tree shows: some levels of it, and one path that is chosen."""

    title: str
    prompt: str
    branches: Mapping[Path, Branch]  # in the order in which a level is drawn
    level: int  # so many levels are shown; at the search's last one, what was grown beyond it, too
    chosen: Path = ()

    def columns(self) -> dict[int, list[Branch]]:
        """Return the levels that are shown at once, {level: its nodes}."""
        last = self.level
        grown = [x.path for x in self.branches.values() if x.state == GROWN]
        depth = max((len(p) for p in self.branches if p not in grown), default=0)
        if last == depth:
            last = max([last, *(len(p) for p in grown if self.chosen in (p, p[:-1]))])
        found: dict[int, list[Branch]] = {
            n: [] for n in range(max(1, last - COLUMNS + 1), last + 1)
        }
        for branch in self.branches.values():
            n = len(branch.path)
            on_path = self.chosen[:n] == branch.path
            if n in found and (n <= self.level or branch.state == GROWN or on_path):
                found[n].append(branch)
        return found

    def on_path(self) -> list[Branch]:
        """Return the nodes from the prompt to the chosen one."""
        return [self.branches[self.chosen[: n + 1]] for n in range(len(self.chosen))]

    def heading(self) -> str:
        """Return the title, and which levels are shown."""
        shown = [*self.columns()]
        levels = "the prompt alone"
        if shown:
            levels = f"level {shown[0]}" if len(shown) == 1 else f"levels {shown[0]} to {shown[-1]}"
        return visible_title(f"{self.title}: {levels}")

    def facts(self) -> str:
        """Return what the chosen path adds up to."""
        if not self.chosen:
            return "chosen: the prompt itself, sum 0.00"
        n, total = len(self.chosen), self.branches[self.chosen].score
        many = "1 token" if n == 1 else f"{n} tokens"
        return f"chosen: {many}, sum {total:.2f}, mean {total / n:.2f}"


def checked_tree(found: Found, label_of: Labels) -> tuple[str, dict[Path, Branch]]:
    """Return the prompt's text and the nodes of a search, or raise ValueError."""
    if not isinstance(found, Found):
        raise InputError(f"a tree is what beam_search returns; got {kind_of(found)}.")
    text_of = text_maker(label_of)
    prompt = "".join(text_of(i) for i in found.prompt_ids[0].tolist())
    branches: dict[Path, Branch] = {}
    greedy: Path = ()
    paths: list[dict[int, Path]] = []
    for nodes in found.tree:
        num_pruned = MOST_ROWS - sum(node.state != PRUNED for node in nodes)
        if num_pruned < 0:
            raise InputError(f"a picture of a tree has room for {MOST_ROWS // 2} beams; use fewer.")
        paths.append({})
        for place, node in enumerate(nodes):
            path = (*(paths[-2][node.parent] if node.parent is not None else ()), node.token)
            paths[-1][place] = path
        below = [p for p in paths[-1].values() if p[:-1] == greedy and len(greedy) == len(p) - 1]
        # Of one text's candidates the best stands first: so greedy's, too, if it was looked at.
        greedy = below[0] if below else (-1,)
        for place, node in enumerate(nodes):
            path = paths[-1][place]
            num_pruned -= node.state == PRUNED
            if node.state != PRUNED or num_pruned >= 0 or path == greedy:
                text = text_of(node.token)
                about = (node.log_prob, node.score, node.state, path == greedy)
                branches[path] = Branch(path, text, *about)
    return prompt, ordered(branches)


def text_maker(label_of: Labels) -> Callable[[int], str]:
    """Return the function from an id to its text, which raises ValueError for what has none."""
    if not callable(label_of) and (isinstance(label_of, str) or not isinstance(label_of, Sequence)):
        raise InputError(
            "labels must be strings, one a token, or a function from an id to its text, such as "
            f"tokenizer.decode; got {kind_of(label_of)}."
        )
    function = label_function(label_of) if callable(label_of) else label_of.__getitem__

    def text_of(token_id: int) -> str:
        try:
            text = function(token_id)
        except IndexError:
            raise InputError(
                f"labels has {len(label_of)} strings, none for id {token_id}."
            ) from None
        if not isinstance(text, str):
            raise InputError(f"labels must be strings; id {token_id} has {kind_of(text)}.")
        return text

    return text_of


def ordered(branches: Mapping[Path, Branch]) -> dict[Path, Branch]:
    """Return nodes in the order of drawing: below one another what goes on from one text."""
    place: dict[Path, int] = {}
    levels: dict[int, list[Branch]] = {}
    for branch in branches.values():
        levels.setdefault(len(branch.path), []).append(branch)
    for n in sorted(levels):
        levels[n].sort(key=lambda x: (place.get(x.path[:-1], 0), -x.log_prob))
        place.update({x.path: i for i, x in enumerate(levels[n])})
    return {x.path: x for n in sorted(levels) for x in levels[n]}


def show_tree(
    found: Found, label_of: Labels, *, level: int | None = None, title: str = "Beam search"
) -> Picture:
    """Return the picture of a search's tree: what was kept and what pruned, level by level.

    found: what beam_search returned. label_of: an id's text, such as tokenizer.decode, or a list of
    strings. level: the last level shown, from 1; by default the last one. Each node has its token's
    log-probability and the sum along its path; greedy's path and the chosen text's are marked.
    Raises ValueError for what is no search's result, and for more than 8 beams. For lesson 07.
    """
    prompt, branches = checked_tree(found, label_of)
    depth = len(found.tree)
    level = (
        depth if level is None else checked_count("level", level, first=min(1, depth), last=depth)
    )
    view = TreeView(title, prompt, branches, level, best_path(found)[:level])
    return Picture(lambda: tree_figure(view), tree_text(view))


def best_path(found: Found) -> Path:
    """Return the ids of the best text's new tokens."""
    return tuple(found.ids[0, found.prompt_ids.shape[1] :].tolist())


def marks(branch: Branch, chosen: Path) -> list[str]:
    """Return what is said of a node: what became of it, and which paths lead through it."""
    on_path = chosen[: len(branch.path)] == branch.path
    return [SIGNS[branch.state], *["▲ greedy"] * branch.greedy, *["◆ chosen"] * on_path]


def row_of(branch: Branch) -> list[str | float]:
    """Return a node of the chosen path as the page has it: its token, its number, and the sum."""
    return [f'"{visible(branch.token, 24)}"', branch.log_prob, branch.score]


def tree_text(view: TreeView) -> str:
    """Return the text twin: each level's nodes with their log-probability, the sum, and marks."""
    lines = [view.heading(), f"prompt: {visible_title(view.prompt)}"]
    for n, nodes in view.columns().items():
        lines.append(f"level {n}")
        said = [_whole(view, x.path) for x in nodes]
        wide = max(map(len, said), default=0)
        for text, x in zip(said, nodes, strict=True):
            what = "  ".join(marks(x, view.chosen))
            lines.append(f"  {text:<{wide}}  {x.log_prob:6.2f}  sum {x.score:7.2f}  {what}")
    lines.append(view.facts())
    for branch in view.on_path()[-MOST_ROWS:]:
        label, log_prob, score = row_of(branch)
        lines.append(f"  {label}  {log_prob:.2f}  {score:.2f}")
    return "\n".join(lines)


def _whole(view: TreeView, path: Path) -> str:
    """Return the text of a path, cut at its start if it is long."""
    tokens = (view.branches[path[: n + 1]].token for n in range(len(path)))
    text = "".join(visible(token, PATH_CHARS) for token in tokens)
    return f'"{text}"' if len(text) <= PATH_CHARS else f'"…{text[1 - PATH_CHARS :]}"'


def tree_figure(view: TreeView) -> Figure:
    """Return the picture: a column for each level, and an edge for each token."""
    columns = view.columns()
    rows = max([1, *map(len, columns.values())])
    height = 0.75 + ROW * rows + 0.75
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    axes = figure.add_axes((0.01, 0.62 / height, 0.98, ROW * rows / height))
    axes.set(xlim=(-0.16, COLUMNS + 0.02), ylim=(rows, 0))
    axes.axis("off")
    about = {"parse_math": False, "va": "center"}
    figure.text(0.02, 1 - 0.22 / height, printable(view.heading()), weight="bold", **about)
    before: dict[Path, float] = {(): rows / 2}
    for x, (n, nodes) in enumerate(columns.items()):
        axes.text(x + 0.62, -0.35, f"level {n}", size=8, ha="center", alpha=FAINT)
        here = {}
        for y, branch in enumerate(nodes):
            top = y + (rows - len(nodes)) / 2
            here[branch.path] = top + 0.5
            start = before.get(branch.path[:-1], top + 0.5)
            _node(axes, x, (start, top), branch, view.chosen)
        before = here
    legend = "on an edge: log-probability  ·  Σ: sum along the path"
    states = {x.state for nodes in columns.values() for x in nodes}
    signs = "   ".join(
        [*(sign for state, sign in SIGNS.items() if state in states), "▲ greedy", "◆ chosen"]
    )
    text = visible_title(view.prompt + "".join(x.token for x in view.on_path()), 110)
    for line, said in enumerate([printable(text), f"{view.facts()}  ·  {legend}", signs]):
        figure.text(0.02, (0.5 - 0.19 * line) / height, said, size=8, **about)
    return figure


def _node(axes: Axes, x: int, at: tuple[float, float], branch: Branch, chosen: Path) -> None:
    """Draw one node and the edge that leads to it; at: where that starts, and the node's top."""
    start, top = at
    said = marks(branch, chosen)
    on_path, pruned = said[-1] == "◆ chosen", branch.state == PRUNED
    colour = CHOSEN if on_path else GREEDY if branch.greedy else CUT if pruned else KEPT_COLOUR
    dashes = {"ls": (0, (3, 2)) if pruned else "-", "lw": 1.8 if on_path or branch.greedy else 1}
    axes.plot([x - 0.04, x + 0.1], [start, top + 0.5], color=colour, **dashes)
    axes.plot([x + 0.1, x + 0.32], [top + 0.5] * 2, color=colour, **dashes)
    about = {"parse_math": False, "va": "center", "alpha": FAINT if pruned else 1}
    axes.text(x + 0.21, top + 0.3, f"{branch.log_prob:.2f}", size=6.5, ha="center", **about)
    box = Rectangle((x + 0.32, top + 0.06), 0.64, 0.88, fill=False, ec=colour, **dashes)
    axes.add_patch(box)
    token = printable(visible(branch.token, TILE_CHARS), TILE_CHARS)
    signs = "".join(mark[0] for mark in said)
    axes.text(x + 0.64, top + 0.32, token or '""', size=7.5, ha="center", **about)
    axes.text(x + 0.64, top + 0.72, f"Σ {branch.score:.2f} {signs}", size=6.5, ha="center", **about)
