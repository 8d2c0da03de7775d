"""Laws that learn from how what they let in has ended (docs/model.md, Laws)."""

from __future__ import annotations

from limits import (
    aimd,
    bbr_cpu,
    envoy_gradient,
    fixed_concurrency,
    gradient2,
    load_multiplier,
    seda,
    vegas,
    verdicts,
    windowed,
)
from limits.laws import Law
from scenarios import draws
from scenarios.draws import Stream
from simulator.compiled.jit import kernel
from simulator.compiled.layout import (
    L_EIGHT,
    L_FIVE,
    L_FOUR,
    L_LAW,
    L_NINE,
    L_NUMBER,
    L_ONE,
    L_SEVEN,
    L_SIX,
    L_SLOTS,
    L_STAGE,
    L_TEN,
    L_THREE,
    L_TWO,
    SEED,
)
from simulator.compiled.memory import Words
from simulator.compiled.series import capacity_of, in_service_at

_AIMD, _VEGAS, _GRADIENT2 = int(Law.AIMD), int(Law.VEGAS), int(Law.GRADIENT2)
_ENVOY_GRADIENT, _BBR_CPU = int(Law.ENVOY_GRADIENT), int(Law.BBR_CPU)
_LOAD_MULTIPLIER, _SEDA = int(Law.LOAD_MULTIPLIER), int(Law.SEDA)
_PROBE = int(Stream.PROBE)
aimd_limit, aimd_observe = aimd.limit, aimd.observe
vegas_observe = vegas.observe
gradient2_limit, gradient2_observe = gradient2.limit, gradient2.observe
envoy_limit, envoy_tick, envoy_observe = envoy_gradient.limit, envoy_gradient.tick, envoy_gradient.observe
bbr_decide, bbr_observe, bbr_sample_cpu = bbr_cpu.decide, bbr_cpu.observe, bbr_cpu.sample_cpu
sample_add, sample_rtt_ns, sample_inflight, sample_outcome = (
    windowed.add,
    windowed.rtt_ns,
    windowed.inflight,
    windowed.outcome,
)
fixed_concurrency_decide, fixed_concurrency_release = fixed_concurrency.decide, fixed_concurrency.release
multiplier_decide, multiplier_observe = load_multiplier.decide, load_multiplier.observe
seda_decide, seda_observe = seda.decide, seda.observe
uniform, key = draws.uniform, draws.key
_SHED, _BILLION = verdicts.SHED, vegas.BILLION
_SLOTS_WIDTH, _BBR_WIDTH = fixed_concurrency.WIDTH, bbr_cpu.WIDTH
_HALF_A_SECOND_NS, _MOST_TOLD = 500_000_000, 100


@kernel
def learned_limit(M: Words, law: int, row: int, now_ns: int) -> int:
    """Return how many may be inside now."""
    kind, one = M[law + L_LAW], M[law + L_ONE]
    if kind in (_AIMD, _VEGAS):
        return aimd_limit(M, row, one)
    if kind == _GRADIENT2:
        return gradient2_limit(M, row, one)
    envoy_tick(M, row, one, M[law + L_TWO], M[law + L_FOUR], M[law + L_FIVE], M[law + L_SIX], now_ns)
    return envoy_limit(M, row, one)


@kernel
def ask_learned(M: Words, law: int, row: int, now_ns: int, cost: int, kept_milli: int) -> int:
    """Ask a law that learns about one more, as the law answers."""
    kind = M[law + L_LAW]
    if kind == _BBR_CPU:
        return ask_bbr(M, law, row, now_ns)
    if kind == _LOAD_MULTIPLIER:
        return ask_multiplier(M, law, row, now_ns, cost)
    if kind == _SEDA:
        return ask_seda(M, law, row, now_ns, cost)
    limit = learned_limit(M, law, row, now_ns)
    limit -= limit * kept_milli // 1000
    return 0 if fixed_concurrency_decide(M, row + M[law + L_SLOTS], limit, now_ns, 1) == 0 else _SHED


@kernel
def ask_multiplier(M: Words, law: int, row: int, now_ns: int, cost: int) -> int:
    """Ask a load_multiplier."""
    tolerance, least, increment, most = M[law + L_TWO], M[law + L_THREE], M[law + L_FOUR], M[law + L_FIVE]
    return multiplier_decide(M, row, M[law + L_ONE], tolerance, least, increment, most, now_ns, cost)


@kernel
def ask_seda(M: Words, law: int, row: int, now_ns: int, cost: int) -> int:
    """Ask a seda."""
    return seda_decide(M, row, M[law + L_ONE], M[law + L_TEN], now_ns, cost)


@kernel
def ask_bbr(M: Words, law: int, row: int, now_ns: int) -> int:
    """Tell a bbr_cpu of the servers busy, as often as half a second has passed, and ask it."""
    told_to = row + _BBR_WIDTH + 3 * M[law + L_ONE]
    times = (now_ns - M[told_to]) // _HALF_A_SECOND_NS
    M[told_to] += times * _HALF_A_SECOND_NS
    if times:
        stage = M[law + L_STAGE]
        servers = capacity_of(M, stage)
        used_milli = min(1000, 1000 * in_service_at(M, stage) // servers) if servers else 1000
        for _ in range(min(times, _MOST_TOLD)):
            bbr_sample_cpu(M, row, used_milli)
    return bbr_decide(M, row, M[law + L_ONE], M[law + L_TWO], M[law + L_THREE], now_ns, 1)


@kernel
def learns(
    M: Words, law: int, row: int, want: int, number: int, now_ns: int, rtt_ns: int, inflight: int, outcome: int
) -> None:
    """Tell a law that learns of an attempt that is inside no more."""
    kind = M[law + L_LAW]
    one, two, three, four = M[law + L_ONE], M[law + L_TWO], M[law + L_THREE], M[law + L_FOUR]
    five, six, seven, eight = M[law + L_FIVE], M[law + L_SIX], M[law + L_SEVEN], M[law + L_EIGHT]
    if kind == _BBR_CPU:
        bbr_observe(M, row, one, two, now_ns, rtt_ns, inflight, outcome)
        return
    if kind == _LOAD_MULTIPLIER:
        multiplier_observe(M, row, six, seven, now_ns, rtt_ns, inflight, outcome)
        return
    if kind == _SEDA:
        calls, every_ns, burst = eight, M[law + L_NINE], M[law + L_TEN]
        seda_observe(
            M, row, one, two, three, four, five, six, seven, calls, every_ns, burst, now_ns, rtt_ns, inflight, outcome
        )
        return
    fixed_concurrency_release(M, row + M[law + L_SLOTS], 1)
    if kind == _AIMD:
        aimd_observe(M, row, one, two, three, four, five, now_ns, rtt_ns, inflight, outcome)
    elif kind == _GRADIENT2:
        sample, least_calls, shortest_ns = row + M[law + L_SLOTS] + _SLOTS_WIDTH, M[law + L_NINE], M[law + L_TEN]
        if sample_add(M, sample, eight, eight, least_calls, shortest_ns, now_ns, rtt_ns, inflight, outcome):
            rtt_ns, inflight, outcome = sample_rtt_ns(M, sample), sample_inflight(M, sample), sample_outcome(M, sample)
            gradient2_observe(M, row, one, two, three, four, five, six, seven, now_ns, rtt_ns, inflight, outcome)
    else:
        drawn = uniform(key(M[SEED], _PROBE, want, number), M[law + L_NUMBER])
        draw_ppb = int(drawn * _BILLION)
        if kind == _VEGAS:
            vegas_observe(M, row, one, two, three, four, five, draw_ppb, now_ns, rtt_ns, inflight, outcome)
        else:
            envoy_observe(
                M, row, one, two, three, four, five, six, seven, eight, draw_ppb, now_ns, rtt_ns, inflight, outcome
            )
