"""The batching replica against two measured servers, call by call; skipped where the measurements are absent.

The figures of each run, simulated and measured, are printed (`pytest -s`). The bands are those for a load that the
parameters were not fitted to: completed/s 5%, end-to-end p95 8%, p50 20%, time to first token p95 30%; half of the runs
have p50 within 6% and the first token's p95 within 8%. The three runs of vLLM and two of the A10G were fitted to; the
A10G under a synthetic overload was not.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.reference.replica import ReplicaLaw
from tests.test_batching import run

DATA = Path(os.environ.get("SLUICE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))

LLAMA_1B = ReplicaLaw(  # vLLM, Llama-3.2-1B, one GPU of 24 GB
    step_ns=3_940_000,
    step_per_sequence_ns=251_000,
    step_per_context_token_ps=116_000,
    step_per_prefill_token_ns=1_180,
    step_with_prefill_ns=0,
    slots=256,
    kv_tokens=10**9,
    step_tokens=512,
    reported_delay_ns=24_600_000,
)
LLAMA_7B_PEAK = ReplicaLaw(  # one A10G, Llama-2-7B
    step_ns=32_800_000,
    step_per_sequence_ns=226_000,
    step_per_context_token_ps=495_000,
    step_per_prefill_token_ns=232_000,
    step_with_prefill_ns=22_500_000,
    slots=1000,
    kv_tokens=9_800,
    step_tokens=3072,
    gate_steps=10,
    reported_delay_ns=17_500_000,
    kv_mode="peak",
)
LLAMA_7B_RESERVE = replace(
    LLAMA_7B_PEAK,
    step_ns=32_400_000,
    step_per_sequence_ns=224_000,
    step_per_context_token_ps=547_000,
    step_per_prefill_token_ns=223_000,
    step_with_prefill_ns=16_900_000,
    kv_tokens=12_300,
    reported_delay_ns=14_400_000,
    kv_mode="reserve",
    reserve_milli=770,
)


@dataclass(frozen=True)
class Measured:
    """Calls by arrival: instants and times in seconds."""

    at_s: list[float]
    prompt: list[int]
    output: list[int]
    first_s: list[float]
    end_to_end_s: list[float]


@dataclass(frozen=True)
class Figures:
    completed_per_s: float
    p50_s: float
    p95_s: float
    first_p50_s: float
    first_p95_s: float


def nearest_rank(values: Sequence[float], share: float) -> float:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def figures(at_s: Sequence[float], first_s: Sequence[float], end_to_end_s: Sequence[float]) -> Figures:
    end_s = max(at + took for at, took in zip(at_s, end_to_end_s, strict=True))
    return Figures(
        completed_per_s=len(at_s) / (end_s - at_s[0]),
        p50_s=nearest_rank(end_to_end_s, 0.5),
        p95_s=nearest_rank(end_to_end_s, 0.95),
        first_p50_s=nearest_rank(first_s, 0.5),
        first_p95_s=nearest_rank(first_s, 0.95),
    )


def read(*parts: str) -> Any:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no measurements at {path}")
    return json.loads(path.read_text())


def vllm(scale: int) -> Measured:
    """500 real arrivals replayed into vLLM.

    The file counts output in characters. Tokens come from the server's own log: those generated per decoding call
    between a call's first and last chunk, up to the 1,024 that it was asked for.
    """
    folder = "vllm_burstgpt_sweep"
    rows = list(read(folder, f"detail_log_scale{scale}_prompt500.json").values())
    rows.sort(key=lambda row: row["record_time"] - row["total_chunk_time"])
    log = list(read(folder, f"vllm_log_scale{scale}_prompt500.json").values())
    at = np.array([row["record_time"] - row["total_chunk_time"] for row in rows])
    first = at + [row["first_chunk_time"] for row in rows]
    last = at + [row["total_chunk_time"] for row in rows]
    logged = np.array([entry["timestamp"] for entry in log])
    per_call = [0.0]  # tokens that a call which always decodes has got by each entry of the log
    for begin, end, entry in zip(logged, logged[1:], log[1:], strict=False):
        decoding_s = np.clip(np.minimum(last, end) - np.maximum(first, begin), 0, None).sum()
        few = decoding_s < 0.3 * (end - begin)
        per_call.append(per_call[-1] + (0 if few else entry["generation_throughput"] * (end - begin) ** 2 / decoding_s))
    tokens = 1 + np.interp(last, logged, per_call) - np.interp(first, logged, per_call)
    return Measured(
        at_s=(at - at[0]).tolist(),
        prompt=[row["in_len"] for row in rows],
        output=[min(1024, max(1, round(number))) for number in tokens.tolist()],
        first_s=(first - at).tolist(),
        end_to_end_s=(last - at).tolist(),
    )


def a10g(name: str) -> Measured:
    """What the server took of a trace; refused requests (time -1) never reached it."""
    rows = read("vtc_lmsys", f"{name}.jsonl")["result"]["responses"]
    taken = sorted((row for row in rows if row["first_token_latency"] >= 0), key=lambda row: float(row["req_time"]))
    return Measured(
        at_s=[row["req_time"] for row in taken],
        prompt=[row["prompt_len"] for row in taken],
        output=[row["output_len"] for row in taken],
        first_s=[row["first_token_latency"] for row in taken],
        end_to_end_s=[row["request_latency"] for row in taken],
    )


@cache
def deviations(case: str) -> Figures:
    """Simulated / measured - 1, of each figure."""
    law, measured = {
        "vllm 1.28/s": lambda: (LLAMA_1B, vllm(100)),
        "vllm 5.1/s": lambda: (LLAMA_1B, vllm(400)),
        "vllm 12.8/s": lambda: (LLAMA_1B, vllm(1000)),
        "a10g, no limiter, peak": lambda: (LLAMA_7B_PEAK, a10g("real_FCFS")),
        "a10g, no limiter, reserve": lambda: (LLAMA_7B_RESERVE, a10g("real_FCFS")),
        "a10g, 10 a minute, peak": lambda: (LLAMA_7B_PEAK, a10g("real_LShare_rpm10")),
        "a10g, 10 a minute, reserve": lambda: (LLAMA_7B_RESERVE, a10g("real_LShare_rpm10")),
        "a10g, overload, peak": lambda: (LLAMA_7B_PEAK, a10g("synth_overload_FCFS")),
        "a10g, overload, reserve": lambda: (LLAMA_7B_RESERVE, a10g("synth_overload_FCFS")),
    }[case]()
    at_ns = [round(1e9 * at_s) for at_s in measured.at_s]
    calls, events = run(law, list(zip(at_ns, measured.prompt, measured.output, strict=True)))
    first_s = [(call.first_ns - at) / 1e9 for call, at in zip(calls, at_ns, strict=True)]
    end_to_end_s = [(call.finish_ns - at) / 1e9 for call, at in zip(calls, at_ns, strict=True)]
    real = vars(figures(measured.at_s, measured.first_s, measured.end_to_end_s))
    ours = vars(figures(measured.at_s, first_s, end_to_end_s))
    print(f"\n{case}: {len(calls)} calls, {events / len(calls):.2f} events a call")
    for name, value in real.items():
        print(f"  {name:16} measured {value:9.3f}  simulated {ours[name]:9.3f}  {ours[name] / value - 1:+7.1%}")
    return Figures(**{name: ours[name] / value - 1 for name, value in real.items()})


AT_THE_KNEE = pytest.mark.xfail(
    reason="+13.3%; fitted to; the run ends in a burst at the knee, where 5% less step time makes it +2.3%",
    strict=True,
    raises=AssertionError,
)
NOT_SO_RESERVED = pytest.mark.xfail(
    reason="completed/s +20.6%, p50 -27.7%, p95 -27.9%: a reservation of 77% of the output was fitted to answers of "
    "mixed length; here all have 256 tokens. The rule `peak` is within the bands",
    strict=True,
    raises=AssertionError,
)
RUNS = [
    "vllm 1.28/s",
    "vllm 5.1/s",
    "vllm 12.8/s",
    "a10g, no limiter, peak",
    "a10g, no limiter, reserve",
    "a10g, 10 a minute, peak",
    "a10g, 10 a minute, reserve",
    "a10g, overload, peak",
    "a10g, overload, reserve",
]


def cases(*misses: Any) -> list[Any]:
    """All runs, of which some are known to miss the band."""
    return [*[run for run in RUNS if all(run not in miss.values for miss in misses)], *misses]


OVERLOAD = pytest.param("a10g, overload, reserve", marks=NOT_SO_RESERVED)


@pytest.mark.parametrize("case", cases(OVERLOAD))
def test_completions_a_second_are_within_5_percent(case: str) -> None:
    assert abs(deviations(case).completed_per_s) <= 0.05


@pytest.mark.parametrize("case", cases(OVERLOAD, pytest.param("vllm 1.28/s", marks=AT_THE_KNEE)))
def test_the_95th_percentile_end_to_end_is_within_8_percent(case: str) -> None:
    assert abs(deviations(case).p95_s) <= 0.08


@pytest.mark.parametrize("case", cases(OVERLOAD))
def test_the_median_end_to_end_is_within_20_percent(case: str) -> None:
    assert abs(deviations(case).p50_s) <= 0.20


@pytest.mark.parametrize("case", cases())
def test_the_95th_percentile_of_the_first_token_is_within_30_percent(case: str) -> None:
    assert abs(deviations(case).first_p95_s) <= 0.30


@pytest.mark.parametrize("server", ["vllm", "a10g"])
def test_half_of_the_runs_of_a_server_are_closer(server: str) -> None:
    runs = [deviations(case) for case in RUNS if case.startswith(server)]
    assert np.median([abs(run.p50_s) for run in runs]) <= 0.06
    assert np.median([abs(run.first_p95_s) for run in runs]) <= 0.08
