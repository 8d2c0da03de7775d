"""What docs/ says about scenario files: examples run, and the page of keys is the one of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from scenarios import wording
from scenarios.keys_page import PAGE, page
from scenarios.loader import load
from scenarios.meanings import MEANINGS
from scenarios.model import Scenario
from simulator.run import simulate

GUIDE = Path(__file__).parent.parent / "docs" / "scenarios.md"
WHOLE, *PIECES = re.findall(r"```toml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)


def models(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    seen.add(model)
    for annotation in wording._fields(model).values():
        for inner in wording._inside(annotation):
            if inner not in seen:
                models(inner, seen)
    return seen


def test_the_example_of_the_guide_passes_its_own_gates(tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text(WHOLE)
    gates = simulate(load(file), engine="simpy").summary["gates"]
    assert gates
    assert [gate["verdict"] for gate in gates] == ["passed"] * len(gates)


@pytest.mark.parametrize("piece", PIECES)
def test_every_other_example_of_the_guide_fits_the_first(tmp_path: Path, piece: str) -> None:
    tmp_path.joinpath("example.toml").write_text(WHOLE)
    variant = tmp_path / "variant.toml"
    variant.write_text(f'extends = "example.toml"\n{piece}')
    assert load(variant).scenario != load(tmp_path / "example.toml").scenario


def test_the_page_of_keys_is_current() -> None:
    current = page() == PAGE.read_text("utf-8")
    assert current, "docs/keys.md is old; run python -m scenarios.keys_page"


def test_every_key_has_a_meaning_and_no_meaning_is_of_no_key() -> None:
    keys: dict[str, set[str]] = {}
    for model in models(Scenario, set()):
        keys.setdefault(model.__name__.partition("[")[0], set()).update(wording._fields(model))
    assert {name: set(meanings) for name, meanings in MEANINGS.items()} == keys
