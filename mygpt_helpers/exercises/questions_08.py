"""The questions of lesson 08: generate in practice."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="08.temperature",
        text="You call model.generate(**inputs, max_new_tokens=6, temperature=t) with t = 0.7, 1.0 "
        "and 2.0, and nothing else. How do the three texts compare?",
        choices=(
            Choice("The warmer one is wilder.", "That takes a draw, and no draw was asked for."),
            Choice(
                "All three are the same.",
                "Nothing is drawn: the top token is taken, and no temperature changes which it is.",
                right=True,
            ),
            Choice(
                "Only 1.0 runs at all.",
                "All three run; 0.7 and 2.0 are ignored, which the log says once.",
            ),
        ),
    ),
    Question(
        name="08.top_p",
        text="top_p is a share, from 0 to 1. You sample with top_p=1.1. What does generate do?",
        choices=(
            Choice(
                "It cuts nothing, and says nothing.",
                "Only a top_p below 1 builds the rule; a number above is never looked at.",
                right=True,
            ),
            Choice(
                "It raises a ValueError.", "A top_p below 0 does that; one above 1 is let through."
            ),
            Choice("It warns, and takes 1.0.", "The result is that of 1.0, without any warning."),
        ),
    ),
    Question(
        name="08.length",
        text="The prompt has 6 tokens. You ask for max_length=10. How many new tokens come?",
        choices=(
            Choice("Ten new tokens.", "That is what max_new_tokens=10 would give."),
            Choice("Twenty: the default.", "The default steps back as soon as a length is given."),
            Choice(
                "Only four new tokens.", "max_length counts the prompt, too: 6 + 4.", right=True
            ),
        ),
    ),
    Question(
        name="08.greedy",
        text="A checkpoint sets do_sample, temperature=0.3 and repetition_penalty=1.1. You pass "
        "do_sample=False. Is that now the plain greedy text?",
        choices=(
            Choice(
                "Yes: greedy ignores all of those.", "It ignores the temperature, not the penalty."
            ),
            Choice(
                "No: it still draws at 0.3.", "The call beats the checkpoint: nothing is drawn."
            ),
            Choice(
                "No: the penalty still changes it.",
                "A penalty changes scores, and so it can change which token is on top.",
                right=True,
            ),
        ),
    ),
    Question(
        name="08.side",
        text="Two prompts of unequal length share a batch. The short one is filled up on its "
        "right. After which position does generate look for its next token?",
        choices=(
            Choice(
                "After its last real token.",
                "generate reads the same column for all rows, and that is the last one.",
            ),
            Choice(
                "After the padding.",
                "The loop reads the last column, and in this row padding stands there.",
                right=True,
            ),
            Choice(
                "After its first token.",
                "Every step reads one column, the last one, whatever stands in it.",
            ),
        ),
    ),
)
