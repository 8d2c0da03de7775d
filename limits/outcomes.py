"""How a call ended, for the laws that learn from it (`observe`). Source: Limiter.Listener, Netflix concurrency-limits.

| outcome | means |
|---|---|
| SUCCESS | done: its time says something |
| DROPPED | refused further on, or timed out: a sign of overload |
| IGNORED | ended before anything could be measured: the law does not look at it |
"""

SUCCESS = 0
DROPPED = 1
IGNORED = 2
