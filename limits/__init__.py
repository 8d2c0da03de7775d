"""Who gets in: pure decision laws in whole numbers, one module a law, the standard library only.

A law's state is a row of `WIDTH` ints, at offset `at` of a flat list or int64 array, changed in place; a row of zeros
is the right start of every law. Time, parameters and cost are arguments. `decide` answers 0 (admitted), a positive
number of ns after which to come back, or a negative code of `limits.verdicts`.

>>> from fractions import Fraction
>>> from limits import rates, retry_after, token_bucket
>>> tokens, per_ns = rates.ratio(Fraction(2), burst=1)  # 2 a second, one at a time
>>> row = [0] * token_bucket.WIDTH
>>> [token_bucket.decide(row, 0, tokens, per_ns, 1, now_ns, 1) for now_ns in (0, 100_000_000, 500_000_000)]
[0, 400000000, 0]
>>> retry_after.seconds(400_000_000)
1

Another distribution imports as `limits` too; `__sluice__` tells this one from it.
"""

__sluice__ = True
