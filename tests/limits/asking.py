"""Shared by the tests of the laws: sequences of questions, and what must hold of every answer of a law of rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from hypothesis import strategies as st

Ask = Callable[[list[int], int, int], int]
"""A law with its parameters filled in: (row, now_ns, cost) -> answer."""

# Small numbers, so that ties, borders and bursts come up all the time.
STEPS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4)), max_size=60)
ANY_STEPS = st.lists(st.tuples(st.integers(-9, 12), st.integers(-1, 5)), max_size=60)


def instants(steps: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Turn (step, cost) into (now_ns, cost); an instant is never negative."""
    now_ns, questions = 0, []
    for step_ns, cost in steps:
        now_ns = max(0, now_ns + step_ns)
        questions.append((now_ns, cost))
    return questions


def admitted(ask: Ask, row: list[int], questions: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return those of (now_ns, cost) that the law admits."""
    return [(now_ns, cost) for now_ns, cost in questions if ask(row, now_ns, cost) == 0]


def most_in_any_window(passed: Sequence[tuple[int, int]], rate_per_ns: Fraction) -> Fraction:
    """Return the largest of (cost admitted in [t, t + d]) - rate * d over all t and d."""
    worst = Fraction(0)
    for first, (start_ns, _) in enumerate(passed):
        total = 0
        for end_ns, cost in passed[first:]:
            total += cost
            worst = max(worst, total - rate_per_ns * (end_ns - start_ns))
    return worst


def waits_are_exact(ask: Ask, row: list[int], questions: Sequence[tuple[int, int]]) -> int:
    """Assert that every wait is as long as needed and no ns longer, and leaves nothing behind; return how many were."""
    waits = 0
    for now_ns, cost in questions:
        wait_ns = ask(row, now_ns, cost)
        if wait_ns > 0:
            waits += 1
            assert ask(row.copy(), now_ns + wait_ns, cost) == 0
            assert ask(row.copy(), now_ns + wait_ns - 1, cost) == 1
            assert ask(row.copy(), now_ns, cost) == wait_ns
    return waits
