"""The JSON Schema of scenario files: it accepts what the loader accepts, and speaks the words of the files."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from scenarios.loader import catalogue, load
from scenarios.schema import json_schema

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SMALL = """\
schema = 1
name = "small"
title = "Small"
horizon = "1m"
arrivals = { process = "poisson", rate = "1/s" }
people = { timeout = "1s" }
stages = [{ name = "till", servers = 1, service = "1s" }]
"""


def valid(text: str) -> bool:
    return bool(VALIDATOR.is_valid(tomllib.loads(text)))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", [entry.path for entry in catalogue()], ids=lambda path: path.stem)
def test_it_accepts_every_file_of_the_catalogue(path: Path) -> None:
    VALIDATOR.validate(tomllib.loads(path.read_text("utf-8")))


@pytest.mark.parametrize("name", [entry.name for entry in catalogue()])
def test_it_accepts_every_resolved_scenario(name: str) -> None:
    VALIDATOR.validate(load(name).resolved)


@pytest.mark.parametrize(
    "more",
    [
        'bucket = "10s"\n',
        '[[admission]]\nname = "a"\nat = "gateway"\nlaw = "gcra"\nrate = "off"\n',
        '[[gates]]\nname = "a"\nmetric = "orders.placed"\nmin = 1\n',
        '[[incidents]]\nname = "a"\nat = "1s"\nfor = "1s"\nset = { "stages.till.servers" = 0 }\n',
        '[[timelines]]\nname = "a"\nknob = "stages.till.servers"\nsteps = [["1s", 2]]\n',
        "[street]\nzones = 1\nstores_per_zone = 1\nzone_demand = 3\n",
        '[invitations]\nmean = 0.3\n[invitations.delay]\nkind = "mixture"\nparts = [{ weight = 1, of = "1s" }]\n',
    ],
)
def test_it_accepts_what_a_file_may_say(more: str) -> None:
    assert valid(SMALL + more)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Small"\n', ""),
        ('title = "Small"', 'titel = "Small"'),
        ("servers = 1", "sevrers = 1"),
        ("servers = 1", "servers = -1"),
        ("servers = 1", 'servers = "1"'),
        ('"1m"', "60"),
        ("schema = 1", "schema = 2"),
        ('"poisson"', '"posson"'),
        ('service = "1s"', 'service = { kind = "logn" }'),
        ('service = "1s"', 'service = "1s", remove = true'),
    ],
)
def test_it_refuses_what_a_file_may_not_say(old: str, new: str) -> None:
    assert old in SMALL
    assert not valid(SMALL.replace(old, new))


@pytest.mark.parametrize(
    "variant",
    [
        "",
        "[people]\nattempts = 2\n",
        '[[stages]]\nname = "database"\nservers = 2\n',
        '[[stages]]\nname = "database"\nservice = { mean = "1ms" }\n',
        '[[incidents]]\nname = "outage"\nremove = true\n',
        "[gateway]\nremove = true\n",
    ],
)
def test_a_file_that_extends_another_may_leave_out_and_take_out(variant: str) -> None:
    assert valid(f'extends = "labs/retry-trap"\n{variant}')


@pytest.mark.parametrize(
    "variant",
    ["[people]\nattepts = 2\n", "[[stages]]\nservers = 2\n", '[[incidents]]\nname = "outage"\nremove = false\n'],
)
def test_a_file_that_extends_another_is_held_to_the_same_keys(variant: str) -> None:
    assert not valid(f'extends = "labs/retry-trap"\n{variant}')


def test_every_key_has_its_meaning_in_it() -> None:
    service = SCHEMA["$defs"]["ServerStage"]["properties"]["service"]
    assert service["description"] == "time of service"
    assert SCHEMA["$defs"]["ScenarioChange"]["properties"]["horizon"]["description"].startswith(
        "how long the run lasts"
    )


def test_it_speaks_the_words_of_files_and_of_nobody_else() -> None:
    text = json.dumps(SCHEMA)
    assert "ydantic" not in text
    assert "BeforeValidator" not in text
    assert '"null"' not in text
    assert SCHEMA["$defs"]["Scenario"]["properties"]["bucket"]["default"] == "10s"
    assert {"LognormalTime", "LognormalCount", "PartTimeChange"} <= set(SCHEMA["$defs"])
