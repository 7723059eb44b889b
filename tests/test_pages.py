"""The course as pages: what is kept of a lesson, and what becomes of it."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys

import nbformat
import pytest
import torch

from mygpt_helpers import DistributionWidget, StreakWidget, ask
from tools import page_kernel, page_outputs, pages
from tools.diagrams import DARK, LABEL_GROUND, sources
from tools.refresh import WIDGET_VIEW

REPOSITORY = "https://example.org/somebody/course"


def own(logits, temperature=1.0, **others):
    return (logits / temperature).softmax(dim=-1)


def kept(picture):
    return json.loads(json.dumps(page_kernel._kept(picture)))


def page_of(cells, pictures=None, folder=None, repository=""):
    """Return the cells of a page made of these, below a title."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A"), *cells])
    page_outputs.make_page(notebook, pictures or {}, page_outputs.Files(folder), "HEAD", repository)
    return notebook.cells[1:]


def shown(data, tmp_path, pictures=None, **about):
    """Return the HTML that a page has for an output."""
    output = nbformat.v4.new_output("display_data", data=data, metadata=about)
    (cell,) = page_of([nbformat.v4.new_code_cell("x", outputs=[output])], pictures, tmp_path)
    return cell.outputs[0].data["text/html"]


@pytest.mark.parametrize(
    "knobs, count",
    [
        (["temperature"], 57),
        (["temperature", "top_p"], 57 + 100 - 1),  # each alone: the start is one answer
        (["temperature", "top_p", "repetition_penalty"], 0),
    ],
)
def test_few_questions_are_answered_before(knobs, count):
    picture = DistributionWidget(
        torch.tensor([2.0, 1.0]), ["a", "b"], knobs=knobs, probs_function=own
    )
    before = picture.temperature
    made = kept(picture)
    answers = made["live"]["answers"]
    assert len(answers) == count
    assert len({json.dumps(answer["question"]) for answer in answers}) == len(answers)
    assert picture.temperature == before == made["live"]["state"]["temperature"]
    assert bool(made["moves"]) == bool(count)  # what needs Python is not moved


def test_a_picture_is_kept_with_what_it_says_where_it_is_moved():
    made = kept(StreakWidget())
    assert [move["slider"] for move in made["moves"]] == [0, 0, 1, 1]
    first, last = (move["says"] for move in made["moves"][:2])
    assert first["sliders"] != last["sliders"]
    assert "livePicture(" in made["module"] and len(made["stills"]) == 2 and made["text"]
    assert not {"layout", "_esm", "_css"} & made["live"]["state"].keys()


def test_numbers_are_sent_as_bytes():
    picture = DistributionWidget(torch.tensor([2.0, 1.0]), ["a", "b"])
    live = kept(picture)["live"]
    assert live["buffers"] and all(path[0] == "state" for path, _ in live["buffers"])


def test_a_live_picture_has_its_still_in_both_shades_and_its_text(tmp_path):
    picture = StreakWidget()
    view = {WIDGET_VIEW: {"model_id": "m"}, "text/plain": "no page shows this"}
    html = shown(view, tmp_path, {"m": kept(picture)})
    assert html.startswith('<div class="live-picture" data-live="live/')
    assert html.count("<img") == 2 and 'class="only-dark"' in html
    assert picture.shown().text.splitlines()[0] in html
    assert len([*tmp_path.glob("live/*.png")]) == 2


def test_a_question_without_a_still_is_its_text(tmp_path):
    view = {WIDGET_VIEW: {"model_id": "m"}, "text/plain": ""}
    html = shown(view, tmp_path, {"m": kept(ask("04.half"))})
    assert "<img" not in html and "<pre>" in html and "0.665" in html


def test_a_still_is_a_file_in_both_shades(tmp_path):
    data = {"image/png": "AAAA", "text/plain": 'a "<b>"'}
    data["text/html"] = 'src="data:image/png;base64,AAAA" src="data:image/png;base64,BBBB"'
    about = {"image/png": {"width": 3, "height": 2}}
    html = shown(data, tmp_path, **about)
    assert "base64" not in html and "&quot;&lt;b&gt;" in html and 'width="3" height="2"' in html
    assert html.startswith('<div class="wide" style="--natural: 3px">')
    assert {path.read_bytes() for path in tmp_path.glob("live/*")} == {b"\0\0\0", b"\x04\x10A"}


def test_an_exercise_that_nobody_could_try_says_where_it_can_be():
    texts = ["– not tried yet: f returns nothing", "✔ right"]
    outputs = [nbformat.v4.new_output("stream", text=text) for text in texts]
    (cell,) = page_of([nbformat.v4.new_code_cell("check()", outputs=outputs)])
    assert [output.text for output in cell.outputs] == [page_outputs.EXERCISE, "✔ right"]


def test_a_diagram_is_a_drawing_or_its_source():
    known, unknown = sources()[0], "flowchart LR\n  a --> nobody_drew_this\n"
    text = "".join(f"Text.\n\n```mermaid\n{source}```\n\n" for source in (known, unknown))
    (cell,) = page_of([nbformat.v4.new_markdown_cell(text)])
    assert cell.source.count("<img") == 2 and cell.source.count("```mermaid") == 1
    assert re.search(r'<div class="wide" style="--natural: \d+(\.\d+)?px"><img', cell.source)
    assert unknown in cell.source and known not in cell.source


@pytest.mark.parametrize("source", sources(), ids=page_outputs.diagram_name)
def test_every_diagram_of_the_lessons_was_drawn(source):
    for shade in page_outputs.SHADES:
        name = f"{page_outputs.diagram_name(source)}-{shade}.svg"
        assert (page_outputs.DIAGRAMS / name).exists(), "python -m tools.diagrams draws it"


def test_words_on_arrows_are_on_the_dark_pages_ground():
    for path in page_outputs.DIAGRAMS.glob("*-dark.svg"):
        assert not LABEL_GROUND.search(path.read_text("utf-8")), path
        assert DARK in path.read_text("utf-8")


def test_a_page_does_not_tell_that_there_are_pages():
    text = "# A\n\nB.\n\nRead them as pages: `make site` makes them.\n\nC.\n\nD."
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    page_outputs.make_page(notebook, {}, page_outputs.Files(None), "HEAD", "")
    assert notebook.cells[0].source.split() == ["#", "A", "HEAD", "B.", "C.", "D."]


@pytest.mark.parametrize(
    "repository, wanted",
    [
        (REPOSITORY, f"See [gpt]({REPOSITORY}/blob/HEAD/mygpt_helpers/gpt.py)."),
        ("", "See gpt."),
    ],
)
def test_a_link_to_a_file_leads_to_the_repository(repository, wanted):
    cell = nbformat.v4.new_markdown_cell("See [gpt](../mygpt_helpers/gpt.py).")
    assert page_of([cell], repository=repository)[0].source == wanted


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("git clone <this repository>", f"git clone {REPOSITORY}"),
        ("[README](../README.md)", f"[README]({REPOSITORY}/blob/HEAD/README.md)"),
        ("[make](../../Makefile)", f"[make]({REPOSITORY}/blob/HEAD/Makefile)"),
        ("[04](../notebooks/04_x.ipynb)", "[04](04_x.ipynb)"),
        ("[04](../../notebooks/04_x.ipynb)", "[04](../04_x.ipynb)"),
        ("[05](05_top_k.md)", "[05](05_top_k.md)"),
    ],
)
def test_a_page_of_docs_leads_to_the_lessons_and_to_the_repository(text, wanted):
    assert pages.with_links(text, REPOSITORY) == wanted


def test_without_a_repository_its_files_are_named_and_not_linked():
    text = "git clone <this repository>; the [README](../README.md)"
    assert pages.with_links(text, "") == "git clone <this repository>; the README"


@pytest.mark.slow
def test_nothing_leads_on_from_the_lessons_to_a_teachers_page_or_back(tmp_path):
    if not all(map(importlib.util.find_spec, pages.NEEDED)):
        pytest.skip("pip install -r pages/requirements.txt")
    names = ["00_first", "14_last", "teaching/index", "teaching/00_first", "classroom"]
    (tmp_path / "teaching").mkdir()
    for name in names:
        (tmp_path / f"{name}.md").write_text(f"# {name}\n")
    (tmp_path / "index.md").write_text("\n".join(["# A", "```{toctree}", *names, "```"]))
    command = [sys.executable, "-m", "sphinx", "-q", "-c", pages.PAGES, tmp_path, tmp_path / "made"]
    subprocess.run(command, check=True)
    found = {}
    for name in names:
        page = (tmp_path / "made" / f"{name}.html").read_text("utf-8")
        links = re.findall(r'<link rel="(prev|next)" title="([^"]+)"', page)
        found[name] = dict(links)
    assert found == {
        "00_first": {"prev": "A", "next": "14_last"},
        "14_last": {"prev": "00_first"},
        "teaching/index": {"next": "teaching/00_first"},
        "teaching/00_first": {"prev": "teaching/index", "next": "classroom"},
        "classroom": {"prev": "teaching/00_first"},
    }


@pytest.mark.parametrize(
    "given, address",
    [
        ("https://github.com/a/b.git", "https://github.com/a/b"),
        ("git@gitlab.com:a/b.git", "https://gitlab.com/a/b"),
        ("ssh://git@example.org/a/b", "https://example.org/a/b"),
        ("/home/me/course", ""),
    ],
)
def test_the_repository_has_an_address_that_a_browser_opens(monkeypatch, given, address):
    monkeypatch.setenv("MYGPT_REPOSITORY", given)
    assert pages.repository_address() == address


def test_binder_opens_the_lesson():
    link = pages.binder_link("https://github.com/a/b", "04_x.ipynb")
    assert link == "https://mybinder.org/v2/gh/a/b/HEAD?urlpath=lab%2Ftree%2Fmy%2F04_x.ipynb"
    assert "/git/https%3A%2F%2Fexample.org" in pages.binder_link(REPOSITORY, "04_x.ipynb")


def test_the_table_of_lessons_is_the_readmes():
    lines = pages.lesson_table().splitlines()
    assert len(lines) == 2 + len(pages.LESSONS)
    assert all(
        f"]({path.name})" in line for path, line in zip(pages.LESSONS, lines[2:], strict=True)
    )


@pytest.mark.slow
def test_a_lesson_that_fails_stops_the_build_and_is_named(tmp_path, monkeypatch, capsys):
    lesson = tmp_path / "77_fails.ipynb"
    cells = [nbformat.v4.new_code_cell(code) for code in ("x = 1", "x / 0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), lesson)
    monkeypatch.setattr(pages, "LESSONS", [lesson])
    monkeypatch.setattr(pages, "NEEDED", ())
    site = tmp_path / "site"
    assert pages.main(["--runs", str(tmp_path / "runs"), "--out", str(site)]) == 1
    said = capsys.readouterr().err
    for part in ("77_fails.ipynb", "cell [2]", "x / 0", "ZeroDivisionError", "No page was made"):
        assert part in said
    assert len(said.splitlines()) == 1 and not site.exists()


def test_what_is_not_installed_is_named_before_a_lesson_runs(monkeypatch, capsys):
    monkeypatch.setattr(pages, "NEEDED", ("sys", "no_such_theme"))
    monkeypatch.setattr(pages, "run_all", lambda *_: pytest.fail("a lesson ran"))
    assert pages.main([]) == 1
    said = capsys.readouterr().err
    assert "no no_such_theme: pip install -r pages/requirements.txt" in said
