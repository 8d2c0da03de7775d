"""How fast, and in how much memory. A module a benchmark, each with `rows(size)`; `python -m benchmarks` runs them.

Every repetition is a fresh process (`apart.py`), so its peak memory is its own; competitors take turns (A B A B), so
that what else the machine does meets them alike.
"""
