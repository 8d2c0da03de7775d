"""What `decide` answers: 0, a wait, or one of these negative codes.

| answer | means |
|---|---|
| 0 | admitted, and charged |
| more than 0 | refused, nothing charged: come back after so many ns. In `pacing` alone: admitted, after that wait |
| SHED | refused for overload: nobody can say when there will be room |
| EXPIRED | the person has left, or leaves too soon |
| NEVER | cannot fit under these parameters: a cost above burst or limit, a rate or limit of 0, a negative cost |

A cost of 0 is admitted by every law but `deadline`, which does not look at the cost, and changes nothing.
"""

ADMITTED = 0
SHED = -1
EXPIRED = -2
NEVER = -3
