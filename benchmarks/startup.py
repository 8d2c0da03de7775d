"""How long `sluice --help` takes, and what importing each part costs: python -m benchmarks.startup"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

TIMES = 10
HELP = "import sys; sys.argv = ['sluice', '--help']; from sluice.__main__ import main; main()"
PARTS = {
    "python alone": "pass",
    "sluice --help": HELP,
    "sluice.ours.problem()": "from sluice import ours; ours.problem()",
    "sluice.cli": "import sluice.cli",
    "limits.laws": "import limits.laws",
    "scenarios.loader": "import scenarios.loader",
    "simulator.results": "import simulator.results",
    "simulator.run": "import simulator.run",
    "reports.text": "import reports.text",
    "reports.html": "import reports.html",
    "reports.plots": "import reports.plots",
}


def median_s(code: str) -> float:
    """Return the median time of a process that runs this code."""
    taken_s = []
    for _ in range(TIMES):
        begun_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        taken_s.append(time.perf_counter() - begun_s)
    return statistics.median(taken_s)


def main() -> None:
    """Print a table, each part with what it takes beyond Python itself."""
    alone_s = median_s(PARTS["python alone"])
    print(f"{'median of ' + str(TIMES):24}{'whole':>9}{'beyond Python':>15}")
    for name, code in PARTS.items():
        whole_s = median_s(code)
        print(f"{name:24}{whole_s * 1000:6.0f} ms{(whole_s - alone_s) * 1000:12.0f} ms")


if __name__ == "__main__":
    main()
