"""Quota report: gateways decide on a shared rate by what they last heard, and report afterwards what they admitted.

    at the gateway: debt = what the store said, less the time since, plus what was admitted since the report; as gcra
    in the store:   debt += all that is reported, also above the burst; so an overshoot is paid back by waiting

Admitted by N gateways in any [t, t + d]: at most burst + rate * d + what the others admitted unseen by the one that
admits last, which is what they admitted since 2 * (stale + timeout) before: a view may be `stale_ns` old and a report
`timeout_ns` on its way, on both sides. In health that is twice the interval and the delays. Each gateway alone keeps
burst + rate * d, so the overshoot is at most (N - 1) * (burst + 2 * rate * (stale + timeout)); and it is at most what
is offered then, less the rate. Each loss of the store's data adds what it was owed, and a clock that runs fast adds to
the rate. Over long times there is no overshoot: all is charged in the end. What failure modes admit is not reported, or
an outage would end in a long shut-out.

Reports carry the gateway's total, so one that comes twice, or late, is charged once. A store that has forgotten the
gateway charges what was not acknowledged.

State at the gateway: WIDTH ints, named below; zeros have heard nothing. Store: a row of gcra, and one int a gateway.
Use: `decide`, where not `fresh` after a report; if `due`, `asked`, and the answer goes to `answered` or its absence to
`failed`.
Bounds: instants, totals and burst * interval_ns up to limits.row.LARGEST.
"""

from __future__ import annotations

from limits import gcra, without_store
from limits.row import LARGEST, Row
from limits.verdicts import ADMITTED, NEVER, SHED

VIEW = 0  # the row of gcra: all that is known here
TOTAL = 1  # tokens admitted by the view
SENT = 2  # of these, in the last report
HEARD = 3  # of these, in the last report that was answered
SEEN = 4  # 1 + when the last answer came, ns; 0 where none has
ASKED = 5  # 1 + when the report under way was sent, ns; 0 where none is
ASK_AGAIN = 6  # no report before, ns
FAILURES = 7  # reports without an answer since the last one with
ALONE = 8  # the row of without_store
WIDTH = ALONE + without_store.WIDTH


def decide(
    state: Row,
    at: int,
    interval_ns: int,
    burst: int,
    stale_ns: int,
    mode: int,
    trust_ns: int,
    now_ns: int,
    cost: int,
) -> int:
    """Admit `cost` by what is known (0), say after how many ns it would be, SHED where the view is stale, or NEVER.

    Where the last report failed and the view is stale, `mode` of `without_store` decides. NEVER: as in gcra.
    """
    if cost <= 0:
        return ADMITTED if cost == 0 else NEVER
    if interval_ns <= 0 or cost > burst:
        return NEVER
    if not fresh(state, at, stale_ns, now_ns):
        if state[at + FAILURES] == 0:
            return SHED
        return without_store.answer(state, at + ALONE, mode, interval_ns, burst, trust_ns, now_ns, cost)
    answer = gcra.decide(state, at + VIEW, interval_ns, burst, now_ns, cost)
    if answer == ADMITTED:
        state[at + TOTAL] += cost
    return answer


def fresh(state: Row, at: int, stale_ns: int, now_ns: int) -> bool:
    """Return whether the store was heard within `stale_ns`."""
    return state[at + SEEN] > 0 and now_ns - (state[at + SEEN] - 1) <= stale_ns


def due(state: Row, at: int, now_ns: int) -> bool:
    """Return whether it is time for a report."""
    return state[at + ASKED] == 0 and now_ns >= state[at + ASK_AGAIN]


def unheard(state: Row, at: int) -> int:
    """Return the tokens admitted that the store has not acknowledged."""
    return state[at + TOTAL] - state[at + HEARD]


def asked(state: Row, at: int, now_ns: int) -> None:
    """Note that a report of TOTAL, of which `unheard` are not acknowledged, is being sent."""
    state[at + ASKED] = now_ns + 1
    state[at + SENT] = state[at + TOTAL]


def answered(state: Row, at: int, interval_ns: int, debt_ns: int, gateways: int, every_ns: int, now_ns: int) -> None:
    """Take the store's answer; the next report is due `every_ns` after this one was sent."""
    since = state[at + TOTAL] - state[at + SENT]
    state[at + VIEW] = now_ns + debt_ns + since * interval_ns
    state[at + HEARD] = state[at + SENT]
    state[at + SEEN] = now_ns + 1
    state[at + ASK_AGAIN] = state[at + ASKED] - 1 + every_ns
    state[at + ASKED] = 0
    state[at + FAILURES] = 0
    without_store.told(state, at + ALONE, gateways, now_ns)


def failed(state: Row, at: int, again_ns: int) -> None:
    """Note that the report has no answer, and will never be listened to; send the next from `again_ns` on."""
    state[at + ASKED] = 0
    state[at + FAILURES] += 1
    state[at + ASK_AGAIN] = again_ns


def charge(
    store: Row,
    at: int,
    interval_ns: int,
    record: Row,
    record_at: int,
    total: int,
    since: int,
    most_debt_ns: int,
    now_ns: int,
) -> int:
    """In the store: charge what a gateway reports, once, and return the debt, ns, kept to `most_debt_ns`.

    The record is 1 + the gateway's last total; 0 is none, and then `since`, what was not acknowledged, is charged.
    """
    tokens = max(0, total - (record[record_at] - 1)) if record[record_at] > 0 else since
    record[record_at] = max(record[record_at], total + 1)
    debt_ns = min(max(0, store[at] - now_ns), most_debt_ns)
    debt_ns = most_debt_ns if tokens > LARGEST // interval_ns else min(debt_ns + tokens * interval_ns, most_debt_ns)
    store[at] = now_ns + debt_ns
    return debt_ns
