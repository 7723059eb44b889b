"""The questions of lesson 07: the decision tree and beam search."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="07.greedy_best",
        text="A text is I and two more tokens, as the table says. Which of these is the likeliest?",
        choices=(
            Choice("I like tea", "It begins with the likeliest token, and has 0.6 x 0.4 = 0.24."),
            Choice("I like you", "It has 0.6 x 0.3 = 0.18."),
            Choice("I am here", "It has 0.4 x 0.8 = 0.32, the largest of the five.", True),
        ),
    ),
    Question(
        name="07.one_more",
        text="A text has the score -3. You add one more token. What becomes of the score?",
        choices=(
            Choice(
                "It rises if the token is a likely one.",
                "The logarithm of a probability is never above 0.",
            ),
            Choice(
                "It falls, or stays if the token is certain.",
                "Each token adds a number that is 0 or below.",
                True,
            ),
            Choice(
                "It comes nearer to 0, as a mean would.", "A sum is no mean: nothing is divided."
            ),
        ),
    ),
    Question(
        name="07.two_beams",
        text="Greedy writes five tokens. Two beams look at twice as many texts. How likely is the "
        "beams' text, beside greedy's?",
        choices=(
            Choice(
                "At least as likely, since greedy's is among those.",
                "It need not be: other texts can push it out.",
            ),
            Choice(
                "More likely, since two texts are compared.",
                "They can even end at greedy's own text.",
            ),
            Choice(
                "More or less likely: both can happen.",
                "Greedy's text can be pruned before it becomes good.",
                True,
            ),
        ),
    ),
    Question(
        name="07.penalty",
        text="You want short answers, so you give a length_penalty of 2. What do you get?",
        choices=(
            Choice(
                "Longer answers, if anything",
                "It divides a negative score by a larger number, and that helps long texts.",
                True,
            ),
            Choice(
                "Shorter answers, as the name says",
                "The name is misleading: dividing brings long texts nearer to 0.",
            ),
            Choice(
                "The same as with 0, or an error",
                "It is a legal value, and it can change the winner.",
            ),
        ),
    ),
    Question(
        name="07.dull",
        text="Greedy, four beams and three ways to draw each go on from the same prompt. Which "
        "text has the largest mean log-probability?",
        choices=(
            Choice(
                "A drawn one that reads like a person's.",
                "Each draw takes some less likely token, and so does a person.",
            ),
            Choice(
                "One of greedy or the beams, and it goes round.",
                "A phrase that stood there already is a safe bet.",
                True,
            ),
            Choice(
                "One of greedy or the beams, and it reads best.",
                "It plays safe at each token, and safe is to repeat.",
            ),
        ),
    ),
)
