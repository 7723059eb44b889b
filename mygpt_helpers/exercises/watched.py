"""Watching what a function that is handed to the learner's own is called with."""

from __future__ import annotations

from .calls import Function, TooManyCalls, copied, name_of


def with_its_calls(
    function: Function, rule: Function, start: object, steps: int, *more: object
) -> dict[str, object]:
    """Observe function(rule, start, steps, *more): what rule is given, call by call, and the text.

    What rule cannot answer is answered as for the start: the comparison of the calls says what was
    wrong. Raises TooManyCalls for a loop that does not end.
    """
    calls: list[object] = []
    name = name_of(rule)

    def watched(given: object = ...) -> object:
        if len(calls) >= steps + 100:
            raise TooManyCalls(f"{name} was called more than {len(calls)} times; does it end?")
        calls.append(copied(given))
        try:
            return rule(given)
        except Exception:
            return rule(start)

    text = function(watched, start, steps, *more)
    if isinstance(text, list):  # a rule that was not called is the same one in every run
        text = [rule if part is watched else part for part in text]
    given = {f"call {i} of {name} is given": text for i, text in enumerate(calls[:steps], 1)}
    return {f"number of calls of {name}": len(calls), **given, "the text": text}
