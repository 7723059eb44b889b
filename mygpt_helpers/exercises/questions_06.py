"""The questions of lesson 06: top-p and its relatives."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="06.nucleus",
        text="Four tokens have 50%, 30%, 15% and 5%. How many does top_p = 0.75 keep?",
        choices=(
            Choice("One", "50% alone does not reach 75%."),
            Choice(
                "Two", "50% and 30% are 80%, which is the first sum that reaches 75%.", right=True
            ),
            Choice("Three", "Two already reach 75%, and the set has to be the smallest."),
            Choice("Four", "The last two are not needed to reach 75%."),
        ),
    ),
    Question(
        name="06.ninety",
        text="Of 49,152 tokens, how many does top_p = 0.9 keep after the sure prompt?",
        choices=(
            Choice("About 44,000", "That is 90% of the tokens; top-p counts probability."),
            Choice("About 5,000", "That is a tenth of the tokens; top-p counts probability."),
            Choice(
                "Fewer than 100", "A few likely tokens hold 90% of the probability.", right=True
            ),
        ),
    ),
    Question(
        name="06.sign",
        text="A token that was used has the logit -2. You divide it by a penalty of 2. Then:",
        choices=(
            Choice(
                "Its probability rises.",
                "-2 divided by 2 is -1, and -1 is the larger logit.",
                right=True,
            ),
            Choice(
                "Its probability falls.",
                "A positive logit would fall; a negative one moves up towards 0.",
            ),
            Choice("Its probability stays.", "The logit changes, so the probability does, too."),
        ),
    ),
    Question(
        name="06.prompt",
        text="The prompt says that the password is blue, and the model is to say it again. "
        "What does a repetition penalty of 1.2 do?",
        choices=(
            Choice("Nothing: the model has not used it.", "The penalty looks at the prompt, too."),
            Choice(
                "It makes blue less likely.",
                "The prompt's tokens count as used, the right answer among them.",
                right=True,
            ),
            Choice(
                "It makes blue more likely.", "A penalty above 1 lowers the tokens that were used."
            ),
        ),
    ),
    Question(
        name="06.order",
        text="Temperature 1.5 and top_p = 0.5, on the sure prompt. Which order keeps more tokens?",
        choices=(
            Choice(
                "First the temperature.",
                "Warming flattens the distribution, and then it takes more tokens to reach 0.5.",
                right=True,
            ),
            Choice(
                "First top-p.",
                "Then top-p sees the peaked distribution, where one token reaches 0.5 alone.",
            ),
            Choice(
                "Both keep the same.",
                "The order of the tokens stays, but the probabilities that top-p adds up do not.",
            ),
        ),
    ),
)
