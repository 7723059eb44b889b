"""The questions of lesson 05: top-k."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="05.tail",
        text="Beyond rank 1,000 no token has more than 1 in 10,000 at this place. You draw a text "
        "of twelve tokens. How likely is it that at least one comes from beyond rank 1,000?",
        choices=(
            Choice(
                "About 1 in 1,000", "That would be near for one such token, and there are many."
            ),
            Choice("About 1 in 100", "The first draw alone lands there more often than that."),
            Choice(
                "About 1 in 3",
                "Each is rare, but they are thousands, and you draw twelve times.",
                True,
            ),
        ),
    ),
    Question(
        name="05.two_of_four",
        text="Four tokens have 0.5, 0.3, 0.15 and 0.05. You keep the two largest. What does the "
        "first one have then?",
        choices=(
            Choice(
                "0.5, as before", "The two would have 0.8 together, and that is no distribution."
            ),
            Choice("0.625", "What is left is divided by what is left together: 0.5 / 0.8.", True),
            Choice("0.6", "It would need half of the 0.2 that was cut, and shares are not equal."),
            Choice("1.0", "The second one is still there, and has its share."),
        ),
    ),
    Question(
        name="05.one_k",
        text="One distribution is peaked, one is flat. You keep 40 tokens of each. Which one loses "
        "more of its probability?",
        choices=(
            Choice("The flat one", "Its probability lies on hundreds of tokens.", True),
            Choice("The peaked one", "Its top token alone has most of it, and that one stays."),
            Choice(
                "Both lose the same", "The same number of tokens, but not the same probability."
            ),
        ),
    ),
    Question(
        name="05.order",
        text="You divide by a temperature and keep the 40 largest. Does it matter for the kept "
        "tokens which of the two comes first?",
        choices=(
            Choice("Yes, above 1: a warm one lets more in", "k counts tokens, hot or cold."),
            Choice("Yes, below 1: a cold one lets less in", "k counts tokens, hot or cold."),
            Choice(
                "No, at no temperature", "The division keeps the order, and k reads no more.", True
            ),
        ),
    ),
    Question(
        name="05.tie",
        text="Of four tokens, B and C share the largest logit. You keep with top_k=1. What is "
        "left?",
        choices=(
            Choice("B alone, the lower id", "Nobody compares ids: B is not below C."),
            Choice("B and C, half each", "Neither is below the largest, so both stay.", True),
            Choice("Nothing: it is an error", "Two tokens that tie raise nothing, anywhere."),
        ),
    ),
)
