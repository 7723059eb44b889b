"""The questions of lesson 04: temperature."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="04.half",
        text="Three tokens have the logits 2, 1 and 0, and the first has 0.665. You divide all "
        "three logits by 0.5 and take softmax again. What does the first token have?",
        choices=(
            Choice(
                "It keeps its 0.665.",
                "Softmax takes no notice of a shift. A division changes the gaps, and it reads "
                "gaps.",
            ),
            Choice(
                "It rises to about 0.87.",
                "All gaps double, and a wider gap means a larger ratio of probabilities.",
                right=True,
            ),
            Choice(
                "It falls to about 0.51.",
                "That is what dividing by 2 does: the gaps halve, and the others catch up.",
            ),
        ),
    ),
    Question(
        name="04.tail",
        text="At temperature 1 the twelve likeliest tokens have 0.58 together, and the other "
        "49,140 have 0.42. What do these 49,140 have together at temperature 2?",
        choices=(
            Choice(
                "Less than 0.42: each is unlikely.",
                "Warming takes from the likely ones and gives to the unlikely ones.",
            ),
            Choice(
                "About 0.42: the order is the same.",
                "The order stays, but the shares move, and it is shares that are added up.",
            ),
            Choice(
                "More than 0.9: warmth reaches all.",
                "Each gains only a little, and a little times 49,140 is nearly everything.",
                right=True,
            ),
        ),
    ),
    Question(
        name="04.untouched",
        text="Same prompt, but temperature 2 in place of 1. What is different?",
        choices=(
            Choice(
                "The tokens' probabilities, and no more.",
                "The division comes after the model, and it keeps the order.",
                right=True,
            ),
            Choice(
                "The probabilities and the tokens' order.",
                "If one logit is larger than another, it is larger after the division, too.",
            ),
            Choice(
                "The logits that the model computes.",
                "The model has given its logits before you divide them.",
            ),
            Choice(
                "The model's parameters, a little.",
                "Only training changes parameters. Here nothing is trained.",
            ),
        ),
    ),
    Question(
        name="04.power",
        text="One rule divides the logits before softmax. The other raises the probabilities to "
        "the power 1/τ and divides by the sum. How do the two results compare?",
        choices=(
            Choice(
                "They are the same at every temperature.",
                "A power of e to the z is e to a multiple of z: the power divides the logit.",
                right=True,
            ),
            Choice(
                "They are the same at temperature 1 alone.",
                "At 1 neither does a thing. Elsewhere they do the same thing.",
            ),
            Choice(
                "They differ, and the powers are sharper.",
                "Before softmax or after it, the ratio of two tokens comes out the same.",
            ),
        ),
    ),
    Question(
        name="04.twice",
        text="The top token has 0.215. You divide the probabilities by 0.5 and take softmax of "
        "that. What does the top token have?",
        choices=(
            Choice(
                "0.57, as when the logits are divided.",
                "The gaps between probabilities are tiny beside those between logits.",
            ),
            Choice(
                "0.43, which is twice as much.",
                "Softmax follows, and it makes all 49,152 share again.",
            ),
            Choice(
                "Next to nothing: below 0.0001.",
                "To softmax, 0.43 and 0 are nearly equal logits, so all tokens get nearly the "
                "same.",
                right=True,
            ),
        ),
    ),
    Question(
        name="04.by_zero",
        text="You divide the logits 2, 1 and 0 by 0, in torch, and take softmax. What do you get?",
        choices=(
            Choice(
                "1, 0 and 0: greedy.",
                "That is the limit. But at 0 itself infinities meet, and they have no ratio.",
            ),
            Choice(
                "nan, three times.",
                "Infinities have no ratio and 0/0 no value, and softmax divides by their sum.",
                right=True,
            ),
            Choice(
                "An error is raised.",
                "Python raises one for its own numbers. Tensors divide on, silently.",
            ),
        ),
    ),
)
