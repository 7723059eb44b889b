"""The questions of an example lesson: the smallest whole set of them."""

from mygpt_helpers.widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="77.warmer",
        text="The temperature goes from 1 to 2. What becomes of the top token's probability?",
        choices=(
            Choice("It becomes larger.", "A temperature below 1 would do that."),
            Choice("It becomes smaller.", "The bars become more alike.", right=True),
            Choice("It stays as it is.", "The order of the tokens stays; their bars do not."),
        ),
    ),
)
