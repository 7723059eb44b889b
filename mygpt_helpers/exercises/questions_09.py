"""The questions of lesson 09: the key-value cache."""

from ..widgets.question import Choice, Question

QUESTIONS = (
    Question(
        name="09.shape",
        text="The keys of one layer have the shape (1, 3, 4, 64): one text, three heads, four "
        "tokens, 64 numbers. The model reads one more token. What is their shape then?",
        choices=(
            Choice("(1, 3, 5, 64)", "One more token brings one more key for each head.", True),
            Choice("(1, 3, 1, 64)", "That is the new token's part; it is put behind the others."),
            Choice("(2, 3, 4, 64)", "The first number counts texts, and there is still one."),
        ),
    ),
    Question(
        name="09.same",
        text="Two loops write the same text greedily, one with the cache and one without. Are the "
        "logits of both the same numbers?",
        choices=(
            Choice("Yes, to the last bit", "Sums of another size are added in another order."),
            Choice(
                "No, and so the texts soon drift",
                "It is far smaller than any top token's lead here.",
            ),
            Choice("Nearly: they differ by rounding", "The same sums, rounded elsewhere.", True),
        ),
    ),
    Question(
        name="09.grows",
        text="The text grows from 64 to 512 tokens, to eight times its length. With the cache, how "
        "does the work for the next token grow?",
        choices=(
            Choice("Not at all", "The new token looks back at more keys, and that is some work."),
            Choice("By about a tenth", "Most of the work does not look back at all.", True),
            Choice("To eight times as much", "Even a little more than that, without the cache."),
        ),
    ),
    Question(
        name="09.larger",
        text="GPT-2 small has 12 layers with 12 key-value heads each. Our SmolLM2 has 30 layers "
        "with 3 each. A head has 64 numbers in both. Whose cache is larger, for the same text?",
        choices=(
            Choice(
                "GPT-2's: it has more heads in all", "12 times 12 is 144, 30 times 3 is 90.", True
            ),
            Choice("SmolLM2's: it has more layers", "More layers, but each keeps much less."),
            Choice("They are equal: 64 numbers each", "The width is equal, the heads are not."),
        ),
    ),
    Question(
        name="09.whole",
        text="A loop keeps the cache, and by mistake it also gives the model the whole text in "
        "each turn. What happens?",
        choices=(
            Choice("transformers raises an error", "It accepts any number of new tokens."),
            Choice("The same text, more slowly", "The model takes the old tokens for new ones."),
            Choice("Another text, without a warning", "It reads the text twice, thrice, ...", True),
        ),
    ),
)
