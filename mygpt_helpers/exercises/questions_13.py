"""The questions of lesson 13: real text and its tokens."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="13.split",
        text="You hold out a tenth of the lines, drawn at random. How many of these have a "
        "neighbour, the line before or after, in the training part?",
        choices=(
            Choice("About one in ten", "That is the share of lines that you hold out."),
            Choice("About half of them", "Of either neighbour alone, nine in ten are there."),
            Choice("Nearly all of them", "Only one in a hundred has both held out.", right=True),
        ),
    ),
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
        text="A tokenizer of byte pairs learned from English alone. You give it a word in Greek. "
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
    Question(
        name="13.gap",
        text="The same model trains as long, but on 20,000 characters instead of 900,000. What "
        "does its held-out loss do?",
        choices=(
            Choice(
                "It falls, only more slowly", "It does so until the short text is known by heart."
            ),
            Choice("It falls first, then it rises", "By heart means: sure, and wrong here.", True),
            Choice("It stays where it began", "Letters and short words are in any text."),
        ),
    ),
    Question(
        name="13.attention",
        text="A model without attention takes more steps in the same time. Which run ends with "
        "the lower held-out loss?",
        choices=(
            Choice(
                "The one with attention", "The other sees one character, and none before.", True
            ),
            Choice("The one with more steps", "What it cannot see, no step can teach it."),
            Choice("They end about alike", "They do while both learn which letters are frequent."),
        ),
    ),
)
