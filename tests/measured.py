"""What test_benchmarks.py measures in processes of their own; `python -m tests.measured` prints two peaks in bytes."""

from __future__ import annotations

from benchmarks import apart

MB = 1_000_000


def filled(megabytes: int) -> int:
    """Fill some memory."""
    return len(b"x" * (megabytes * MB))


def failing() -> None:
    """Fail."""
    raise ValueError("on purpose")


if __name__ == "__main__":
    from tests import measured  # by this name a process of its own finds it

    print(*(apart.call(measured.filled, megabytes=megabytes).peak_bytes for megabytes in (300, 1)))
