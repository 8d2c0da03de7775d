"""The JSON Schema of summary.json of a live run, and what its figures mean."""

from __future__ import annotations

from typing import Any

from scenarios.live_lives import ANSWERS, ATTEMPT_COLUMNS, WANT_COLUMNS
from simulator.live_results import LEAST_SENT, SPREAD
from simulator.outcome import FAILURES
from simulator.schema import turn_row

Schema = dict[str, Any]

_QUANTILES = {"mean": "mean", "p50": "half", "p90": "90%", "p99": "99%", "max": "the largest"}


def _count(said: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": said}


def _figure(said: str, *, none: bool = False) -> Schema:
    return {"type": ["number", "null"] if none else "number", "minimum": 0, "description": said}


def _object(properties: Schema, said: str = "") -> Schema:
    told = {"description": said} if said else {}
    return {
        "type": "object",
        **told,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _spread(names: tuple[str, ...], said: str) -> Schema:
    return _object({name: _figure(f"{said}: {_QUANTILES[name]}", none=True) for name in names})


def _beside(said: str) -> Schema:
    return _object(
        {
            "live": _figure(f"{said}, live", none=True),
            "simulated": _figure(f"{said}, simulated", none=True),
            "ratio": _figure("live / simulated", none=True),
        }
    )


_RESPONSE = "from the intended start of an attempt to its answer, or to where its person stopped waiting, s"
_OF = {"all": "attempts that were answered or timed out", "placed": "attempts that became orders"}
_AGREEMENT = _object(
    {
        "attempts": _object(
            {
                "live": _count("attempts sent in the slice, and those that were awaited at its beginning"),
                "simulated": _count("the same of the simulation"),
                "both": _count("those of the same person and number"),
                "same_verdict": _count("those of both that ended alike for their person"),
                "same_verdict_share": _figure("of all attempts of either", none=True),
                "same_verdict_share_of_both": _figure("of those that both have", none=True),
            }
        ),
        "verdicts": _object(
            {
                answer: _object({"live": _count("attempts live"), "simulated": _count("attempts simulated")})
                for answer in ANSWERS
            },
            "how attempts ended for their people",
        ),
        "goodput_per_s": _beside("orders a second of the model"),
        "response_time_s": _object(
            {
                name: _object({key: _beside(f"{_QUANTILES[key]} of {whom}, {_RESPONSE}") for key in ("p50", "p99")})
                for name, whom in _OF.items()
            }
        ),
    },
    "live beside the simulation of the same slice",
)
_GENERATOR = _object(
    {
        "processes": _count("processes of people"),
        "target_per_s": _figure("attempts a second by the clock that people wanted to send"),
        "achieved_per_s": _figure("attempts a second by the clock that were sent within the slice"),
        "lag_s": _spread(("p50", "p99", "max"), "from the intended to the actual start of an attempt, by the clock, s"),
        "dropped": _count("attempts that were not sent, for too many were in flight"),
        "connections": _count("connections opened"),
        "cpu_cores": _figure("processors that the people kept busy"),
        "behind": {
            "type": "array",
            "items": {"type": "string"},
            "description": "why the generator fell behind: dropped, later than `live.longest_lag`, or under "
            f"{LEAST_SENT:.0%} sent; empty where it kept up",
        },
    },
    "whether the people kept their own time",
)
_FAULT = _object(
    {
        "name": {"type": "string", "description": "name of a fault of `live.faults`"},
        "kind": {"type": "string", "description": "what was done"},
        "began_s": _figure("when it was done"),
        "ended_s": _figure("when it was over: at once, but for those that last"),
        "errors": _count("attempts that ended in an error since, until the next fault"),
        "served_again_s": _figure(
            "by the clock, from its end to the first order of an attempt sent after it, after the last error, and "
            "after orders paused for 1 s or more because of it; null where there is none before the next fault",
            none=True,
        ),
        "wrong": {"type": "string", "description": "why it could not be done; else empty"},
    }
)
_LEDGER = _object(
    {
        "told_placed": _count("wants whose person was told of an order"),
        "found_placed": _count("wants with an order in the ledger, placed before the end"),
        "lost": _count("wants whose person was told of an order that is not there"),
        "duplicated": _count("orders beyond the first of a want"),
        "untold": _count("orders of which nobody was told: the answer came too late, or never"),
        "mispaid": _count("orders without a payment, or payments without an order"),
        "overdrawn": _count("orders beyond the smallest budget of a stage"),
        "miscounted": _count("units of a coupon taken without an order, or orders without theirs"),
    }
)


def live_schema() -> Schema:
    """Return the schema: strict, with what each figure means."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "summary.json of a live run of Sluice",
        "description": "Times are in seconds of the model, unless they are by the clock. Quantiles are nearest-rank.",
        **_object(
            {
                "scenario": {"type": "string", "description": "name of the scenario"},
                "engine": {"const": "live"},
                "seed": _count("seed of the people"),
                "scale": _figure("size of the world; 1 is the scenario as written"),
                "speed": _figure("seconds of the model in a second by the clock"),
                "from_s": _figure("beginning of the slice, from the start of the scenario"),
                "ended_s": _figure("end of the slice; earlier where it was interrupted"),
                "people": _object(
                    {
                        "on_the_way": _count("people who had come before the slice and wanted an order still"),
                        "wanted": _count("people who made their first try in the slice"),
                        "placed": _count("people who were told of their order in the slice"),
                        "abandoned": _count("people who left for good in the slice"),
                        "pending": _count("people who wanted an order still at the end"),
                    }
                ),
                "attempts": _object(
                    {
                        "offered": _count("attempts sent"),
                        "completed": _count("attempts answered with an order"),
                        "failed": _count("attempts answered with a failure"),
                        "timed_out": _count("attempts whose person stopped waiting first"),
                        "unanswered": _count("attempts whose person still waited at the end"),
                        "hedged": _count("attempts sent as copies of one that had no answer yet"),
                        "outrun": _count("attempts whose person had the order by another copy of the same try first"),
                        "held_back": _count("tries and copies that a law at the client did not send"),
                    }
                ),
                "failures": _object({reason: _count("attempts that ended so") for reason in FAILURES}),
                "orders": _object({"placed": _count("orders of which people were told")}),
                "goodput_per_s": _figure("orders a second of the model"),
                "response_time_s": _object(
                    {name: _spread(SPREAD, f"{whom}, {_RESPONSE}") for name, whom in _OF.items()}
                ),
                "agreement": _AGREEMENT,
                "generator": _GENERATOR,
                "faults": {"type": "array", "items": _FAULT, "description": "what broke for real, in order"},
                "controls": _object(
                    {
                        "turned": _count("knobs turned by control processes in the slice"),
                        "simulated": _count("the same of the simulation"),
                        "turns": {"type": "array", "items": turn_row(), "description": "each of them"},
                    }
                ),
                "ledger": {
                    "anyOf": [_LEDGER, {"type": "null"}],
                    "description": "what people were told beside what the ledger has; null with --target",
                },
            }
        ),
    }


def live_text() -> str:
    """Return the part of docs/results.md on live runs."""
    lines = [
        "## A live run",
        "",
        "`sluice live` ([live.md](live.md)) leaves a folder of the same form: `summary.json` by",
        "`docs/live.schema.json`, `timeseries.parquet` with a row a second of the model (live, and with the prefix",
        "`simulated.` the simulation), `attempts.parquet` and `orders.parquet` of what clients saw; in `simulated/`",
        "the simulation, whose traces are of the slice and whose figures are of the run from 0 to its end; in",
        "`locust/` what Locust wrote, unchanged.",
        "",
        "| figure | meaning |",
        "|---|---|",
        *(f"| `{name}` | {said} |" for name, said in _leaves("", live_schema())),
        "",
        "| attempts.parquet | meaning |",
        "|---|---|",
        *(f"| `{name}` | {said} |" for name, said in ATTEMPT_COLUMNS.items()),
        "",
        "| orders.parquet | meaning |",
        "|---|---|",
        *(f"| `{name}` | {said} |" for name, said in WANT_COLUMNS.items()),
        "",
    ]
    return "\n".join(lines)


def _leaves(path: str, schema: Schema) -> list[tuple[str, str]]:
    schema = schema.get("anyOf", [schema])[0]
    if "properties" in schema.get("items", {}):
        path, schema = f"{path}[]", schema["items"]
    if "properties" not in schema:
        return [(path, schema.get("description", ""))]
    found = []
    for name, part in schema["properties"].items():
        if path != "agreement.verdicts" or name == ANSWERS[1]:
            found += _leaves(f"{path}.{name}".lstrip("."), part)
    return found
