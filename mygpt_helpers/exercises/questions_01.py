"""The questions of lesson 01: logits and what comes of them."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="01.scores",
        text="The text of eight tokens goes through the model once. Its vocabulary has 49,152 "
        "tokens. How many scores come out?",
        choices=(
            Choice(
                "8: one for each token of the text.",
                "One number for a token cannot say which of thousands comes next.",
            ),
            Choice(
                "49,152: one for each token that may come next.",
                "That is the last position's share; each earlier position has as many.",
            ),
            Choice(
                "8 × 49,152: at each place, one for each token.",
                "Every position has a guess of its own at the token after it.",
                right=True,
            ),
        ),
    ),
    Question(
        name="01.future",
        text='"Hi dog" goes through the model, and then "Hi dog how are you?". What becomes of the '
        "scores at the dog?",
        choices=(
            Choice(
                "They change: the model reads the whole text first.",
                "It reads all of it, but each position is shown no more than what stands to its "
                "left.",
            ),
            Choice(
                "They stay: no position sees what comes later.",
                "At that position nothing tells the model that the text goes on.",
                right=True,
            ),
            Choice(
                "They change only where the new words fit less well.",
                "To know that they fit, the position would have to see them.",
            ),
        ),
    ),
    Question(
        name="01.surest",
        text="After which of these is the model surest of its next token?",
        choices=(
            Choice(
                '"Once upon a time"',
                "A set phrase leaves one way to go on, and be it by punctuation.",
                right=True,
            ),
            Choice(
                '"The capital of France is"',
                "There is one answer, but a sentence may take several roads to it.",
            ),
            Choice(
                '"I had some beer from the"',
                "Bars, shops, last night: a beer can come from many places.",
            ),
        ),
    ),
    Question(
        name="01.swallowed",
        text='Now the prompt ends in a space, and the phrase is "pub", without one. What sum of '
        "log-probabilities does the function find?",
        choices=(
            Choice(
                'That of " pub" after the bare prompt.',
                "It would be, had the function looked at the place where the pub stands.",
            ),
            Choice(
                "A far lower one: the model expects a digit.",
                "It does expect one after a lone space, but here the space is not alone for long.",
            ),
            Choice(
                "0, as if the phrase were certain.",
                "Space and word become one token, which stands inside the prompt's count.",
                right=True,
            ),
        ),
    ),
    Question(
        name="01.same",
        text="The classifier has the language model's body and head. How near are its 49,152 "
        "scores to the next token's logits?",
        choices=(
            Choice(
                "Equal to within 1e-4, as in section 4.",
                "There the texts differed in length; here both add the same numbers alike.",
            ),
            Choice(
                "Equal, down to the last bit.",
                "The same numbers are multiplied and added in the same order.",
                right=True,
            ),
            Choice(
                "The same winner, but other scores.",
                "That would need another head; this one is the very same tensor.",
            ),
        ),
    ),
)
