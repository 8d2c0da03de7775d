"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from simulator.manifest import versions


def machine() -> dict[str, Any]:
    """Return the processor, the memory, and the versions of all that is compared."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {**versions(), "ciw": _ciw(), "cc": _cc()},
    }


def load_before() -> list[float]:
    """Return how busy it was in the last minute, in the last five, and in the last fifteen."""
    return [round(load, 2) for load in os.getloadavg()]


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.is_file():
        for line in told.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _ciw() -> str:
    try:
        return metadata.version("ciw")
    except metadata.PackageNotFoundError:
        return "not installed"


def _cc() -> str:
    if shutil.which("cc") is None:
        return "not installed"
    said = subprocess.run(["cc", "--version"], check=True, capture_output=True, text=True).stdout
    return said.splitlines()[0].removeprefix("cc ")
