"""Print the table of docs/validation.md: python -m tests.theory [engine]"""

from __future__ import annotations

import sys

from simulator.engines import DEFAULT, ENGINES
from tests.theory.cases import CASES
from tests.theory.replications import measured


def main() -> None:
    asked = sys.argv[1] if len(sys.argv) > 1 else DEFAULT
    engine = next(engine for engine in ENGINES if engine == asked)
    print("| theorem (scenario) | figure | theory | measured | runs |\n|---|---|---|---|---|")
    for case in CASES:
        about = f"{case.theorem} (`{case.scenario}`)"
        for check, found in zip(case.checks, measured(case, engine), strict=True):
            said = "" if found.holds(check.theory) else " **off**"
            mean = f"{found.mean:.4g} ± {found.half_width:.2g}{said}"
            print(f"| {about} | {check.what} | {check.theory:.4g} | {mean} | {case.seeds} |", flush=True)
            about = ""


if __name__ == "__main__":
    main()
