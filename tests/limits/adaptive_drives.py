"""What laws that adapt are asked where they are compared, compiled and not."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from limits import (
    apf,
    bbr_cpu,
    breakwater,
    dagor,
    envoy_gradient,
    fulfilment_credit,
    gradient2,
    load_multiplier,
    pi_rejector,
    seda,
    strict_priority,
    top_down,
    vegas,
    wfq,
    windowed,
)
from limits.row import LARGEST
from tests.limits.drives import AT, MS, Drive, Edges, Run


def drive_vegas(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, _, draw, rtt_ns, inside, outcome = moves[i]
        vegas.observe(state, AT, 20, 2, 500, 5, LARGEST, draw, now_ns, rtt_ns, inside, outcome)
        answers[i] = vegas.limit(state, AT, 20)


def drive_gradient2(state: Any, moves: Any, answers: Any) -> None:
    window = AT + gradient2.WIDTH
    for i in range(len(moves)):
        now_ns, what, _, rtt_ns, inside, outcome = moves[i]
        if windowed.add(state, window, 0, 50 * MS, 1 + what, 5, now_ns, rtt_ns, inside, outcome):
            rtt_ns, inside = windowed.rtt_ns(state, window), windowed.inflight(state, window)
            outcome = windowed.outcome(state, window)
            gradient2.observe(state, AT, 20, 2, 500, 4, 200, 1500, 30, now_ns, rtt_ns, inside, outcome)
        answers[i] = gradient2.limit(state, AT, 20)


def drive_envoy(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, draw, rtt_ns, inside, outcome = moves[i]
        if what == 0:
            envoy_gradient.tick(state, AT, 3, 200, 500, 250, 20 * MS, now_ns)
        else:
            envoy_gradient.observe(
                state, AT, 3, 200, 5, 500, 250, 20 * MS, 999 * MS, 150, draw, now_ns, rtt_ns, inside, outcome
            )
        answers[i] = envoy_gradient.limit(state, AT, 3)


def drive_bbr(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, draw, rtt_ns, inside, outcome = moves[i]
        if what == 0:
            bbr_cpu.sample_cpu(state, AT, draw % 200)
        elif what < 4:
            bbr_cpu.observe(state, AT, 10, 30 * MS, now_ns, rtt_ns, inside, outcome)
        else:
            answers[i] = bbr_cpu.decide(state, AT, 10, 30 * MS, 100, now_ns, inside - 1) * 1000 + state[AT + 5]


def drive_dagor(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, draw, rtt_ns, inside, _ = moves[i]
        if what < 3:
            dagor.waited(state, AT, rtt_ns)
        level = dagor.person_level(draw, now_ns) + what % 2 * dagor.PERSONS
        verdict = dagor.decide(state, AT, 2, 50 * MS, 200, 3 * MS, 50, 10, level, now_ns, inside - 1)
        answers[i] = 1000 * verdict + dagor.open_levels(state, AT, 2)


def drive_pi(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, draw, _, inside, _ = moves[i]
        if what < 3:
            pi_rejector.leave(state, AT)
        free = inside // 100
        verdict = pi_rejector.decide(state, AT, 100, 20 * MS, 100, 14, free, draw % 100, now_ns, inside - 1)
        answers[i] = state[AT + 3] * 10 + verdict


def drive_fulfilment(state: Any, moves: Any, answers: Any) -> None:
    places = AT + 20
    for k in range(3):
        state[places + k] = AT + 5 * k
    for i in range(len(moves)):
        now_ns, what, draw, rtt_ns, inside, _ = moves[i]
        place = AT + 5 * (draw % 4)
        if what < 4:
            fulfilment_credit.tell(
                state, place, inside // 9 * MS, state[place + 3] - what, what, now_ns - rtt_ns, now_ns
            )
        elif what == 4:
            fulfilment_credit.gone(state, place, inside % 3)
        else:
            found = fulfilment_credit.best(state, state, places, 3, 100 * MS, 20 * MS, now_ns, 1)
            store = AT + 5 * max(0, found)
            answers[i] = (
                10
                * fulfilment_credit.decide(
                    state, store, AT + 15, 100 * MS, 200 * MS, 20 * MS, 50 * MS, now_ns, inside % 4 - 1
                )
                + found
            )


def drive_breakwater(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        _, what, draw, rtt_ns, inside, outcome = moves[i]
        breakwater.control(state, AT, MS, 100, 20, 4, 8, rtt_ns % (3 * MS))
        client = AT + breakwater.WIDTH + draw % 8
        state[client] = breakwater.share(state, AT, 4, 8, state[client], what, inside)
        if outcome == 2:
            breakwater.take_back(state, AT, state[client])
            state[client] = 0
        answers[i] = 2 * state[client] + breakwater.decide(state, AT, MS, rtt_ns, 0, inside - 1)


def drive_credits(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, draw, rtt_ns, _, _ = moves[i]
        breakwater.tick(state, AT, 5 * MS, MS, 100, 20, 4, 8, rtt_ns % (3 * MS), now_ns)
        client = AT + breakwater.WIDTH + draw % 8 * breakwater.CLIENT_WIDTH
        if what < 5:
            answers[i] = breakwater.spend(state, AT, state, client, 4, 8)
        else:
            breakwater.answered(state, AT, state, client, 4, 8)
            answers[i] = 100 * state[AT] + state[client]


def drive_seda(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, _, rtt_ns, inside, outcome = moves[i]
        if what < 5:
            seda.observe(
                state,
                AT,
                50_000_000,
                10_000,
                10**9,
                2_000_000,
                1200,
                900,
                3 * MS,
                20,
                50 * MS,
                9,
                now_ns,
                rtt_ns,
                1,
                outcome,
            )
        answers[i] = seda.decide(state, AT, 50_000_000, 9, now_ns, inside % 9 - 1) + state[AT]


def drive_multiplier(state: Any, moves: Any, answers: Any) -> None:
    tags = AT + load_multiplier.WIDTH + 20
    for i in range(len(moves)):
        now_ns, what, draw, rtt_ns, inside, outcome = moves[i]
        if what < 4:
            load_multiplier.observe(state, AT, 10, 100 * MS, now_ns, rtt_ns % MS, inside, outcome)
            wfq.serve(state, tags, 4, state[tags])
        else:
            answers[i] = load_multiplier.decide(state, AT, 50 * MS, 1010, 100, 250, 2000, now_ns, inside % 5 - 1)
            answers[i] += wfq.enqueue(state, tags, draw % 4, what, inside) % 1000


def drive_apf(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, draw, rtt_ns, _, _ = moves[i]
        if what < 5:
            answers[i] = apf.enqueue(state, AT, 16, 4, 6, 3, draw % 50, now_ns)
        elif what < 7:
            answers[i] = apf.next_queue(state, AT, 16, 6, 3, MS, now_ns)
        else:
            apf.finish(state, AT, 6, 3, draw % 16, MS, rtt_ns, now_ns)
            answers[i] = state[AT] // 1000


def drive_wfq(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        _, what, draw, _, inside, _ = moves[i]
        if what < 6:
            answers[i] = wfq.enqueue(state, AT, draw % 4, what, inside)
        elif what < 8:
            wfq.serve(state, AT, 4, state[AT] + draw)
        else:
            wfq.leave(state, AT, 4)


def drive_strict_priority(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        answers[i] = strict_priority.enqueue(4, moves[i][1])


def drive_top_down(state: Any, moves: Any, answers: Any) -> None:
    for i in range(len(moves)):
        now_ns, what, draw, rtt_ns, inside, _ = moves[i]
        if what == 0:
            top_down.tell(state, AT, draw % 4, inside % 4, draw % 3)
        elif what == 1:
            top_down.control(state, AT, 4, 2 * MS, 50, 10, 10_000, rtt_ns, now_ns)
        else:
            answers[i] = top_down.decide(state, AT, draw % 4, now_ns, inside % 4 - 1)


DRIVEN: list[tuple[ModuleType, Drive, int, int]] = [  # width, kinds of answers at least
    (vegas, drive_vegas, vegas.WIDTH, 5),
    (gradient2, drive_gradient2, gradient2.WIDTH + windowed.WIDTH, 30),
    (envoy_gradient, drive_envoy, envoy_gradient.WIDTH, 30),
    (bbr_cpu, drive_bbr, bbr_cpu.WIDTH + 30, 6),
    (dagor, drive_dagor, dagor.WIDTH + 2 * dagor.PERSONS, 50),
    (pi_rejector, drive_pi, pi_rejector.WIDTH + 100, 50),
    (breakwater, drive_breakwater, breakwater.WIDTH + 8, 50),
    (breakwater, drive_credits, breakwater.WIDTH + 16, 50),
    (seda, drive_seda, seda.WIDTH + 20, 50),
    (load_multiplier, drive_multiplier, load_multiplier.WIDTH + 20 + wfq.WIDTH + 4, 50),
    (top_down, drive_top_down, top_down.WIDTH + 4 * top_down.API, 30),
    (fulfilment_credit, drive_fulfilment, 23, 50),
    (apf, drive_apf, apf.width(16, 6), 50),
    (wfq, drive_wfq, wfq.WIDTH + 4, 50),
    (strict_priority, drive_strict_priority, 0, 4),
]


def moves(count: int) -> list[list[int]]:
    """Return moves with ties, leaps and steps back, and round trips over five powers of ten.

    A move: now_ns, what to do (0 to 9), a draw, a round trip, how many inside, an outcome.
    """
    generator = np.random.default_rng(11)
    steps = generator.integers(0, 3 * MS, count)
    steps[generator.random(count) < 0.3] = 0
    steps[generator.random(count) < 0.02] = -9 * MS
    steps[generator.random(count) < 0.002] = 10**10
    columns = [
        np.maximum(0, np.cumsum(steps)),
        generator.integers(0, 10, count),
        generator.integers(0, 10**9, count),
        (10 ** (3 + 5 * generator.random(count) ** 3)).astype(np.int64),
        generator.integers(0, 300, count),
        generator.choice([0, 0, 0, 0, 0, 0, 0, 1, 2], count),
    ]
    return [list(map(int, move)) for move in zip(*columns, strict=True)]


RUNS = [Run(law, drive, width, moves, kinds) for law, drive, width, kinds in DRIVEN]


def edges_of_limits(state: Any, numbers: Any, answers: Any) -> None:
    """Ask every law that learns a limit with all triples of the largest numbers there are, from rows of zeros."""
    last = 999_999_999
    i = 0
    for a in numbers:
        for b in numbers:
            for now_ns in numbers:
                for k in range(len(state)):
                    state[k] = 0
                for rtt_ns in (b, a, now_ns):
                    vegas.observe(state, 0, a, 0, b, a, a, last, now_ns, rtt_ns, b, 0)
                    gradient2.observe(state, 4, a, 0, b, a, b, a, b, now_ns, rtt_ns, b, 0)
                    windowed.add(state, 8, a, b, 0, 0, now_ns, rtt_ns, b, 0)
                    bbr_cpu.observe(state, 17, 2, b, now_ns, rtt_ns, b, 0)
                    bbr_cpu.sample_cpu(state, 17, a)
                    answers[i + 3] += bbr_cpu.decide(state, 17, 2, b, 1, now_ns, a)
                    envoy_gradient.observe(state, 29, a, b, 1, a, b, a, b, a, last, now_ns, rtt_ns, b, 0)
                answers[i] = vegas.limit(state, 0, a)
                answers[i + 1] = gradient2.limit(state, 4, a)
                answers[i + 2] = envoy_gradient.limit(state, 29, a)
                answers[i + 4] = max(state)
                answers[i + 5] = min(state)
                i += 6


def edges_of_priorities(state: Any, numbers: Any, answers: Any) -> None:
    i = 0
    for a in numbers:
        for b in numbers:
            for now_ns in numbers:
                for k in range(len(state)):
                    state[k] = 0
                for _ in range(3):
                    dagor.waited(state, 0, b)
                    answers[i] += dagor.decide(state, 0, 1, a, b, a, b, a, b, now_ns, a)
                    answers[i] += pi_rejector.decide(state, 200, 3, b, a, b, a, b, now_ns, a)
                    answers[i] += pi_rejector.decide(state, 200, 3, b, a, b, 0, b, now_ns, 1)
                    pi_rejector.leave(state, 200)
                for _ in range(3):
                    load_multiplier.observe(state, 1300, 2, max(1, b), now_ns, b, b, 0)
                    answers[i] += load_multiplier.decide(state, 1300, a, b, a, b, a, now_ns, b) % 1000
                    answers[i] += wfq.enqueue(state, 1400, 0, a, b) % 1000
                    wfq.serve(state, 1400, 1, state[1400])
                for _ in range(3):
                    answers[i] += apf.enqueue(state, 1500, 2, b, 3, a, b, now_ns)
                    answers[i] += apf.next_queue(state, 1500, 2, 3, a, b, now_ns)
                    apf.finish(state, 1500, 3, a, 0, b, a, now_ns)
                    apf.finish(state, 1500, 3, a, 1, 0, a, b)
                for _ in range(3):
                    top_down.tell(state, 1600, 0, a, b)
                    answers[i] += top_down.decide(state, 1600, 0, now_ns, b) % 1000
                    answers[i] += top_down.decide(state, 1600, 1, now_ns, 1) % 1000
                    top_down.control(state, 1600, 2, a, b, a, b, b, now_ns)
                    top_down.control(state, 1600, 2, b, b, a, a, a, b)
                answers[i + 1] = dagor.person_level(a, b)
                answers[i + 2] = max(state)
                answers[i + 3] = min(state)
                i += 4


def edges_of_the_street(state: Any, numbers: Any, answers: Any) -> None:
    i = 0
    for a in numbers:
        for b in numbers:
            for now_ns in numbers:
                for k in range(len(state)):
                    state[k] = 0
                fulfilment_credit.tell(state, 5, 1, 0, 0, 0, b)
                for _ in range(3):
                    fulfilment_credit.tell(state, 0, a, b, a, now_ns, b)
                    answers[i] += fulfilment_credit.decide(state, 0, 5, b, a, b, a, now_ns, b)
                    answers[i] += fulfilment_credit.decide(state, 0, 5, LARGEST, LARGEST, b, a, now_ns, 1) % 1000
                    answers[i] += fulfilment_credit.best(state, state, 11, 1, b, a, now_ns, a)
                    fulfilment_credit.charge(state, 0, b, now_ns, a)
                    fulfilment_credit.gone(state, 5, a)
                breakwater.control(state, 6, a, b, a, b, a, now_ns)
                breakwater.control(state, 6, b, b, a, a, b, now_ns)
                answers[i] += breakwater.share(state, 6, a, b, 0, a, b)
                breakwater.tick(state, 6, a, b, a, b, b, a, now_ns, now_ns)
                answers[i] += breakwater.spend(state, 6, state, 20, a, b)
                breakwater.answered(state, 6, state, 20, b, a)
                for rtt_ns in (b, a, now_ns):
                    seda.observe(state, 30, a, b, a, b, a, b, a, 2, b, a, now_ns, rtt_ns, b, 0)
                    answers[i] += seda.decide(state, 30, b, a, now_ns, 1) % 1000
                answers[i + 1] = fulfilment_credit.credit(state, 0, a, b, now_ns)
                answers[i + 2] = fulfilment_credit.wait(state, 0, a, b, now_ns, b)
                answers[i + 3] = max(state)
                answers[i + 4] = min(state)
                i += 5


EDGES = [
    Edges(edges_of_limits, 29 + envoy_gradient.WIDTH, 6),
    Edges(edges_of_the_street, 40, 5),
    Edges(edges_of_priorities, 1620, 4),
]
