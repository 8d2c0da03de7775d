"""Where everything lies: the whole state of a run is one array of int64 (`M`) and one of float64 (`F`).

`M` begins with single numbers, whose places are the constants below; stages, laws, replicas, stores and zones follow as
rows of fixed width, then everything that comes and goes (people, attempts, orders, timers, samples) in rows that are
taken and given back. A row is named by the place of its first word; 0 is no row. A field is `M[row + FIELD]`.
"""

from __future__ import annotations

from itertools import count

from scenarios.metrics import COUNTERS

# Single numbers of M.
_word = count(8)
TOP = next(_word)  # first word that was never taken
CAPACITY = next(_word)  # of M, in words
SPARE = next(_word)  # words that one event may need beside those for the attempts in the system
HEAP_SPARE = next(_word)  # the same, in events
ATTEMPT_SPARE = next(_word)  # words that one event may need for each attempt in the system
FREE_CELL = next(_word)
HEAP = next(_word)  # place of the heap, its room and length in entries
HEAP_ROOM = next(_word)
HEAP_LENGTH = next(_word)
WHEEL = next(_word)  # place of the wheel of later events; a bucket of it lasts 2**WHEEL_SHIFT ns
WHEEL_SHIFT = next(_word)
WHEEL_AT = next(_word)  # the bucket whose events are in the slots, and the instant at which it ends
WHEEL_END_NS = next(_word)
OUTBOX = next(_word)  # events on their way to the wheel, and how many there are
OUTBOX_LENGTH = next(_word)
SLOTS = next(_word)  # place of the slots into which this bucket is cut; a slot lasts 2**SLOT_SHIFT ns
SLOT_SHIFT = next(_word)
SLOT_AT = next(_word)  # the slot whose events are in the heap, and the instant at which it ends
SLOT_END_NS = next(_word)
AT_ONCE = next(_word)  # an event of this very instant, kept out of the heap; 0: none
TURNED = next(_word)  # the row of a stage whose servers or replicas are to be others before the next event; 0: none
TURNED_TO = next(_word)
ENDING = next(_word)  # attempts whose end is known in this event and comes after it: head and tail of a list
next(_word)
NOW_NS = next(_word)
HORIZON_NS = next(_word)
EVENTS = next(_word)
LIVE = next(_word)  # attempts in the system: not ended
SEED = next(_word)
CHANGES_DONE = next(_word)  # of the scenario's schedule
NEXT_FIRST = next(_word)  # the want whose first try comes next
FIRST_COUNT = next(_word)
TRACED = next(_word)
ORDER_ROWS = next(_word)  # the newest row of each trace; each names the one before
ATTEMPT_ROWS = next(_word)
PEOPLE_HAVE_LAWS = next(_word)  # whether the rows of people end with states of laws
STAGE_COUNT = next(_word)
KITCHEN_STAGE = next(_word)
COURIER_STAGE = next(_word)
# series
BUCKET_NS = next(_word)
NEXT_SAMPLE_NS = next(_word)
CLOSED = next(_word)  # buckets closed
BUCKETS = next(_word)
SERIES = next(_word)
SERIES_WIDTH = next(_word)
CUPS_STEPS = next(_word)  # gauges kept as changes per bucket
PAUSED_STEPS = next(_word)
WAITING_STEPS = next(_word)
CUPS_STEPPED = next(_word)  # whether they were ever changed
PAUSED_STEPPED = next(_word)
WAITING_STEPPED = next(_word)
CARRIED_LATER = next(_word)
TRYING = next(_word)
AWAY = next(_word)
IN_PROGRESS = next(_word)
SHUT_OUT = next(_word)  # three: of 1, 2 and 6 h
for _ in range(2):
    next(_word)
# people
MOST_TRIES = next(_word)
LEAST_TIMEOUT_NS = next(_word)
LONGEST_DELAY_NS = next(_word)
HEEDS = next(_word)
KINDS = next(_word)  # rows of kinds of people
KIND_COUNT = next(_word)
KIND_EDGES = next(_word)  # places in F
SEGMENT_EDGES = next(_word)
SEGMENT_COUNT = next(_word)
ZONE_EDGES = next(_word)  # edges with a guide: their place in F, then that of bins a weight of 1, then the guide in M
next(_word)
next(_word)
TIMEOUT_TIME = next(_word)  # a drawn time takes two words
next(_word)
STORE_DELAY_TIME = next(_word)
next(_word)
AWAY_TIME = next(_word)
next(_word)
MOST_HEDGES = next(_word)  # of a try
HEDGE_TIME = next(_word)
next(_word)
INVITED_TIME = next(_word)
next(_word)
RESIGNATION = next(_word)  # place in M of the instants, in F of the shares
RESIGNATION_SHARES = next(_word)
RESIGNATION_STEPS = next(_word)
COMES_BACK_TIMES = next(_word)  # -1: nobody comes back
INVITES_AFTER = next(_word)  # 0: nobody is invited, else PLACED or DELIVERED
SEGMENTS = next(_word)  # rows of segments
# laws
LAWS = next(_word)
CLIENT_LAWS = next(_word)  # lists of laws: a place and a length
CLIENT_LAW_COUNT = next(_word)
BUDGETS = next(_word)
BUDGET_COUNT = next(_word)
HEARING_LAWS = next(_word)  # of the client: what it tells of every answer
HEARING_LAW_COUNT = next(_word)
STORE_LAWS = next(_word)
STORE_LAW_COUNT = next(_word)
STORE_HOLDS = next(_word)  # what an attempt that is about to become an order holds of them: a list of calls
ZONE_LAWS = next(_word)
ZONE_LAW_COUNT = next(_word)
ZONE_HOLDS = next(_word)
# street
KITCHEN_KIND = next(_word)  # 0: none
COURIER_KIND = next(_word)
STORES = next(_word)
STORE_WIDTH = next(_word)
STORES_PER_ZONE = next(_word)
CLOSED_DRAWS = next(_word)  # in F
POPULARITY_EDGES = next(_word)  # with a guide
next(_word)
next(_word)
REPICKS = next(_word)
CUPS_TABLE = next(_word)
FINISHING_NS = next(_word)
BATCH_CUPS = next(_word)
MAKE_TIME = next(_word)
next(_word)
ZONES = next(_word)
ZONE_COUNT = next(_word)
PROMISE_NS = next(_word)
CANCEL_AFTER_NS = next(_word)
CANCELS_BY_TIMER = next(_word)
CARRY = next(_word)
TRIP_TIME = next(_word)
next(_word)
PICKUP_TIME = next(_word)
next(_word)
TRAVEL_TIME = next(_word)
next(_word)
DROPOFF_TIME = next(_word)
next(_word)
FIGURES = next(_word)  # rows of samples
FIGURE_COUNT = next(_word)
SCRATCH = next(_word)  # for sorting: two words a slot
# pools of rows of people, attempts and orders: five words each
PEOPLE_POOL = next(_word)
for _ in range(4):
    next(_word)
ATTEMPT_POOL = next(_word)
for _ in range(4):
    next(_word)
ORDER_POOL = next(_word)
for _ in range(4):
    next(_word)
# counters, in the order of scenarios.metrics
COUNTS = next(_word)
for _ in range(len(COUNTERS) - 1):
    next(_word)
WORK = next(_word)  # four sums of two words
for _ in range(7):
    next(_word)
# fulfilment credits
CREDITS = next(_word)  # whether there are some
CREDIT_LAW = next(_word)  # the law of the gateway, and that of stores; 0: none
STORE_CREDIT_LAW = next(_word)
SLOT_UP_TO_NS = next(_word)  # -1: no later slot is offered
SLOT_TIME = next(_word)
next(_word)
WORDS = next(_word)
STAGES = -(-WORDS // 8) * 8


def _counter(name: str) -> int:
    return COUNTS + COUNTERS.index(name)


PEOPLE_WANTED = _counter("people.wanted")
PEOPLE_PLACED = _counter("people.placed")
PEOPLE_ABANDONED = _counter("people.abandoned")
ATTEMPTS_OFFERED = _counter("attempts.offered")
ATTEMPTS_ADMITTED = _counter("attempts.admitted")
ATTEMPTS_THROTTLED = _counter("attempts.throttled")
ATTEMPTS_SHED = _counter("attempts.shed")
ATTEMPTS_EXPIRED = _counter("attempts.expired")
ATTEMPTS_TIMED_OUT = _counter("attempts.timed_out")
ATTEMPTS_FAILED = _counter("attempts.failed")
ATTEMPTS_COMPLETED = _counter("attempts.completed")
ATTEMPTS_HELD_BACK = _counter("attempts.held_back")
ATTEMPTS_HEDGED = _counter("attempts.hedged")
ATTEMPTS_OUTRUN = _counter("attempts.outrun")
FAILURES_THROTTLED = _counter("failures.throttled")
SESSIONS_STARTED = _counter("sessions.started")
SESSIONS_SERVED = _counter("sessions.served")
SESSIONS_FAILED = _counter("sessions.failed")
ORDERS_PLACED = _counter("orders.placed")
ORDERS_DELIVERED = _counter("orders.delivered")
ORDERS_ON_TIME = _counter("orders.delivered_on_time")
ORDERS_LATE = _counter("orders.late")
ORDERS_CANCELLED = _counter("orders.cancelled")
KITCHENS_CUPS = _counter("kitchens.cups")
KITCHENS_WASTED_CUPS = _counter("kitchens.wasted_cups")
KITCHENS_PAUSES = _counter("kitchens.pauses")
KITCHENS_REPICKS = _counter("kitchens.repicks")
KITCHENS_REFUSED = _counter("kitchens.refused")
COURIERS_TRIPS = _counter("couriers.trips")
COURIERS_CARRIED = _counter("couriers.carried")
WORK_BROUGHT, WORK_USEFUL, WORK_WASTED, WORK_DROPPED = range(WORK, WORK + 8, 2)

# Single numbers of F.
STAGE_FACTORS = 0  # two a stage: slowdown and failure
(
    KITCHENS_SLOWDOWN,
    KITCHENS_CLOSED,
    COURIERS_SLOWDOWN,
    RETRY_GROWTH,
    COMES_BACK,
    INVITED_MEAN,
    REPICK,
    REOPEN_SHARE,
    MAKE_MEAN_NS,
    TRIP_MEAN_NS,
    SLOT_PROBABILITY,
) = range(132, 143)
TABLES = 144

# A pool of rows.
POOL_FREE, POOL_NEXT, POOL_END, POOL_SLAB, POOL_WIDTH = range(5)
SLAB_ROWS = 512

# A drawn time: its row in F (NO_TIME: none), and its ns where it is constant, else -1.
NO_TIME = -1

# Edges with a guide: into so many parts of the same weight.
GUIDE_BINS = 1 << 13

# A kind of person: patience, and the row of the retry delay.
KIND_WIDTH = 4
KIND_PATIENCE, KIND_RETRY = 0, 2

# A segment.
SEGMENT_WIDTH = 8
SEGMENT_FIRST, SEGMENT_LAST, SEGMENT_WANTED, SEGMENT_PLACED, SEGMENT_PRIORITY = range(5)

# A person: 8 words, one cache line, and more where there are traces, hedges, or laws with a state a person.
PERSON_WIDTH = 8
P_STATE, P_WANT, P_FIRST_NS, P_SESSION_END_NS, P_ATTEMPT, P_SESSION, P_PLACE, P_REFS = range(8)
P_TRACE, P_SENT, P_COPIES = range(8, 11)
P_MOST_COPIES = 11
"""P_REFS: who needs the row, the person and their attempts, where it has states of laws. P_SENT: copies of the present
try. P_COPIES: these, 0 for one that is not awaited any more. States of laws come last (L_STATE)."""
P_INVITED_BY = P_SESSION_END_NS  # before the first try
P_TRIES_BITS = 20  # P_SESSION: the session's number, then the tries in it
P_TRIES_MASK = (1 << P_TRIES_BITS) - 1
P_ZONE_BITS, P_SEGMENT_BITS = 24, 12  # P_PLACE: kind, segment, zone
P_ZONE_MASK, P_SEGMENT_MASK = (1 << P_ZONE_BITS) - 1, (1 << P_SEGMENT_BITS) - 1
NOBODY, INVITED, WAITING, THINKING, GONE_AWAY = range(5)

# An attempt: 16 words, and more where there are traces, or laws that hear how it ends.
ATTEMPT_WIDTH = 16
(
    A_STATE,
    A_WANT,
    A_NUMBER,
    A_PERSON,
    A_START_NS,
    A_TIMEOUT_NS,
    A_NEXT,  # in a list; in service where there are seats: the lane that it has one of
    A_SINCE_NS,  # when it joined the queue, then when its service began
    A_SERVICE_NS,
    A_AT_STAGE_NS,
    A_DONE_NS,
    A_SEQ,  # decided: the verdict; paced: the next law; queued: who is before, or its tag; at a replica: its number
    A_PROMPT,  # at a stage of servers that attempts call more than once: the number of the call
    A_OUTPUT,
    A_BUDGETS,
    A_PLACE,  # P_PLACE of its person
) = range(16)
A_CALL = A_PROMPT
IN_USE, ANSWERED, ENDED = 1, 2, 4  # bits of A_STATE
TIMED, TIMER = 8, 128  # its timeout has been scheduled; is in the heap
A_GATEWAY_BIT, A_STAGE_BIT, A_SHARD_BIT, A_TURN_BIT = 4, 8, 16, 32  # where the numbers of A_STATE begin
HAS_SLOT = 1 << 30  # its person has taken a later slot
HEDGING, OUTRUN_BY_COPY = 1 << 28, 1 << 29  # an event names it that would send a copy; a copy was placed before it
"""A_TURN counts the attempts that had the row: a timeout that names an earlier one is void."""

A_TRACE, A_CALLS, A_CREDIT, A_CUPS, A_OFFERS, A_HELD = range(16, 22)
"""A_CREDIT: of the gateway, the store that gave it + 1, or 0; A_CUPS, A_OFFERS: of what, and later slots offered.
A_HELD: as many words of HELD_BITS as laws of concurrency need, a bit for the slot of each that it holds."""
HELD_BITS = 62
CALL_NEXT, CALL_LAW, CALL_BEGAN_NS, CALL_INFLIGHT = range(4)  # a cell of A_CALLS, for each law that will be told
CALL_ROW, CALL_WANT, CALL_NUMBER = range(4, 7)  # of a call that an order holds
"""CALL_INFLIGHT of a law that holds several slots for an attempt: how many."""
PENDING, ADMITTED, THROTTLED, SHED, EXPIRED = range(5)  # codes of the gateway
PLACED, TIMED_OUT, ERROR, SOLD_OUT, STORE, OUTRUN = 1, 5, 6, 7, 8, 9  # codes of answers, beside the last three
DELIVERED = 2

# An order: 8 words, and 16 where kitchens or couriers are of kind servers, or laws count orders.
ORDER_WIDTH = 8
WIDE_ORDER_WIDTH = 16
(
    O_STATE,
    O_WANT,
    O_ZONE,
    O_STORE,
    O_CUPS,
    O_PLACED_NS,
    O_PICKED_UP_NS,
    O_TRACE,
    O_NEXT,
    O_TO_START,
    O_TO_FINISH,
    O_BATCHES,
    O_HELD_AT_STORE,  # what it holds of laws: lists of calls
    O_HELD_AT_ZONE,
) = range(14)
READY, DECIDED, OVER, CANCELLED = 2, 4, 8, 16  # bits of O_STATE after IN_USE; DECIDED: how it ends is known
HOLDS = 32  # something of laws of its store or zone
O_REFS_BIT = 8  # events and queues that name the order

# Kinds of kitchens and couriers.
CLOCK, SERVERS = 1, 2

# A store, of kitchens of either kind.
ST_NS_PER_CUP, ST_BUSY_UNTIL_NS, ST_REOPENS_NS, ST_PAUSE = range(4)
ST_FREE, ST_BACKLOG, ST_PAUSED, _, ST_HEAD, ST_TAIL, ST_MAKERS = range(7)
CLOCK_STORE_WIDTH, SERVERS_STORE_WIDTH = 4, 8

# A zone.
ZONE_WIDTH = 8
Z_WANTED, Z_PLACED, Z_NS_PER_ORDER, Z_BUSY_UNTIL_NS, Z_FREE, Z_HEAD, Z_TAIL = range(7)
Z_COURIERS, Z_WAITING = Z_NS_PER_ORDER, Z_BUSY_UNTIL_NS  # where couriers are of kind servers

# A stage; stage 0 is the gateway.
STAGE_WIDTH = 48
(
    G_KIND,
    G_SHARDS,
    G_STATION,
    G_SERVERS,
    G_QUEUE_LIMIT,
    G_ORDER,  # of its queue
    G_LOOKS,  # at work whose turn has come: 0, or bits
    G_QUEUE_LAW,
    G_PER_BUSY_NS,
    G_HAS_BUDGET,
    G_BUDGET,
    G_NETWORK_TIME,
    _,
    G_SERVICE_TIME,  # at the gateway: of admitting
    _,
    G_REFUSE_TIME,
    _,
    G_PROMPT_TABLE,
    G_OUTPUT_TABLE,
    G_PROMPT,
    G_OUTPUT,
    G_PER_PREFILL_NS,  # of the work of a call
    G_PER_TOKEN_NS,
    G_LAWS,
    G_LAW_COUNT,
    G_SLOTS_LAWS,  # whether one of them is given something back or told how work ends
    G_PACED,
    G_ARRIVED,
    G_SERVED,
    G_SHED,
    G_THROTTLED,
    G_EXPIRED,
    G_ERRORS,
    G_SOLD_OUT,
    G_SLOTS,
    G_TURN_LAWS,  # that look at turns in its queue: a list, and its length
    G_TURN_LAW_COUNT,
    G_SEGMENTS,  # whether those of each call it, a word a segment; 0: all do
    G_CALL_ATTEMPTS,
    G_MOST_CALLS,  # of an attempt, each tried as often as may be; at most 1: it calls once
) = range(40)
NO_STAGE, SERVER_STAGE, BATCHING_STAGE = range(3)
OLDEST_FIRST, NEWEST_FIRST, BOTH_ENDS, IN_LANES = range(4)  # the last two: as the law of the queue says
AT_DEADLINE, AT_WAIT, AT_TURN, AT_SEAT = 1, 2, 4, 8  # bits of G_LOOKS; AT_TURN: laws before it hear of turns

# A station: one shard of a stage, or the first words of a pool. Sums and integrals are two words (memory.py).
STATION_WIDTH = 16
(
    S_IN_SERVICE,
    S_HEAD,
    S_TAIL,
    S_LENGTH,
    S_QUEUE_MAX,
    S_COUNTED_TO_NS,
    S_BUSY,
    _,
    S_AVAILABLE,
    _,
    S_QUEUED,
    _,
    S_DROPPED_WAITING,
    _,
) = range(14)

# A batching pool, after the words of its station.
POOL_ROW_WIDTH = 48
(
    B_WAITING,
    B_BUSY,  # millionths of a replica
    B_AVAILABLE,
    B_CALLS,
    B_KV_BLOCKED,
    B_SEATS,  # place of the list of seats by index, and of the list of their loads
    B_LOADS,
    B_SEAT_ROOM,
    B_SEAT_COUNT,  # one more than the highest index there is
    B_WITH_ROOM,  # seats that would take a call
    B_STAGE,
    B_STEP_NS,
    B_WITH_PREFILL_NS,
    B_GATE_STEPS,
    B_REPORTED_NS,
    B_RESERVE_MILLI,
    B_PEAK,
    B_MILLIONTHS,  # of the replicas that take calls
    B_CAPACITY,  # their slots
    B_WHOLE_LAW,  # six numbers of a whole replica, and of the part that comes next
    _,
    _,
    _,
    _,
    _,
    B_PART_LAW,
) = range(STATION_WIDTH, STATION_WIDTH + 26)
NO_ROOM = 1 << 62
WHOLE = 1_000_000

# A seat: one replica and its place in the pool.
SEAT_WIDTH = 40
(
    R_POOL,
    R_INDEX,
    R_STATE,
    R_MILLIONTHS,
    R_BUSY,
    R_ARMED,
    R_VERSION,
    R_SLOTS,
    R_KV_TOKENS,
    R_STEP_TOKENS,
    R_PER_SEQUENCE_NS,
    R_PER_CONTEXT_PS,
    R_PER_PREFILL_NS,
    R_HELD,
    R_CONTEXT,
    R_KV_RESERVED,
    R_SEGMENT,
    R_WAKE_NS,
    R_HEAD,
    R_TAIL,
    R_QUEUED,
    R_RUNNING,
    R_HEAP,
    R_HEAP_ROOM,
    R_DONE_HEAD,
    R_DONE_TAIL,
    R_DONE,
    R_PARTIAL,
    R_REST,
    R_STEPS,
    R_GATE,
    R_BEGAN_NS,
    R_UNTIL,
    R_BASE_NS,
    R_CONTEXT_PS,
    R_PER_STEP,
) = range(36)
GONE, TAKES_CALLS, RETIRED = range(3)
IDLE, BULK, MIX, DECODE = range(4)
LAW_OF_A_PART = (R_SLOTS, R_KV_TOKENS, R_STEP_TOKENS, R_PER_SEQUENCE_NS, R_PER_CONTEXT_PS, R_PER_PREFILL_NS)

# A law.
LAW_WIDTH = 32
(
    L_LAW,
    L_KEY,
    L_OFF,
    L_ONE,  # parameters, as the law wants them
    L_TWO,
    L_THREE,
    L_FOUR,
    L_FIVE,
    L_SIX,
    L_SEVEN,
    L_EIGHT,
    L_STATE,  # place of the first row; for laws keyed by person in the person's row
    L_ROW_WIDTH,
    L_ROWS,
    L_SLOT,  # number among laws of concurrency
    L_EARN,
    L_EARN_ON,
    L_NUMBER,  # among laws of its kind
    L_TICKET,  # place in a person's row of the end of their ticket; 0: it gives none
    L_TICKET_NS,
    L_PARTICULAR,  # 0: it charges each attempt 1, and all alike; else look at the next four
    L_COST,  # what it charges, or IN_CUPS; below that IN_CUPS - stage: in tokens of the call at a stage
    L_PRIORITIES,  # a bit for each priority that it is asked about; 0: all
    L_RESERVES,  # thousandths of its limit that each priority leaves to others: their number, and their place
    L_RESERVE,
    L_NINE,
    L_TEN,
    L_SLOTS,  # place in a row of the slots of a law that learns how many may be inside
    L_STAGE,  # row of the stage, or the gateway, where it stands, or whose queue it looks at
    L_SIMPLE,  # whether it charges 1, treats all alike, gives no ticket and hears no more of whom it lets in
) = range(30)
CREDIT_WIDTH = 8  # a row of a fulfilment credit: that of the law, then orders that have arrived, and when news is due
C_ARRIVED, C_NEWS_NS = 5, 6
BY_ALL, BY_PERSON, BY_SEGMENT, BY_ZONE, BY_STORE = range(5)
IN_CUPS = -1
ON_NOTHING, ON_CALL, ON_SUCCESS = range(3)  # what earns

# Samples of one figure.
FIGURE_WIDTH = 8
# FIG_COUNT: values in full cells; FIG_FILL: values in the newest cell.
FIG_COUNT, FIG_CELL, FIG_FILL, FIG_COUNTS, FIG_TOTAL, _, FIG_MAX = range(7)
TIME_TO_ORDER, RESPONSE_ADMITTED, RESPONSE_REFUSED, READY_TIME, DELIVERY_TIME, STAGE_FIGURES = range(6)

# A cell: 16 words of anything; the first names the next.
CELL_WIDTH = 16
CELL_VALUES = 15
CELL_EVENTS = 7
BUCKET_COUNT_BIT = 40  # a bucket of the wheel, and a slot, is one word: its newest cell (a multiple of 8), in the three
# bits below how many events that cell has, and from this bit on how many all its cells have
OUTBOX_ROOM = 64
SLOT_BITS = 8  # slots a bucket of the wheel, as a power of 2

# Rows of traces: the columns of simulator.trace, then the row before.
ORDER_ROW_WIDTH, ORDER_ROW_BEFORE = 24, 17
ATTEMPT_ROW_WIDTH, ATTEMPT_ROW_BEFORE = 16, 13
