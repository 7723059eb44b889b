"""The questions of lesson 03: greedy or sampling."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="03.greedy_end",
        text='After "I am so glad you" the model writes 60 tokens, always the most likely one. How '
        "does the text go on?",
        choices=(
            Choice(
                "It is the best text the model can write.",
                "Each token is the best one by itself. That promises nothing about the whole.",
            ),
            Choice(
                "It comes back to the same words again and again.",
                "Here what was said once became likelier to be said again, and greedy took it.",
                right=True,
            ),
            Choice(
                "It gets less and less certain from word to word.",
                "In this text it is the other way round: in its loop the model grew more certain.",
            ),
        ),
    ),
    Question(
        name="03.why_not_top",
        text="The top token has 21%, and no other token has as much. You draw once. What comes?",
        choices=(
            Choice(
                "Most likely the top token, since it is ahead of all others.",
                "Ahead of each other token, yes. The others together have 79%.",
            ),
            Choice(
                "Any of the tokens: in a draw all have the same chance.",
                "The draw follows the probabilities: a token of 21% comes 21 times as often as one "
                "of 1%.",
            ),
            Choice(
                "Most likely a token that is not the top one.",
                "79 of 100 draws land there, and that is no fault of the draw.",
                right=True,
            ),
        ),
    ),
    Question(
        name="03.who_is_random",
        text="You run the same prompt through the model twice. What can differ?",
        choices=(
            Choice(
                "The token that is drawn, and nothing before it.",
                "The model computes the same probabilities each time. The draw brings in chance.",
                right=True,
            ),
            Choice(
                "The probabilities, since the model is random.",
                "The model is a fixed formula: the same ids give the same logits.",
            ),
            Choice(
                "Both the probabilities and the drawn token.",
                "The drawn token can differ, but it is drawn from the same probabilities.",
            ),
            Choice(
                "Neither of the two, since the text is the same.",
                "The same probabilities do not fix the token: a draw chooses it.",
            ),
        ),
    ),
    Question(
        name="03.four_times",
        text="You draw four times as often. What becomes of the gap between share and probability?",
        choices=(
            Choice(
                "It falls to about half.",
                "The gap falls with the square root of the draws, and the root of 4 is 2.",
                right=True,
            ),
            Choice(
                "It falls to about a quarter.",
                "That would need sixteen times the draws: chance averages out slowly.",
            ),
            Choice(
                "It stays about the same.",
                "Every further draw counts less than the one before, but it counts.",
            ),
        ),
    ),
    Question(
        name="03.all_right",
        text="Each token is right with 99%. How many texts of 100 tokens have no wrong token?",
        choices=(
            Choice("About 99 of 100.", "That is how many have a right first token."),
            Choice("About 90 of 100.", "So many are right after ten tokens; ninety more follow."),
            Choice(
                "About 37 of 100.",
                "0.99 is multiplied by itself once for every token: 0.99 to the power of 100.",
                right=True,
            ),
            Choice("Next to none.", "At 1,000 tokens that would be so, not at 100."),
        ),
    ),
    Question(
        name="03.batch",
        text="Same prompt, same seed, but now as the first of two rows. Is its text the same?",
        choices=(
            Choice(
                "All of it: the seed is the same.",
                "The numbers are the same ones, but the second row takes every other number.",
            ),
            Choice(
                "The first token, and then perhaps no more.",
                "Row 0 takes the first number, row 1 the second: from then on row 0 gets others.",
                right=True,
            ),
            Choice(
                "None of it: a batch has its own seed.",
                "A generator knows of no batch. Its first number still goes to the first row.",
            ),
        ),
    ),
)
