"""The questions of lesson 12: beyond the context."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="12.twelve",
        text="The model was trained on texts of 8 tokens, to give the next token after each of "
        'them. It starts with "I" and writes 12 tokens, always the top one. How many are right '
        "before the first slip?",
        choices=(
            Choice(
                "All 12: it knows the cycle.",
                "To you the cycle looks alike everywhere; the model numbers its places.",
            ),
            Choice(
                "7, a text of 8 with the prompt.",
                "After the eighth token it was asked for one more, so that one is trained too.",
            ),
            Choice(
                "8, a text of 9 with the prompt.",
                "It has practised to read up to eight tokens and to give the ninth.",
                right=True,
            ),
        ),
    ),
    Question(
        name="12.swap",
        text='Row 8 gets the numbers of row 4, and nothing else changes. The text from "I" was '
        "first wrong at position 9. Where is it first wrong now?",
        choices=(
            Choice(
                "Still at position 9",
                "Then the numbers in row 8 would make no difference, and they do.",
            ),
            Choice(
                "At a later position",
                "Row 8 does no harm now, and rows 9 to 63 are untrained as before.",
                right=True,
            ),
            Choice(
                "At no position at all",
                "One row was mended, and 55 untrained ones are left.",
            ),
        ),
    ),
    Question(
        name="12.zeros",
        text="Of 20 models, each trained at 8 tokens, you set rows 8 to 63 to zero. How many of "
        'them write 63 right tokens from "I"?',
        choices=(
            Choice(
                "None: a row of zeros is untrained, too.",
                "It is, and nothing is promised; but to add nothing disturbs less than to add "
                "random numbers.",
            ),
            Choice(
                "All 20: the random numbers are gone.",
                "Nobody has practised rows of zeros, and a few models read them badly.",
            ),
            Choice(
                "Most of them, but not all 20.",
                "Adding nothing does less harm than a random row, but no model was trained so.",
                right=True,
            ),
        ),
    ),
    Question(
        name="12.wrong_crop",
        text="ids has shape (1, 65): one text of 65 tokens. The model reads at most 64. You give "
        "it ids[-64:]. What happens?",
        choices=(
            Choice(
                "The error comes: it is as long as before.",
                "The slice is taken from the texts, and there is one text, so it stays whole.",
                right=True,
            ),
            Choice(
                "It works: it reads the last 64 tokens.",
                "That would be so if ids were one text of shape (65,), without a batch.",
            ),
            Choice(
                "It works, but it reads the first 64.",
                "A negative start counts from the end, and it counts texts here, not tokens.",
            ),
        ),
    ),
    Question(
        name="12.window",
        text='You replace the first 36 of the 100 tokens by "!". What becomes of the logits for '
        "the token that comes next?",
        choices=(
            Choice(
                "They are the same, to the last bit.",
                "100 - 36 = 64: every token that was changed has left the window.",
                right=True,
            ),
            Choice(
                "They change a little, being far away.",
                "Far or near makes no difference for a token that the model does not get.",
            ),
            Choice(
                "They change, and so does the top token.",
                "For that a changed token has to be read, and none of the 36 is.",
            ),
        ),
    ),
    Question(
        name="12.fifty_six",
        text='From "I", the model trained at 56 tokens wrote 150 without a slip, and never in '
        "training did it read rows 56 to 63. Now it begins with each of the three other tokens. "
        "What do you expect?",
        choices=(
            Choice(
                "All three hold: 150 tokens are proof.",
                "They are proof for one beginning; another one meets the same rows with other "
                "tokens.",
            ),
            Choice(
                "A slip somewhere, at 57 or later.",
                "Eight rows are untrained, and luck has to hold for each of them with each token.",
                right=True,
            ),
            Choice(
                "A slip somewhere, before 56 even.",
                "The first 56 rows were read in training with every token.",
            ),
        ),
    ),
)
