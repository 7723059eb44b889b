"""The questions of lesson 10: a GPT from scratch."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="10.by_hand",
        text="The scores are 3, 0 and 0. Softmax turns them into weights. What does it give?",
        choices=(
            Choice("1, 0 and 0", "A score of 0 still counts: it becomes e^0 = 1 before the sum."),
            Choice(
                "About 0.9, 0.05 and 0.05",
                "e^3 is about 20, and each e^0 is 1: 20 of 22, and 1 of 22 for each other token.",
                right=True,
            ),
            Choice(
                "About 0.6, 0.2 and 0.2",
                "Softmax raises e to each score, so a lead of 3 counts 20 times.",
            ),
        ),
    ),
    Question(
        name="10.scale",
        text="A query and 8 keys have 1,024 random numbers each. You leave out the division. How "
        "much of the weight goes to the best of the 8 keys?",
        choices=(
            Choice("About 0.2", "They are random, but not equal, and softmax magnifies the gaps."),
            Choice("About 0.5", "Near for keys of 4 numbers; with 1,024 the gaps are far wider."),
            Choice(
                "Nearly all",
                "Such sums spread by about 32, and softmax drops the rest.",
                right=True,
            ),
        ),
    ),
    Question(
        name="10.leak",
        text="No mask yet. Only the last of the six tokens changes. Does the first row of what "
        "attention returns change?",
        choices=(
            Choice("Yes, it does.", "It mixes the values of all six places.", right=True),
            Choice("No: it comes earlier.", "Nothing in the formula knows what is earlier."),
            Choice("Only if it is the same token.", "The value of the last place counts anyway."),
        ),
    ),
    Question(
        name="10.cut",
        text="You reshape q, k and v from (B, T, C) to (B, H, T, D) at once, with no swap. The "
        "mask is on. What happens?",
        choices=(
            Choice(
                "torch raises an error.", "The number of entries is the same, so it raises nothing."
            ),
            Choice("The heads change places.", "The cut goes through the text, not the vectors."),
            Choice(
                "It runs, and tokens leak.",
                "Its row i is not position i, so the mask hides the wrong places.",
                right=True,
            ),
        ),
    ),
    Question(
        name="10.sums",
        text="A new model of 24 blocks reads six tokens. Take the sums away, so that each part "
        "replaces x. How different are the six vectors after block 12?",
        choices=(
            Choice("As different as with sums", "With sums, the tokens' own vectors stay in x."),
            Choice(
                "Not different at all",
                "Each block averages, and adds the same biases to all.",
                right=True,
            ),
            Choice("More: each block adds to it", "Without the sums nothing is added to x."),
        ),
    ),
    Question(
        name="10.off",
        text="You train 16 models on the cycle. Then you switch the last block's attention off in "
        "each. In how many of the 16 are all 32 next tokens still right?",
        choices=(
            Choice("In nearly all", "Current token, next token: no look back is needed.", True),
            Choice(
                "In about half of them", "The task decides here, not luck: it needs no look back."
            ),
            Choice("In hardly any", "It looks hard at some places, and seldom needs them."),
        ),
    ),
)
