"""Predictions without a browser."""

from __future__ import annotations

import pytest

from mygpt_helpers import Choice, Question, QuestionWidget
from tests.widgets.wire import VIEW, from_browser

TWO = (Choice("Up.", "It falls."), Choice("Down.", "So it does.", right=True))


def question(choices=TWO, name="77.fall", text="Where does it go?"):
    return Question(name, text, choices)


def bundle_of(widget):
    data, metadata = widget._repr_mimebundle_()
    assert set(data) == {VIEW, "text/plain"} and "image/png" not in metadata
    return data["text/plain"]


def test_what_is_stored_is_the_question_whatever_was_chosen():
    widget = QuestionWidget(question(), keep=lambda choice: ["the disk is full"])
    for state in ({}, {"choice": 0}, {"unfolded": True}, {"choice": 1}):
        from_browser(widget, **state)
        assert bundle_of(widget) == repr(widget) == "Where does it go?\n  a. Up.\n  b. Down."


def test_the_page_tells_what_is_right_only_when_it_is_unfolded():
    widget = QuestionWidget(question())
    folded = [["a. Up.", "", ""], ["b. Down.", "", ""]]
    assert widget.numbers()["rows"] == folded and "Choose" in widget.numbers()["facts"]
    from_browser(widget, unfolded=True)  # without a choice there is nothing to tell
    assert widget.numbers()["rows"] == folded
    from_browser(widget, choice=0, unfolded=False)
    assert widget.numbers()["rows"] == folded and "press the button" in widget.numbers()["facts"]
    from_browser(widget, unfolded=True)
    assert widget.numbers()["rows"] == [
        ["a. Up.", "✘ not right, your choice", "It falls."],
        ["b. Down.", "✔ right", "So it does."],
    ]
    assert widget.numbers()["facts"] == "✘ not right: a. Up."
    from_browser(widget, unfolded=False)
    assert (widget.choice, widget.numbers()["rows"]) == (0, folded)


def test_each_new_choice_is_kept_and_what_goes_wrong_is_said_below():
    kept, said = [], [["no\nroom"], []]

    def keep(choice):
        kept.append(choice)
        return said.pop(0)

    widget = QuestionWidget(question(), choice=1, keep=keep)
    assert kept == []
    from_browser(widget, choice=0)
    from_browser(widget, choice=1)
    assert kept == [0, 1]
    assert widget.numbers()["note"] == "no⏎room"
    widget.choice = None  # nothing to keep
    assert kept == [0, 1]


@pytest.mark.parametrize("wrong", [2, -1, True, "0", 0.5])
def test_a_choice_that_is_not_there_is_refused(wrong):
    with pytest.raises(ValueError, match="choice must be a whole number from 0 to 1, got"):
        QuestionWidget(question(), choice=wrong)
    widget = QuestionWidget(question(), choice=1)
    with pytest.raises(ValueError, match="choice must be a whole number from 0 to 1, got"):
        widget.choice = wrong
    assert widget.choice == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: question(TWO[:1]), "two to five, exactly one with right=True; got 1, 0"),
        (lambda: question([TWO[0], Choice("Left.", "No.")]), "got 2, 0 of them right"),
        (lambda: question([TWO[1], Choice("Left.", "No.", right=True)]), "got 2, 2 of them right"),
        (lambda: question([TWO[1], *(Choice(str(i), "No.") for i in range(5))]), "got 6, 1 of"),
        (lambda: question([TWO[1], Choice("Down.", "No.")]), "two have the same text"),
        (lambda: question(()), "the choices of question 77.fall must hold at least one, each a"),
        (lambda: question(["Up.", "Down."]), "each a Choice"),
        (lambda: question(3), "each a Choice"),
        (lambda: question(text=" \n"), "the text of question 77.fall must not be empty"),
        (lambda: question(text=None), "must be a string, got NoneType"),
        (lambda: question(name=""), "a question's name must not be empty"),
        (lambda: Choice("", "Why."), "a choice's text must not be empty"),
        (lambda: Choice("Up.", ""), "a choice's why must not be empty"),
        (lambda: QuestionWidget("Where?"), "question must be a Question, got str"),
    ],
)
def test_what_is_no_question_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_choices_may_come_in_any_list():
    assert question(iter(TWO)).choices == TWO
