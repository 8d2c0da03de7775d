"""Closed formulas of queueing theory, from the textbooks; they import nothing of what they test.

Times are in seconds and rates per second. `load` is the offered load in erlangs: arrival rate times mean service.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def erlang_b(servers: int, load: float) -> float:
    """Share blocked in M/G/c/c (Erlang 1917): B(k) = load*B(k-1) / (k + load*B(k-1)), B(0) = 1."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Share that waits in M/M/c."""
    blocked = erlang_b(servers, load)
    return blocked / (1 - load / servers * (1 - blocked))


def mmc_mean_wait(servers: int, arrivals: float, service: float) -> float:
    """Mean wait in M/M/c; one server is M/M/1."""
    return erlang_c(servers, arrivals * service) / (servers / service - arrivals)


def mmc_wait_quantile(share: float, servers: int, arrivals: float, service: float) -> float:
    """The wait that this share of all do not exceed: P(wait > t) = C * exp(-(c/service - arrivals) * t)."""
    return max(0.0, math.log(erlang_c(servers, arrivals * service) / (1 - share)) / (servers / service - arrivals))


def lifo_wait_tail(at: float, arrivals: float, service: float, steps: int = 4000) -> float:
    """P(wait > at) in M/M/1, newest first: who finds the server busy waits for a busy period to end.

    A busy period lasts longer than x with the integral over u > x of exp(-(a + m)*u) * I1(2*sqrt(a*m)*u) / (u*sqrt(r)),
    a, m and r being the rates and their ratio (Takacs). Simpson's rule over the part below x.
    """
    rate = 1 / service
    load, twice_root = arrivals / rate, 2 * math.sqrt(arrivals * rate)

    def density(u: float) -> float:
        if u == 0:
            return rate
        # I1(z) = 1/pi * integral over 0..pi of exp(z*cos(v)) * cos(v) dv, scaled by exp(-z); the rule is exact here
        z, points = twice_root * u, 64
        angles = [math.pi * (k + 0.5) / points for k in range(points)]
        bessel = sum(math.exp(z * (math.cos(v) - 1)) * math.cos(v) for v in angles) / points
        return math.exp((twice_root - arrivals - rate) * u) * bessel / (u * math.sqrt(load))

    return load * (1 - integral(density, 0.0, at, steps))


def birth_death(up: Callable[[int], float], down: Callable[[int], float], states: int) -> list[float]:
    """Steady state of a chain on 0..states-1 that goes up from n at up(n) and down from n at down(n)."""
    weights = [1.0]
    for n in range(1, states):
        weights.append(weights[-1] * up(n - 1) / down(n))
    return [weight / math.fsum(weights) for weight in weights]


def mmck(servers: int, places: int, arrivals: float, service: float) -> tuple[float, float]:
    """Share blocked, and mean wait of those let in, in M/M/c/K with K = places in all."""
    p = birth_death(lambda n: arrivals, lambda n: min(n, servers) / service, places + 1)
    queue = math.fsum((n - servers) * p[n] for n in range(servers, places + 1))
    return p[places], queue / (arrivals * (1 - p[places]))


def pollaczek_khinchine(arrivals: float, service: float, cv: float) -> float:
    """Mean wait in M/G/1, first come first served; cv is the standard deviation of a service over its mean."""
    load = arrivals * service
    return load / (1 - load) * service * (1 + cv * cv) / 2


def cobham(arrivals: Sequence[float], service: float) -> list[float]:
    """Mean wait of each class in M/M/1 with priorities, the first class before the others, nobody interrupted (1954).

    Who comes waits for what is in service, a * service of it on average with a all arrivals together times service, and
    for whom is before them, then or by the time of their turn: so the share that those leave divides it twice.
    """
    rest, before, waits = sum(arrivals) * service * service, 0.0, []
    for rate in arrivals:
        after = before + rate * service
        waits.append(rest / ((1 - before) * (1 - after)))
        before = after
    return waits


def max_min(offered: Sequence[float], weights: Sequence[float], capacity: float) -> list[float]:
    """What each flow gets: who asks for less than its share of the capacity that, others the rest by their weights."""
    got = [0.0] * len(offered)
    open_flows = set(range(len(offered)))
    while open_flows:
        rest = capacity - sum(got[flow] for flow in range(len(got)) if flow not in open_flows)
        share = rest / sum(weights[flow] for flow in open_flows)
        content = {flow for flow in open_flows if offered[flow] <= share * weights[flow]}
        for flow in content or open_flows:
            got[flow] = offered[flow] if content else share * weights[flow]
        open_flows -= content or open_flows
    return got


def erlang_a(servers: int, arrivals: float, service: float, patience: float, states: int = 400) -> tuple[float, float]:
    """Share that leaves before its turn, and mean wait of the others, in M/M/c+M.

    Who finds n >= c present is served after n - c + 1 exponential steps, if their own patience outlasts them all; the
    step with k patient people ahead in the queue has the rate c/service + k/patience.
    """
    rate, leave = servers / service, 1 / patience
    p = birth_death(
        lambda n: arrivals, lambda n: min(n, servers) / service + max(n - servers, 0) * leave, servers + states
    )
    served, waited = math.fsum(p[:servers]), 0.0
    outlasts, delay = 1.0, 0.0
    for k in range(states):
        step = rate + k * leave + leave
        outlasts *= (rate + k * leave) / step
        delay += 1 / step
        served += p[servers + k] * outlasts
        waited += p[servers + k] * outlasts * delay
    return 1 - served, waited / served


def infinite_servers(at: float, rate: Callable[[float], float], outlasts: Callable[[float], float]) -> float:
    """Mean number in service at an instant in M_t/G/infinity, empty at 0; outlasts(u) is P(service > u)."""
    return integral(lambda u: rate(at - u) * outlasts(u), 0.0, at, 4000)


def lognormal_tail(at: float, median: float, sigma: float) -> float:
    """P(X > at) of a lognormal."""
    return 1.0 if at <= 0 else 0.5 * math.erfc(math.log(at / median) / (sigma * math.sqrt(2)))


def integral(of: Callable[[float], float], low: float, high: float, steps: int) -> float:
    """Simpson's rule, with an even number of steps."""
    width = (high - low) / steps
    odd = math.fsum(of(low + k * width) for k in range(1, steps, 2))
    even = math.fsum(of(low + k * width) for k in range(2, steps, 2))
    return (of(low) + 4 * odd + 2 * even + of(high)) * width / 3
