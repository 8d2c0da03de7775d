"""The laws, in one list: all that asks for every law, by number or by module, reads it from here."""

from __future__ import annotations

from enum import IntEnum
from types import ModuleType

from limits import (
    adaptive_lifo,
    aimd,
    apf,
    bbr_cpu,
    breakwater,
    circuit_breaker,
    codel,
    dagor,
    deadline,
    envoy_gradient,
    fixed_concurrency,
    fixed_window,
    fulfilment_credit,
    gcra,
    gradient2,
    hot_key,
    load_multiplier,
    pacing,
    pi_rejector,
    quota_lease,
    quota_report,
    retry_budget,
    retry_ratio,
    retry_throttle,
    seda,
    sliding_window,
    sliding_window_log,
    sre_throttle,
    strict_priority,
    token_bucket,
    top_down,
    vegas,
    waiting_room,
    warm_up,
    wfq,
    windowed,
)


class Law(IntEnum):
    """Named as in scenarios, in capitals: `Law[admission.law.upper()]`."""

    TOKEN_BUCKET = 1
    GCRA = 2
    FIXED_WINDOW = 3
    SLIDING_WINDOW_LOG = 4
    FIXED_CONCURRENCY = 5
    DEADLINE = 6
    RETRY_BUDGET = 7
    PACING = 8
    SLIDING_WINDOW = 9
    WARM_UP = 10
    RETRY_RATIO = 11
    RETRY_THROTTLE = 12
    SRE_THROTTLE = 13
    AIMD = 14
    CIRCUIT_BREAKER = 15
    CODEL = 16
    ADAPTIVE_LIFO = 17
    HOT_KEY = 18
    WAITING_ROOM = 19
    QUOTA_LEASE = 20
    QUOTA_REPORT = 21
    VEGAS = 22
    GRADIENT2 = 23
    ENVOY_GRADIENT = 24
    BBR_CPU = 25
    DAGOR = 26
    PI_REJECTOR = 27
    FULFILMENT_CREDIT = 28
    BREAKWATER = 29
    LOAD_MULTIPLIER = 30
    TOP_DOWN = 31
    WFQ = 32
    APF = 33
    STRICT_PRIORITY = 34
    SEDA = 35


MODULES: dict[Law, ModuleType] = {
    Law.TOKEN_BUCKET: token_bucket,
    Law.GCRA: gcra,
    Law.FIXED_WINDOW: fixed_window,
    Law.SLIDING_WINDOW_LOG: sliding_window_log,
    Law.FIXED_CONCURRENCY: fixed_concurrency,
    Law.DEADLINE: deadline,
    Law.RETRY_BUDGET: retry_budget,
    Law.PACING: pacing,
    Law.SLIDING_WINDOW: sliding_window,
    Law.WARM_UP: warm_up,
    Law.RETRY_RATIO: retry_ratio,
    Law.RETRY_THROTTLE: retry_throttle,
    Law.SRE_THROTTLE: sre_throttle,
    Law.AIMD: aimd,
    Law.CIRCUIT_BREAKER: circuit_breaker,
    Law.CODEL: codel,
    Law.ADAPTIVE_LIFO: adaptive_lifo,
    Law.HOT_KEY: hot_key,
    Law.WAITING_ROOM: waiting_room,
    Law.QUOTA_LEASE: quota_lease,
    Law.QUOTA_REPORT: quota_report,
    Law.VEGAS: vegas,
    Law.GRADIENT2: gradient2,
    Law.ENVOY_GRADIENT: envoy_gradient,
    Law.BBR_CPU: bbr_cpu,
    Law.DAGOR: dagor,
    Law.PI_REJECTOR: pi_rejector,
    Law.FULFILMENT_CREDIT: fulfilment_credit,
    Law.BREAKWATER: breakwater,
    Law.LOAD_MULTIPLIER: load_multiplier,
    Law.TOP_DOWN: top_down,
    Law.WFQ: wfq,
    Law.APF: apf,
    Law.STRICT_PRIORITY: strict_priority,
    Law.SEDA: seda,
}

BESIDE: tuple[ModuleType, ...] = (windowed,)
"""No laws, and compiled like them: what stands before a law."""

_INTS_A_SLOT = {
    Law.SLIDING_WINDOW_LOG: 1,
    Law.RETRY_RATIO: 2,
    Law.SRE_THROTTLE: 2,
    Law.CIRCUIT_BREAKER: 1,
    Law.HOT_KEY: hot_key.width(1) - hot_key.width(0),
    Law.WAITING_ROOM: 3,
    Law.BBR_CPU: 3,
    Law.DAGOR: dagor.PERSONS,
    Law.PI_REJECTOR: 1,
    Law.LOAD_MULTIPLIER: 2,
    Law.TOP_DOWN: top_down.API,
    Law.WFQ: 1,
    Law.SEDA: 1,
}


def width(law: Law, slots: int = 0) -> int:
    """Return the ints in a row of a law, of `slots` where it has a ring or a table.

    Stages of a waiting_room come on top, and the queues of an apf (`apf.width`).

    Slots are the largest limit of a sliding_window_log, the window of a circuit_breaker, the slices of retry_ratio and
    sre_throttle, the keys of a hot_key, the people of a waiting_room, the buckets of bbr_cpu, the businesses of dagor,
    the levels of pi_rejector, the slices of load_multiplier, the APIs of top_down, the flows of wfq,
    the calls of seda.
    """
    own: int = MODULES[law].WIDTH
    return own + slots * _INTS_A_SLOT.get(law, 0)
