"""The questions of lesson 11: training on a cycle."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="11.first_loss",
        text="Someone who knows nothing gives each of the four tokens a quarter: a loss of 1.39. "
        "The untrained model knows nothing either. What is its loss?",
        choices=(
            Choice(
                "Below 1.39: some guesses are lucky.",
                "Luck helps at some places, but a wrong answer that is sure costs far more.",
            ),
            Choice(
                "Near 1.39: it knows nothing, too.",
                "It would be so if it spread its bets, and it is sure of what it says.",
            ),
            Choice(
                "Far above 1.39: worse than a guess.",
                "It wrote I after I again and again: it is sure, and the right token gets little.",
                right=True,
            ),
        ),
    ),
    Question(
        name="11.zero_grad",
        text="You train the same model on the same batches and leave zero_grad() out. What do you "
        "see?",
        choices=(
            Choice(
                "An error, at the second backward().",
                "Adding up gradients is allowed, and some trainings do it on purpose.",
            ),
            Choice(
                "The loss falls, but not far down.",
                "Old gradients push on where the model needs no push any more.",
                right=True,
            ),
            Choice(
                "It learns faster: the steps add up.",
                "What adds up are old directions, and they were right for an older model.",
            ),
        ),
    ),
    Question(
        name="11.hundred",
        text='At temperature 2 the right token after "I" has 0.91. You draw 100 texts of seven '
        'tokens from "I". How many are right to the last token?',
        choices=(
            Choice(
                "All 100, or nearly",
                "The right token is on top each time, but a draw does not always take the top.",
            ),
            Choice(
                "About 90 of them",
                "That is about the share for one token, and a text has to get seven right.",
            ),
            Choice(
                "About 65 of them",
                "Each of the seven has 0.89 to 0.98, and all of them have to come.",
                right=True,
            ),
            Choice(
                "About 10 of them",
                "For that a token would need to have 0.72 only: 0.72 to the power of 7 is 0.10.",
            ),
        ),
    ),
    Question(
        name="11.top_k",
        text="At temperature 3, some 27% of the texts are right. Now each step keeps only its top "
        "2 tokens, and the rest gets 0. How many are right?",
        choices=(
            Choice(
                "About 27%, as before",
                "The cut tokens had something, and the right one gets its share of that.",
            ),
            Choice(
                "About half of them",
                "The right token gains, but one wrong token is left, seven times in a row.",
                right=True,
            ),
            Choice(
                "All, or nearly all",
                "That takes k = 1: with two tokens left, one of them is wrong.",
            ),
        ),
    ),
    Question(
        name="11.rates",
        text="Four trainings, 200 steps each, on the same batches. Which one ends with the lowest "
        "loss?",
        choices=(
            Choice(
                "SGD with a rate of 1.0",
                "Its steps are rate times slope, and the slopes shrink as the loss does.",
                right=True,
            ),
            Choice(
                "SGD with a rate of 0.1",
                "It learns, but 200 of these steps do not lead as far.",
            ),
            Choice(
                "AdamW with a rate of 0.01",
                "It learns well, and takes careful steps to the end.",
            ),
            Choice(
                "AdamW with a rate of 1.0",
                "It rescales small slopes, so each number jumps by about 1: too far.",
            ),
        ),
    ),
)
