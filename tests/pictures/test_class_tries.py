"""The picture of a class: its texts keep apart, whatever the names and numbers."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg

from mygpt_helpers.pictures.class_tries import (
    MOST,
    ExerciseRow,
    QuestionRow,
    class_figure,
    class_text,
)
from mygpt_helpers.pictures.settings import own_settings

EXERCISES = [ExerciseRow(f"{i:02}.find_temperature", 888, i, i + 0.5, 888888) for i in range(30)]
QUESTIONS = [QuestionRow(f"{i:02}.who_is_random", 888, i / 30, "b. Wrong.") for i in range(30)]


def texts_of(*rows):
    with own_settings():
        figure = class_figure(888, *rows)
        FigureCanvasAgg(figure).draw()
    found = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    found += [axes.get_title("left") and axes._left_title for axes in figure.axes]
    return figure, [text for text in found if text.get_text()]


def test_no_text_lies_on_another_or_leaves_the_picture():
    figure, texts = texts_of(EXERCISES, QUESTIONS)
    boxes = [text.get_window_extent() for text in texts]
    assert len(boxes) > 4 * MOST
    assert not [1 for one, other in combinations(boxes, 2) if one.overlaps(other)]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)


def test_the_hardest_come_first_and_rows_of_few_stay_away():
    few = ExerciseRow("00.few"), QuestionRow("00.one")
    _, texts = texts_of([few[0], *EXERCISES], [few[1], *QUESTIONS])
    said = [text.get_text() for text in texts]
    first = said.index("29.find_temperature"), said.index("28.find_temperature")
    assert first[0] < first[1] and "00.who_is_random" in said
    assert "01.find_temperature" not in said and not {"00.few", "00.one"} & {*said}
    assert class_text(888, few[:1], few[1:]).count("fewer than 3 learners") == 2


def test_an_empty_half_is_no_error():
    for rows in (([], QUESTIONS), (EXERCISES, []), ([], [])):
        figure, texts = texts_of(*rows)
        boxes = [text.get_window_extent() for text in texts]
        assert boxes and all(box.y0 >= 0 and box.y1 <= figure.bbox.height for box in boxes)
