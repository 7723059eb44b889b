"""The questions of lesson 02: the loop."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="02.again",
        text="You call the model three times with the same prompt, and take the top token each "
        "time. What do you get?",
        choices=(
            Choice(
                "The next three words of a sentence.",
                "Nothing tells the model that it was asked before.",
            ),
            Choice(
                "The same word, three times over.",
                "The input is the same each time, and the model keeps nothing between two calls.",
                right=True,
            ),
            Choice(
                "The three likeliest words, the best first.",
                "Each call begins anew, and its top token is the likeliest word again.",
            ),
        ),
    ),
    Question(
        name="02.rows",
        text="The model gives a row of scores at each position of the prompt. The loop reads the "
        "last row alone. What do the other rows predict?",
        choices=(
            Choice(
                "Tokens that already stand in the text.",
                "Row t predicts token t + 1, and of the prompt all tokens are known.",
                right=True,
            ),
            Choice(
                "Tokens that come after the next one.",
                "No row looks further than one token ahead of its own position.",
            ),
            Choice(
                "Nothing: only the last one is filled in.",
                "All rows are filled in, and in training every one of them counts.",
            ),
        ),
    ),
    Question(
        name="02.flush",
        text="With flush=True each token is sent to the screen at once. How much time does that "
        "take, beside the model's time for the token?",
        choices=(
            Choice(
                "As long as the token itself.",
                "A token takes millions of multiplications, and a flush takes none.",
            ),
            Choice(
                "About a third of the token's time.",
                "A flush sends a few letters, and the model computes on millions of numbers.",
            ),
            Choice(
                "Less than a twentieth of it.",
                "Handing over a few letters is little work beside a pass through the model.",
                right=True,
            ),
        ),
    ),
    Question(
        name="02.mode",
        text="A new model with dropout is in training mode. You call requires_grad_(False) and run "
        "it twice on the same ids. How do the two results compare?",
        choices=(
            Choice(
                "They are alike, since nothing is trained now.",
                "Nothing is trained, but dropout hangs on the mode, and that is still training.",
            ),
            Choice(
                "They differ, since dropout is still on.",
                "The call stops gradients alone; each pass drops other numbers at random.",
                right=True,
            ),
            Choice(
                "There is an error, since dropout needs gradients.",
                "Dropout sets numbers to zero, with or without gradients.",
            ),
        ),
    ),
    Question(
        name="02.glue",
        text='"Hello" and an emoji are three ids. You decode each id alone, glue the three pieces '
        "together, and tokenize the result. How many of the three ids come back?",
        choices=(
            Choice(
                "One of them.",
                "The emoji's two ids are halves of a character, and no half is a text by itself.",
                right=True,
            ),
            Choice("Two of them.", "Both ids of the emoji are lost: neither is a character."),
            Choice("All three.", "That holds where each id is a whole text, as in plain English."),
        ),
    ),
)
