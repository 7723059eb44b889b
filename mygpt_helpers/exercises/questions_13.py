"""The questions of lesson 13: real text and its tokens."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="13.words",
        text="A tokenizer of words learns from nine tenths of a text. What does it meet in the "
        "last tenth?",
        choices=(
            Choice("Only words that it knows", "Rare words come once: a name, a place, a typo."),
            Choice("Some words it never saw", "In any text new words keep coming.", right=True),
            Choice("Hardly any word it knows", "The common words make up most of any text."),
        ),
    ),
    Question(
        name="13.bytes",
        text="A tokenizer of byte pairs learnt from English alone. You give it a word in Greek. "
        "What happens?",
        choices=(
            Choice("It cuts the word into bytes", "Any text is bytes, and each is a token.", True),
            Choice("It raises an error at once", "A tokenizer of characters does, unless told."),
            Choice("It writes <unk> in its place", "It has no such token, and needs none."),
        ),
    ),
    Question(
        name="13.fair",
        text="One model reads characters, the other byte pairs. The first has the lower loss per "
        "token. Does it know the text better?",
        choices=(
            Choice("Yes: a lower loss is better", "One token of the other is several characters."),
            Choice("No: more tokens are better", "How many there are says nothing by itself."),
            Choice("One cannot tell from that", "Compare bits for each character.", right=True),
        ),
    ),
)
