"""The teacher's pages: one for each lesson, and nothing in them that the lesson does not have."""

import json
import re
from pathlib import Path

import pytest

from mygpt_helpers.exercises.core import exercises
from mygpt_helpers.exercises.questions import questions

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "teaching"
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
PARTS = ["Ask aloud", "What learners get wrong", "On the wall"]
MINUTES = r"\*\*Time\*\* about \d+ minutes, and \d+ more for all the exercises\."


def cells(lesson, kind):
    notebook = json.loads(lesson.read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == kind]


def headings(text):
    return re.findall(r"^#+ (.+?)\s*$", text, re.M)


def stand_below(lesson):
    """Return each picture with the heading that stands next above it, as the lesson has them."""
    notebook = json.loads(lesson.read_text(encoding="utf-8"))
    found, above = set(), ""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            found |= {(name, above) for name in re.findall(r"\b(\w+Widget|show_\w+)\(", source)}
        else:
            above = [above, *headings(source)][-1]
    return found


def faults(lesson, page):
    """Return what a page names that its lesson does not have, and what it lacks."""
    texts, code = cells(lesson, "markdown"), "\n".join(cells(lesson, "code"))
    number, title = lesson.name[:2], headings(texts[0])[0]
    there = {one.name for one in (*exercises(number), *questions(number))}
    named = set(re.findall(r"\b\d\d\.[a-z]\w*", page))
    prose = " ".join(page.split())
    sections = set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", prose))
    drawn = set(re.findall(r"`(\w+Widget|show_\w+)`", page))
    placed = set(re.findall(r"`(\w+Widget)` in \*([^*]+)\*", prose))
    asked = re.findall(r"^\d\. .*\?", page.split("## What learners")[0], re.M)
    found = [f"no such exercise or question: {name}" for name in named - there]
    found += [f"no such section: {name}" for name in sections - set(headings("\n".join(texts)))]
    found += [f"no such picture: {name}" for name in drawn if f"{name}(" not in code]
    found += [f"{name} is not in {above}" for name, above in placed - stand_below(lesson)]
    found += [] if named and sections and drawn else ["it names too little"]
    found += [] if headings(page) == [f"For the teacher: {title}", *PARTS] else ["other headings"]
    link = f"[{title}](../../notebooks/{lesson.name})"
    found += [] if link in page else [f"no link to its lesson: {link}"]
    minutes = re.search(MINUTES, texts[0])[0]
    found += [] if re.findall(MINUTES, page) == [minutes] else [f"its minutes are not: {minutes}"]
    found += [] if 3 <= len(asked) <= 5 else [f"{len(asked)} questions to ask aloud"]
    found += [] if 250 <= len(page.split()) <= 400 else [f"{len(page.split())} words"]
    return found


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_has_its_page(lesson):
    page = PAGES / f"{lesson.stem}.md"
    assert faults(lesson, page.read_text(encoding="utf-8")) == []


def test_no_page_is_without_its_lesson():
    assert {path.stem for path in PAGES.glob("*.md")} == {x.stem for x in LESSONS} | {"index"}


def test_the_index_leads_to_each_page_and_tells_its_minutes():
    rows = re.findall(
        r"^\| \[(.+)\]\((.+)\) \| (\d+) \| (\d+) \|$", (PAGES / "index.md").read_text(), re.M
    )
    wanted = []
    for lesson in LESSONS:
        first = cells(lesson, "markdown")[0]
        minutes = re.search(MINUTES, first)[0]
        wanted.append((headings(first)[0], f"{lesson.stem}.md", *re.findall(r"\d+", minutes)))
    assert rows == wanted


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("`04.half`", "`04.hlaf`", "no such exercise or question: 04.hlaf"),
        ("*1 · One division*", "*1 · A division*", "no such section: 1 · A division"),
        ("`DistributionWidget`", "`DrawWidget`", "no such picture: DrawWidget"),
        ("*1 · One division*, with", "*6 · The clinic for τ = 0*, with", "Widget is not in 6"),
        ("25 minutes", "26 minutes", "its minutes are not"),
        ("## On the wall", "## On a wall", "other headings"),
        ("/04_temperature.ipynb", "/05_top_k.ipynb", "no link to its lesson"),
    ],
)
def test_what_a_lesson_does_not_have_is_noticed(old, new, fault):
    lesson = next(x for x in LESSONS if x.name.startswith("04"))
    page = (PAGES / f"{lesson.stem}.md").read_text(encoding="utf-8")
    page = page.replace("`04.tail`", "`04.half`")
    assert old in page and faults(lesson, page) == []
    assert fault in " ".join(faults(lesson, page.replace(old, new)))
