"""What became of a call, as the laws that watch answers are told: the last argument of every `observe`.

    observe(state, at, <parameters>, now_ns, rtt_ns, inflight, outcome)

once for each call that was sent, when its answer comes or is given up; `rtt_ns` is how long it took, `inflight` how
many calls were out then. A law looks at what it needs.
"""

SUCCESS = 0
"""The far side took it on, and did it."""

FAILURE = 1
"""Refused for overload, failed, or not answered in time."""

IGNORED = 2
"""Says nothing of the far side: a call that was wrong in itself, or that its caller took back."""
