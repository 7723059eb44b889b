"""The questions of lesson 14: everything at once."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="14.same_seed",
        text="Two strategies draw with the same seed. The second has top-p 0.9 on top of the "
        "first one's knobs. How will their texts mostly compare?",
        choices=(
            Choice(
                "The same text twice: the seed decides.",
                "The seed gives the numbers that are drawn; the knobs say which token each hits.",
            ),
            Choice(
                "Different from the first token on.",
                "The cut moves the borders a little, and a number often lands on the same token.",
            ),
            Choice(
                "Alike up to some token, then different.",
                "The same number mostly hits the same token, until it does not; then the texts "
                "differ, and so does all that follows.",
                right=True,
            ),
        ),
    ),
    Question(
        name="14.paris",
        text='The model answers " Paris". You read it after each of its 30 layers. Where does '
        '" Paris" come out on top for the first time?',
        choices=(
            Choice(
                "Near layer 10: facts are looked up early.",
                "At layer 10 the lens shows a full stop on top.",
            ),
            Choice(
                "Near layer 20: the rest makes it surer.",
                "At layer 20 a lone space leads, with nearly all of the probability.",
            ),
            Choice(
                "At layer 30, the last one and no earlier.",
                "Even at layer 29 the top token is another one.",
                right=True,
            ),
        ),
    ),
    Question(
        name="14.twice",
        text="A text is 25 tokens at random, then the same 25 again. In the second half, how often "
        "is the next token the model's top one?",
        choices=(
            Choice(
                "Hardly ever: the tokens are random.",
                "The first half is random; the second half stands in the text, word for word.",
            ),
            Choice(
                "About half of the time, or a bit more.",
                "It has noticed the repeat, and goes by it more often than not.",
                right=True,
            ),
            Choice(
                "Always: all of it was there before.",
                "To copy is something that it learnt to do, and it does not always do it.",
            ),
        ),
    ),
    Question(
        name="14.recipe",
        text="You tell a friend the prompt of a text, its seed, its length and its temperature. "
        "The friend has your model, too. What does the friend get?",
        choices=(
            Choice(
                "Your text, if no other knob was on.",
                "Every knob that is on belongs to the recipe, and one that is off changes nothing.",
                right=True,
            ),
            Choice(
                "Your text: a seed fixes the draws.",
                "It fixes the numbers; a knob that you forgot sends them to other tokens.",
            ),
            Choice(
                "Another text: draws are by chance.",
                "With a seed the numbers that look like chance are the same each time.",
            ),
        ),
    ),
)
