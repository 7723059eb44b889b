"""The questions of lesson 00: the first predictions."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="00.colour",
        text='Which token is likeliest after "My favourite colour is"?',
        choices=(
            Choice('" red"', "It is one of the first three, and not the first."),
            Choice(
                '" blue"',
                "From many texts the model has learned to give this one the largest score.",
                right=True,
            ),
            Choice('" a"', "It comes second, since an answer may begin with it: a shade of red."),
        ),
    ),
    Question(
        name="00.mars",
        text='Nobody has been on Mars. What does the model write after "The first person who '
        'walked on Mars was"?',
        choices=(
            Choice(
                "A name, as if it were a known fact.",
                "After such words a name is what usually follows, and that is all it is asked.",
                right=True,
            ),
            Choice(
                "That nobody has been there so far.",
                "For that it would have to know what is true; it scores what comes next.",
            ),
            Choice(
                "Nothing: it stops, as it cannot know.",
                "There is always a token with the largest score, so there is always a next one.",
            ),
        ),
    ),
    Question(
        name="00.stale",
        text="A line sets answer to 1, the next doubles it. Then answer becomes 21. What does "
        "doubled show, if it is not computed again?",
        choices=(
            Choice("42", "A name holds a value, not a formula: nothing is computed by itself."),
            Choice("21", "That is answer. Nothing has touched doubled since."),
            Choice("2", "It was computed when answer was 1, and keeps that.", right=True),
        ),
    ),
)
