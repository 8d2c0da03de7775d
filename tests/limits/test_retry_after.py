from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import retry_after

S = 1_000_000_000


@pytest.mark.parametrize(
    ("wait_ns", "seconds"),
    [(-5, 1), (0, 1), (1, 1), (S - 1, 1), (S, 1), (S + 1, 2), (2 * S, 2), (60 * S - 1, 60), (2**63 - 1, 9_223_372_037)],
)
def test_a_wait_is_rounded_up_to_whole_seconds_and_is_never_none(wait_ns: int, seconds: int) -> None:
    assert retry_after.seconds(wait_ns) == seconds


@given(st.integers(1, 2**63 - 1))
def test_who_waits_as_told_never_comes_too_early_and_at_most_a_second_late(wait_ns: int) -> None:
    assert wait_ns <= retry_after.seconds(wait_ns) * S < wait_ns + S
