"""The examples of docs/limits.md do what the page says."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"


def test_the_examples_of_the_page_hold() -> None:
    results = doctest.testfile(str(PAGE), module_relative=False)
    assert results.attempted > 40
    assert results.failed == 0
