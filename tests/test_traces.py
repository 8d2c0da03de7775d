"""Arrivals from files: instants, counts a period, a part or a multiple of them, and what is said of bad files."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from scenarios import traces
from scenarios.model import Arrivals
from scenarios.units import NS_PER_S
from scenarios.workload import expected_arrivals, first_arrivals
from tests.compiling import compiled
from tests.test_workload import scenario

ONCE = Fraction(1)
NO_KEYS: Mapping[str, str] = {}
COUNTS = {"count_column": "n"}
FALSE_ALARM = 1e-6
DATA = Path(os.environ.get("SLUICE_DATA", Path(__file__).parents[2] / "shared" / "data"))


def instants(
    file: Path, text: str | bytes, keys: Mapping[str, str] = NO_KEYS, scale: Fraction = ONCE
) -> NDArray[np.int64]:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return first_arrivals(scenario("1h", process="trace", file=str(file), **keys), 1, scale)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "crowd.csv"


def test_instants_count_from_the_earliest(csv: Path) -> None:
    assert instants(csv, "at,who\n100.25,a\n100,b\n\n103.000000001,c\n").tolist() == [0, 250_000_000, 3_000_000_001]


def test_times_of_day_are_instants_too(csv: Path) -> None:
    text = "id,TIMESTAMP\n1,2023-11-16 18:15:46.680590\n2,2023-11-16T18:15:50.995169Z\n3,2023-11-16T20:15:51+02:00\n"
    assert instants(csv, text, {"column": "TIMESTAMP"}).tolist() == [0, 4_314_579_000, 4_319_410_000]


def test_from_moves_time_zero_and_the_horizon_cuts(csv: Path) -> None:
    text = "at\n0\n10\n11\n3609.999999999\n3610\n"
    assert instants(csv, text, {"from": "10s"}).tolist() == [0, 1_000_000_000, 3_599_999_999_999]


def test_counts_arrive_within_their_period_and_gaps_are_silent(csv: Path) -> None:
    at_ns = instants(csv, "t,n\n0,3\n10,0\n20,2\n70,1\n", {"column": "t", "count_column": "n"})
    assert (at_ns // (10 * 10**9)).tolist() == [0, 0, 0, 2, 2, 7]


def test_counts_are_spread_evenly_over_their_period(csv: Path) -> None:
    at_ns = instants(csv, "t,n\n0,100000\n1,0\n", COUNTS)
    assert len(at_ns) == 100_000
    assert stats.kstest(at_ns, stats.uniform(0, 10**9).cdf).pvalue > FALSE_ALARM


def test_counts_of_a_period_that_reaches_beyond_the_horizon_stop_there(csv: Path) -> None:
    at_ns = instants(csv, "t,n\n0,0\n2400,1000\n", COUNTS)
    assert at_ns.max() < 3600 * 10**9
    assert 400 < len(at_ns) < 600  # 1,200 s of 2,400 are in the run


def test_a_scaled_trace_keeps_each_arrival_with_that_probability(csv: Path) -> None:
    text = "at\n" + "\n".join(f"{i}e-3" for i in range(100_000)) + "\n"
    kept = instants(csv, text, scale=Fraction(1, 10)) // 10**6
    assert abs(len(kept) - 10_000) < 5 * math.sqrt(100_000 * 0.1 * 0.9)
    assert len(np.unique(kept)) == len(kept)
    by_part = np.bincount(kept // 5_000, minlength=20)
    assert stats.chisquare(by_part).pvalue > FALSE_ALARM
    gaps = np.bincount(np.minimum(np.diff(kept), 40))[1:]
    law = stats.geom(0.1)
    expected = np.array([*law.pmf(range(1, 40)), law.sf(39)]) * (len(kept) - 1)
    assert stats.chisquare(gaps, expected).pvalue > FALSE_ALARM


def test_a_multiplied_trace_repeats_its_instants(csv: Path) -> None:
    text = "at\n" + "\n".join(str(i) for i in range(1_000)) + "\n"
    times = np.bincount(instants(csv, text, scale=Fraction(5, 2)) // 10**9)
    assert set(times.tolist()) == {2, 3}
    assert 400 < np.sum(times == 3) < 600
    assert instants(csv, text, scale=Fraction(3)).tolist() == sorted([i * 10**9 for i in range(1_000)] * 3)


def test_a_trace_at_scale_zero_is_empty(csv: Path) -> None:
    assert instants(csv, "at\n1\n2\n", scale=Fraction(0)).tolist() == []


def test_expected_arrivals_are_those_in_the_run(csv: Path) -> None:
    csv.write_text("t,n\n0,5\n1,7\n4000,9\n")
    crowd = scenario("1h", process="trace", file=str(csv), count_column="n")
    assert expected_arrivals(crowd) == 12
    assert expected_arrivals(crowd, Fraction(1, 2)) == 6


def test_the_draws_of_a_thinned_trace_are_the_same_interpreted_and_compiled() -> None:
    fast = np.zeros(20_000, dtype=np.int64)
    plain = [0] * 20_000
    found = compiled(traces.fill_kept)(fast, 10**6, 0.0123, 77)
    assert found == traces.fill_kept(plain, 10**6, 0.0123, 77)
    assert 11_000 < found < 13_500
    assert fast.tolist() == plain


BAD: list[tuple[str | bytes, dict[str, str], str]] = [
    ("", {}, 'has no column ""; found no header'),
    ("at\n", {}, "no row follows the header; a trace needs at least one arrival"),
    ("at,n\n1,2\n", {"column": "time"}, 'has no column "time"; found at, n'),
    ("at,n\n1,2\n", {"count_column": "count"}, 'has no column "count"; found at, n'),
    ("at\n1\ntwo\n", {}, r"line 3: 'two' in column at is not a number of seconds, such as 12.5"),
    ("at\nnever\n", {}, r"line 2: 'never' in column at is not seconds \(12.5\) or a time \(2026-02-06 10:00:00\)"),
    ("at\n2026-02-06 10:00\n12.5\n", {}, "line 3: '12.5' in column at is not seconds"),
    ("at\nnan\n", {}, "line 2: 'nan' in column at is not seconds"),
    ("at\n1\ninf\n", {}, "line 3: 'inf' in column at is not a number of seconds"),
    ("at\n1700000000000\n", {}, "line 2: '1700000000000' in column at is not a number of seconds"),
    ("at\n1e400000\n", {}, "line 2: '1e400000' in column at is not a number of seconds"),
    ("at\n9999-12-31\n", {}, "line 2: '9999-12-31' in column at is not seconds"),
    ("at,n\n1,2\n3\n", COUNTS, "line 3: 1 cells where the header has 2"),
    ("at,n\n1,2.5\n", COUNTS, "line 2: '2.5' in column n is not a whole number from 0 to 1,000,000,000"),
    ("at,n\n1,-2\n", COUNTS, "line 2: '-2' in column n is not a whole number"),
    ("at,n\n1,many\n", COUNTS, "line 2: 'many' in column n is not a whole number"),
    ("at,n\n1,2\n", COUNTS, "counts need at least two rows"),
    ("at,n\n1,2\n1,3\n", COUNTS, "two rows of counts have the same instant; add them up into one"),
    (b"at\n\xff\xfe\x00\n", {}, "is not a CSV file in UTF-8"),
    ("at\n" + "9" * 200_000, {}, "is not a CSV file in UTF-8"),
    (
        "at,n\n0,900000000\n1,1\n",
        COUNTS,
        "900,000,001 first arrivals are expected, more than 200,000,000",
    ),
]


@pytest.mark.parametrize(("text", "keys", "says"), BAD, ids=range(len(BAD)))
def test_a_bad_trace_is_refused_in_words(csv: Path, text: str | bytes, keys: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        instants(csv, text, keys)


def test_a_missing_trace_and_a_folder_are_refused_in_words(tmp_path: Path) -> None:
    for file in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(ValueError, match=r"cannot be read \(.*\); a trace is a CSV file"):
            first_arrivals(scenario("1h", process="trace", file=str(file)), 1, ONCE)


@pytest.mark.skipif(not (DATA / "worldcup98").exists(), reason="the public counts are not here")
def test_the_world_cup_of_1998_arrives_second_by_second() -> None:
    file = DATA / "worldcup98" / "rate_per_second_1998-06-26.csv"
    keys = {"column": "period", "count_column": "count", "from": "2s"}
    crowd = scenario("60s", process="trace", file=str(file), **keys)
    counts = [int(line.split(",")[1]) for line in file.read_text().splitlines()[3:63]]
    assert np.bincount(first_arrivals(crowd, 1, ONCE) // 10**9).tolist() == counts


@pytest.mark.skipif(not (DATA / "azure_llm_2023").exists(), reason="the public trace is not here")
def test_an_hour_of_chat_requests_arrives_as_recorded() -> None:
    file = DATA / "azure_llm_2023" / "AzureLLMInferenceTrace_conv.csv"
    at_ns = first_arrivals(scenario("2h", process="trace", file=str(file), column="TIMESTAMP"), 1, ONCE)
    assert len(at_ns) == 19_366
    # 18:15:46.6805900 and 18:15:50.9951690
    assert at_ns[:2].tolist() == [0, 4_314_579_000]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1\n2\n3\n", "add a header line"),
        ("t,t\n1,2\n", "rename one"),
        ("t\n100\n101\n", "no row lies within the run"),
    ],
)
def test_a_trace_that_would_be_read_wrongly_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(text)
    arrivals = Arrivals.model_validate({"process": "trace", "file": str(file), "column": text[0], "from": "50s"})
    with pytest.raises(ValueError, match=says):
        traces.read(arrivals, 10 * NS_PER_S)
