from __future__ import annotations

from limits import strict_priority


def test_a_lane_for_each_priority_and_the_last_for_all_beyond() -> None:
    assert [strict_priority.enqueue(3, priority) for priority in (0, 1, 2, 3, 31)] == [0, 1, 2, 2, 2]
    assert [strict_priority.enqueue(lanes, priority) for lanes, priority in ((1, 5), (3, -1), (0, 2))] == [0, 0, 0]
