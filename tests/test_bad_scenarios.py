"""Every kind of mistake in a scenario: the message names file, key, value and remedy, and nothing else comes out."""

from __future__ import annotations

import copy
import datetime
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from scenarios import wording
from scenarios.errors import MOST_SHOWN, Problem, ScenarioError
from scenarios.loader import load
from scenarios.model import Scenario

SHOP = """\
schema = 1
name = "shop"
title = "A shop"
horizon = "10m"

[arrivals]
process = "poisson"
rate = "5/s"

[people]
timeout = "3s"

[[stages]]
name = "till"
servers = 4
service = "500ms"

[[admission]]
name = "door"
at = "gateway"
law = "token_bucket"
rate = "4/s"

[[gates]]
name = "sold"
metric = "orders.placed"
min = 10
"""
STREET = "[street]\nzones = 4\nstores_per_zone = 2\n"
GROUPS = '[[segments]]\nname = "all"\nshare = 1\n'
REPLICAS = 'kind = "batching"\nreplicas = 1\nprompt = 1\noutput = 2\nstep = "1ms"\nslots = 2\nstep_tokens = 8'
KITCHENS = '[kitchens]\nkind = "clock"\ncups_per_hour = 90\n'
AT_STORE = 'at = "store"\nlaw = "gcra"\nrate = "1/s"'
INCIDENT = '[[incidents]]\nname = "jam"\nat = "{at}"\nfor = "1m"\nset = {{ "{knob}" = {value} }}\n'
TIMELINE = '[[timelines]]\nname = "{name}"\nknob = "{knob}"\nsteps = [["{at}", {value}]]\n'
MILESTONE = '[[milestones]]\nname = "known"\nmetric = "{metric}"\nat = "{at}"\nvalue = 5\ntolerance = "10%"\n'


@dataclass(frozen=True)
class Case:
    """One mistake: the file's text, flags and variables, and what the message must say."""

    what: str
    text: str
    says: tuple[str, ...]
    sets: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def swapped(what: str, old: str, new: str, *says: str) -> Case:
    """The shop with one piece of text changed."""
    assert SHOP.count(old) == 1, old
    return Case(what, SHOP.replace(old, new), says)


def grown(what: str, more: str, *says: str) -> Case:
    """The shop with more at its end."""
    return Case(what, f"{SHOP}\n{more}", says)


def flagged(what: str, setting: str, *says: str) -> Case:
    """The shop with a flag."""
    return Case(what, SHOP, says, sets=(setting,))


def incident(at: str = "1m", knob: str = "stages.till.servers", value: object = 0) -> str:
    return INCIDENT.format(at=at, knob=knob, value=value)


def timeline(name: str = "day", knob: str = "stages.till.servers", at: str = "1m", value: object = 2) -> str:
    return TIMELINE.format(name=name, knob=knob, at=at, value=value)


def stage(more: str) -> str:
    return f'[[stages]]\nname = "oven"\n{more}\n'


def law(more: str) -> str:
    return f'[[admission]]\nname = "second"\n{more}\n'


# fmt: off
def target(path: str = "/orders", answers: str = '[{ status = 200, verdict = "placed" }]') -> str:
    """A mapping with one piece of text changed."""
    return f'[live.target]\npath = "{path}"\nanswers = {answers}\n'


CREDIT_TIMES = 'target = "1s"\nround_trip = "1s"'
CASES = [
    # the file
    Case("an empty file", "", ("shop.toml: is empty", "schema = 1")),
    Case("a file of comments", "# nothing\n", ("shop.toml: is empty",)),
    Case("a unit outside quotes", 'a = 1\nb = 60s\nc = "x"\n', ("shop.toml:2:7: not TOML", "b = 60s", "quotes")),
    Case("an open quote", 'name = "shop\n', ("shop.toml:1:", "not TOML", 'name = "shop')),
    Case("an open long text", 'name = """shop\n', ("shop.toml:1", "not TOML", "quote open")),
    Case("a key twice", "schema = 1\nschema = 1\n", ("shop.toml:2:", "not TOML", "the key stands twice; take one out")),
    Case("a number too long to read", f"a = {'9' * 5000}\n", ("shop.toml: ", "thousands of digits")),
    Case("arrays nested without end", f"a = {'[' * 3000}{']' * 3000}\n", ("shop.toml: ", "levels deep")),
    Case("keys nested without end", f"{'.'.join('a' * 3000)} = 1\n", ("shop.toml: a.a.a", "levels deep")),
    # the whole
    swapped("a schema of the future", "schema = 1", "schema = 2", "shop.toml:1: schema = 2", "needs to be 1"),
    swapped("a schema that is no number", "schema = 1", "schema = true", "shop.toml:1: schema = true", "be 1"),
    swapped("no schema", "schema = 1\n", "", "shop.toml: schema", "is missing", "schema = 1"),
    swapped("no title", 'title = "A shop"\n', "", "shop.toml: title", "is missing; add it", "title = "),
    swapped("an empty title", '"A shop"', '""', 'shop.toml:3: title = ""', "is empty"),
    swapped("a title without end", "A shop", "x" * 201, "shop.toml:3: title = a text of 201", "longer than 200"),
    swapped("a name with a space", '"shop"', '"my shop"', 'shop.toml:2: name = "my shop"', "letters, digits"),
    swapped("no stages at all", SHOP[SHOP.index("[[stages]]") :], "", "shop.toml: stages", "is missing"),
    swapped("a table where an array belongs", "[[stages]]", "[stages]", "shop.toml:13: stages",
            "write [[stages]] with a name in each"),
    grown("a table nobody knows", "[wether]\nrain = 1\n", "shop.toml:29: wether", "not a known key"),
    # keys
    swapped("a misspelt key", "servers =", "sevrers =", "shop.toml:15: stages.till.sevrers = 4", "mean servers?"),
    swapped("a misspelt table", "[people]", "[poeple]", "shop.toml:10: poeple", "did you mean people?"),
    swapped("a key of another table", "process =", "horizon = 1\nprocess =", "shop.toml:7: arrivals.horizon = 1"),
    swapped("a missing key", "servers = 4\n", "", "shop.toml:13: stages.till.servers",
            "is missing; add it, as in servers = 40"),
    swapped("a kind nobody knows", '"500ms"', '{ kind = "logn", mean = "1s" }', 'service.kind = "logn"', "lognormal?"),
    swapped("a distribution without kind", '"500ms"', '{ mean = "1s" }', "till.service.kind", "add kind = one of"),
    swapped("a law nobody knows", '"token_bucket"', '"tokenbucket"',
          'shop.toml:21: admission.door.law = "tokenbucket"'),
    swapped("a process nobody knows", '"poisson"', '"posson"', 'shop.toml:7: arrivals.process = "posson"', "poisson?"),
    swapped("remove with nothing to remove", "servers = 4", "remove = true", "stages.till.remove = true", "extends"),
    # values
    swapped("a number without its unit", '"3s"', "3", "shop.toml:11: people.timeout", "3 is not a duration", '"350ms"'),
    swapped("a unit nobody knows", '"3s"', '"3 parsecs"', 'shop.toml:11: people.timeout: "3 parsecs"', "ms s m h"),
    swapped("a negative time", '"3s"', '"-3s"', 'shop.toml:11: people.timeout: "-3s" is negative', "0 or longer"),
    swapped("a time beyond a year", '"10m"', '"400d"', 'shop.toml:4: horizon: "400d"', "366 days"),
    swapped("no time at all", '"10m"', '"0s"', 'shop.toml:4: horizon = "0s"', "more than 0"),
    swapped("a date for a time", '"3s"', "2026-02-06", "shop.toml:11: people.timeout: 2026-02-06 is not a duration"),
    swapped("a rate without its unit", '"5/s"', "5", "shop.toml:8: arrivals.rate: 5 is not a rate", '"280/s"'),
    swapped("a negative rate", '"5/s"', '"-5/s"', 'shop.toml:8: arrivals.rate: "-5/s" is negative'),
    swapped("a rate beyond counting", '"5/s"', '"1e12/s"', 'arrivals.rate: "1e12/s"', "1,000,000,000 a second"),
    swapped("a text for a number", "servers = 4", 'servers = "4"', 'till.servers = "4"', "whole number", "quotes"),
    swapped("half a server", "servers = 4", "servers = 4.5", "till.servers = 4.5", "whole number"),
    swapped("negative servers", "servers = 4", "servers = -3", "shop.toml:15: stages.till.servers = -3", "0 or more",
            "incident"),
    swapped("servers without end", "servers = 4", f"servers = 0x{'f' * 5000}", "of more than 40 digits",
            "1,000,000,000,000 or less"),
    swapped("a share above one", "servers = 4", 'servers = 4\nfailure = "120%"', 'till.failure: "120%"', "0 and 1"),
    swapped("a share that is no number", "servers = 4", "servers = 4\nfailure = nan", "till.failure: nan", "0 and 1"),
    swapped("yes for true", "servers = 4", 'servers = 4\ndeadline = "yes"', 'till.deadline = "yes"', "true or false"),
    swapped("a bound that is no number", "min = 10", "min = nan", "shop.toml:27: gates.sold.min: nan", "finite"),
    swapped("a bound without end", "min = 10", "min = inf", "shop.toml:27: gates.sold.min: inf", "finite"),
    swapped("a bound too large for a float", "min = 10", f"min = {'9' * 400}", "gates.sold.min", "too large"),
    swapped("a text for a factor", '"3s"', '"3s"\nretry_delay_growth = "2"', "people.retry_delay_growth", "quotes"),
    swapped("a factor without end", '"3s"', '"3s"\nretry_delay_growth = inf', "people.retry_delay_growth: inf"),
    swapped("a time of day that is none", 'title = "A shop"', 'title = "A shop"\nopens = "7.45"', "opens", '"07:45"'),
    swapped("bounds the wrong way round", "min = 10", "min = 10\nmax = 5", "gates.sold", "min 10 is more than max 5"),
    swapped("a gate without a bound", "min = 10\n", "", "gates.sold", "needs min, max or both"),
    swapped("two widths", '"500ms"', '{ kind = "lognormal", median = "1s", sigma = 1, cv = 1 }', "stages.till.service",
            "exactly one of sigma, cv and p95"),
    swapped("a curve that goes back", '"5/s"', '[["1m", "5/s"], ["0s", "6/s"]]', "shop.toml:8: arrivals.rate",
            'the time "0s" comes after "1m"', "put them in order"),
    swapped("a factor curve that stands still", '"5/s"',
            '"5/s"\nshapes = [{ name = "x", curve = [["1m", 1], ["1m", 2]] }]',
            "arrivals.shapes.x.curve", 'the time "1m" comes after "1m"'),
    swapped("a resignation that goes back", '"3s"', '"3s"\nresignation = [["2m", 0.1], ["1m", 0.2]]',
            "shop.toml:12: people.resignation", 'the time "1m" comes after "2m"'),
    swapped("quantiles that go back", '"500ms"',
            '{ kind = "empirical", quantiles = [[0, "1s"], ["50%", "9s"], [1, "2s"]] }',
            "stages.till.service.quantiles", "the value at share 1 is below the one at 0.5"),
    swapped("quantiles without ends", '"500ms"', '{ kind = "empirical", quantiles = [[0.1, "1s"], [1, "2s"]] }',
            "service.quantiles", "the first share is 0 and the last 1, not 0.1 and 1"),
    swapped("gamma arrivals without cv", '"poisson"', '"gamma"', "shop.toml:6: arrivals", "add cv = 1.5"),
    swapped("a cv of poisson arrivals", '"poisson"', '"poisson"\ncv = 1.5', "arrivals", "take it out", '"gamma"'),
    swapped("one law in single brackets", "[[admission]]", "[admission]", "shop.toml:18: admission",
            "write [[admission]] with a name in each"),
    swapped("a gate of 95 for a share", '"orders.placed"\nmin = 10', '"orders.placed_share"\nmin = 95',
            "shop.toml:27: gates.sold.min", '95 is not a share; write 0.95 or "95%"'),
    swapped("a gate below any share", '"orders.placed"\nmin = 10', '"orders.placed_share"\nmin = -1',
            "gates.sold.min", "-1 is not a share, between 0 and 1"),
    swapped("a percentage of orders", "min = 10", 'min = "10%"', "gates.sold.min", "of orders",
            "percentage does not fit"),
    swapped("a duration of orders", "min = 10", 'min = "10s"', "gates.sold.min", "of orders", "duration does not fit"),
    swapped("a bound in words", "min = 10", 'min = "many"', "gates.sold.min", '"many" is not a number', '"95%"'),
    grown("a milestone of 40 for a share",
          MILESTONE.format(metric="orders.placed_share", at="10m").replace("5\n", "40\n", 1),
          "milestones.known.value", '40 is not a share; write 0.4 or "40%"'),
    swapped("a weight of nothing", '"500ms"', '{ kind = "mixture", parts = [{ weight = "0%", of = "1s" }] }',
            "stages.till.service.parts.0.weight", "more than 0"),
    grown("a timeline that goes back", timeline().replace("2]]", '2], ["30s", 3]]'), "timelines.day.steps",
          'the time "30s" comes after "1m"'),
    swapped("half a point of a curve", '"5/s"', '[["0s", "5/s"], ["1m"]]', "arrivals.rate.1", "[TIME, VALUE]"),
    swapped("a bare process of arrivals", 'rate = "5/s"\n', "", "shop.toml:6: arrivals", 'rate = "280/s"'),
    # what belongs together
    grown("two stages of one name", stage('servers = 1\nservice = "1s"').replace("oven", "till"),
          'shop.toml:30: stages.till.name = "till"', "(line 13)", "name of its own"),
    swapped("a hedge without a time", '"3s"', '"3s"\nhedge = { most = 2 }', "people.hedge.after", 'after = "500ms"'),
    swapped("a hedge of no copies", '"3s"', '"3s"\nhedge = { after = "1s", most = 0 }',
            "shop.toml:12: people.hedge.most = 0", "needs to be 1 or more"),
    swapped("a hedge of copies without end", '"3s"', '"3s"\nhedge = { after = "1s", most = 11 }',
            "people.hedge.most = 11", "needs to be 10 or less"),
    swapped("a ticket of a client", 'at = "gateway"', 'at = "client"\nticket = "1m"', "admission.door.ticket",
            "put the law there"),
    swapped("a ticket of no time", 'rate = "4/s"', 'rate = "4/s"\nticket = "0s"', "door.ticket = ",
            "more than 0"),
    grown("a waiting room behind the door", law('at = "stage:till"\nlaw = "waiting_room"\nrate = "4/s"'),
          "admission.second.at", 'write at = "gateway"'),
    grown("a waiting room of one", law('at = "gateway"\nkey = "person"\nlaw = "waiting_room"\nrate = "4/s"'),
          "admission.second.key", "one line for many"),
    grown("a shuffle that never was", law('at = "gateway"\nlaw = "waiting_room"\nrate = "4/s"\norder = "shuffle"'),
          "admission.second", 'opens = "10m"'),
    grown("a waiting room without a rate", law('at = "gateway"\nlaw = "waiting_room"'), "admission.second",
          'rates such as { desk = "90/s"'),
    grown("a waiting room with a rate too many", law('at = "gateway"\nlaw = "waiting_room"\nrate = "4/s"\n'
          'rates = { till = "4/s" }'), "admission.second", "not both"),
    grown("a room for a stage that is not there", law('at = "gateway"\nlaw = "waiting_room"\nrates = { til = "4/s" }'),
          "admission.second.rates.til", "did you mean till?"),
    grown("a rate of kitchens that are not there", law('at = "gateway"\nlaw = "waiting_room"\n'
          'rates = { kitchens = "4/s" }'), "admission.second.rates.kitchens", "no stage kitchens"),
    grown("one of several rates that is too slow", law('at = "gateway"\nlaw = "waiting_room"\n'
          'rates = { till = "1e-20/s" }'), "admission.second.rates.till", "takes longer than"),
    grown("one rate of several", law('at = "gateway"\nlaw = "waiting_room"\nrates = { till = "4/s" }')
          + timeline(knob="admission.second.rate", value='"1/s"'), "timelines.day.knob", "admission.second.rates.till"),
    grown("a rate that is not among several", law('at = "gateway"\nlaw = "waiting_room"\nrates = { till = "4/s" }')
          + timeline(knob="admission.second.rates.tell", value='"1/s"'), "timelines.day.knob", "did you mean till?"),
    grown("one of several where there is one", timeline(knob="admission.door.rates.till", value='"1/s"'),
          "timelines.day.knob", "turn admission.door.rate"),
    grown("a waiting room that is off", law('at = "gateway"\nlaw = "waiting_room"\nrate = "4/s"')
          + timeline(knob="admission.second.rate", value='"off"'), "timelines.day.steps", "needs a rate"),
    grown("a credit of a stage", law('at = "stage:till"\nlaw = "fulfilment_credit"'), "second.at",
          'at = "gateway", and'),
    grown("a credit without kitchens", law('at = "gateway"\nlaw = "fulfilment_credit"'), "second.law", "[kitchens]"),
    grown("a credit by person", law('at = "gateway"\nkey = "person"\nlaw = "fulfilment_credit"'), "second.key",
          "by store and zone"),
    grown("a slot at the store", law('at = "store"\nlaw = "fulfilment_credit"\nlater = { delay = "5m" }'),
          "second.later", 'belongs at = "gateway"'),
    grown("a slot at no time", law('at = "gateway"\nlaw = "fulfilment_credit"\nlater = { up_to = "1h" }'),
          "second.later.delay", "is missing"),
    grown("two credits at one place", law('at = "gateway"\nlaw = "fulfilment_credit"')
          + law('at = "gateway"\nlaw = "fulfilment_credit"').replace("second", "third"), "third.at", "already"),
    grown("a ticket of a law that has none", law('at = "gateway"\nlaw = "deadline"\nticket = "1m"'),
          "admission.second.ticket", "not a known key"),
    grown("two kinds of people of one name", '[[people.kinds]]\nname = "a"\nshare = 0.5\n' * 2,
          'people.kinds.a.name = "a"', "name of its own"),
    grown("shares of kinds", '[[people.kinds]]\nname = "a"\nshare = 0.5\n', "people", "add up to 0.5, not 1"),
    grown("a stage called gateway", stage('servers = 1\nservice = "1s"').replace("oven", "gateway"),
          'name = "gateway"', "call the stage something else"),
    grown("a law at a stage that is not there", law('at = "stage:tile"\nlaw = "gcra"\nrate = "1/s"'),
          'shop.toml:31: admission.second.at = "stage:tile"', "did you mean till?"),
    grown("a law at no place", law('at = "door"\nlaw = "gcra"\nrate = "1/s"'), 'second.at = "door"', "stage:NAME"),
    grown("a retry budget at the gateway", law('at = "gateway"\nlaw = "retry_budget"'), "second.at", 'at = "client"'),
    grown("pacing at the client", law('at = "client"\nlaw = "pacing"\nrate = "1/s"'), 'second.at = "client"',
          'write at = "stage:till"'),
    grown("pacing at the gateway", law('at = "gateway"\nlaw = "pacing"\nrate = "1/s"'), 'second.at = "gateway"',
          'write at = "stage:till"'),
    grown("a warm-up that lets nobody in", law('at = "gateway"\nlaw = "warm_up"\nrate = "30/m"'), "second.rate",
          "whole calls in a second"),
    grown("a warm-up from no colder", law('at = "gateway"\nlaw = "warm_up"\nrate = "3/s"\ncold_factor = 1'),
          "second.cold_factor = 1", "2"),
    grown("a retry ratio at a stage", law('at = "stage:till"\nlaw = "retry_ratio"'), "second.at", 'at = "client"'),
    grown("an sre throttle at the gateway", law('at = "gateway"\nlaw = "sre_throttle"'), "second.at", 'at = "client"'),
    grown("a breaker at the gateway", law('at = "gateway"\nlaw = "circuit_breaker"'), "second.at", 'at = "client"'),
    grown("codel at a stage", law('at = "stage:till"\nlaw = "codel"'), "second.at", 'at = "queue:till"'),
    grown("a queue that is not there", law('at = "queue:tile"\nlaw = "codel"'), "second.at", "no queue tile", "till"),
    grown("a bucket at a queue", law('at = "queue:till"\nlaw = "gcra"\nrate = "1/s"'), "second.at", "stands before it"),
    grown("a queue by person", law('at = "queue:till"\nlaw = "codel"\nkey = "person"'), "second.key", "take key out"),
    grown("two laws of a queue", law('at = "queue:till"\nlaw = "codel"')
          + law('at = "queue:till"\nlaw = "codel"').replace("second", "third"), "third.at", "has a law already"),
    grown("a priority of nobody at a queue", law('at = "queue:till"\nlaw = "strict_priority"'), "second.law",
          "the same priority"),
    grown("weights of one priority", GROUPS + law('at = "queue:till"\nlaw = "wfq"\nweights = [2, 1]'), "second.weights",
          "the same priority"),
    grown("shares of one priority", law('at = "queue:till"\nlaw = "apf"\nshares = [2, 1]'), "second.shares",
          "the same priority"),
    grown("flows without segments", law('at = "queue:till"\nlaw = "wfq"'), "second.key", "no [[segments]]"),
    grown("flows by person", GROUPS + law('at = "queue:till"\nlaw = "wfq"\nkey = "person"'), "second.key"),
    grown("flows of very many zones", STREET.replace("4", "100001") + law('at = "queue:till"\nlaw = "wfq"\n'
          'key = "zone"'), "second.key", "at most at 100,000", "use segment"),
    grown("a weight of nothing", GROUPS + law('at = "queue:till"\nlaw = "wfq"\nweights = [0]'), "second.weights.0 = 0"),
    grown("an order at a stage", law('at = "stage:till"\nlaw = "apf"'), "second.at", 'at = "queue:till"'),
    grown("an order of the newest", stage('servers = 1\nservice = "1s"\ndiscipline = "lifo"')
          + law('at = "queue:oven"\nlaw = "apf"'), "second.at", 'discipline = "lifo"'),
    grown("seats of replicas", stage(REPLICAS) + law('at = "queue:oven"\nlaw = "apf"'), "second.at", "use wfq"),
    grown("a hand of more than there are", law('at = "queue:till"\nlaw = "apf"\nqueues = 4'), "hand = 6", "queues = 4"),
    grown("hands that no hash deals", law('at = "queue:till"\nlaw = "apf"\nqueues = 1024\nhand = 7'), "fewer"),
    grown("queues that take very much room", law('at = "queue:till"\nlaw = "apf"\nlength = 10000\nqueues = 1000'),
          "second.queues", "10,004,015 numbers", "fewer or shorter"),
    grown("a hot key of no kind", law('at = "gateway"\nlaw = "hot_key"\nrate = "1/s"'), "second.key", "is missing"),
    grown("a hot store without a street", law('at = "gateway"\nlaw = "hot_key"\nrate = "1/s"\nkey = "store"'),
          "second.key", "no stores without a [street]"),
    grown("an exception twice", law('at = "gateway"\nlaw = "hot_key"\nrate = "1/s"\nkey = "person"\n'
          'overrides = [{ value = 3, rate = "1/s" }, { value = 3, rate = "2/s" }]'), "second", "value = 3", "twice"),
    grown("an exception that cannot be counted", law('at = "gateway"\nlaw = "hot_key"\nrate = "1/s"\nkey = "person"\n'
          'overrides = [{ value = 3, rate = "1/d", burst = 999999999999 }]'), "overrides", "64 bits"),
    grown("an aimd at the client", law('at = "client"\nlaw = "aimd"'), "second.at", "or a stage"),
    grown("a vegas at the client", law('at = "client"\nlaw = "vegas"'), "second.at", "or a stage"),
    grown("a gradient that starts outside its bounds", law('at = "gateway"\nlaw = "gradient2"\nstart = 300'),
          "start = 300", "change one"),
    grown("a gradient of crossed bounds", law('at = "gateway"\nlaw = "envoy_gradient"\nleast = 9\nmost = 8'),
          "least = 9", "change one"),
    grown("a processor of no servers", law('at = "gateway"\nlaw = "bbr_cpu"'), "second.at", "add a [gateway]"),
    grown("credits at the client", law('at = "client"\nlaw = "breakwater"\nqueue = "till"\n' + CREDIT_TIMES),
          "second.at", 'at = "gateway"'),
    grown("credits of no stage", law('at = "gateway"\nlaw = "breakwater"\nqueue = "tile"\n' + CREDIT_TIMES),
          "second.queue", "did you mean till?"),
    grown("credits of a stage with shards", stage('servers = 1\nshards = 2\nservice = "1s"')
          + law('at = "gateway"\nlaw = "breakwater"\nqueue = "oven"\n' + CREDIT_TIMES), "second.queue", "one queue"),
    grown("credits of a stage that is newest first", stage('servers = 1\ndiscipline = "lifo"\nservice = "1s"')
          + law('at = "gateway"\nlaw = "breakwater"\nqueue = "oven"\n' + CREDIT_TIMES), "second.queue", "fifo"),
    grown("credits of a stage that is called twice", stage('servers = 1\ncalls = 2\nservice = "1s"')
          + law('at = "gateway"\nlaw = "breakwater"\nqueue = "oven"\n' + CREDIT_TIMES), "second.queue", "for one call"),
    grown("credits of a stage whose queue has an order", stage('servers = 1\nservice = "1s"')
          + law('at = "queue:oven"\nlaw = "apf"').replace("second", "third")
          + law('at = "gateway"\nlaw = "breakwater"\nqueue = "oven"\n' + CREDIT_TIMES), "queue", "lets others go"),
    grown("credits of a person",
          law('at = "gateway"\nkey = "person"\nlaw = "breakwater"\nqueue = "till"\n' + CREDIT_TIMES),
          "second.key", "segment or zone"),
    grown("a seda at the client", law('at = "client"\nlaw = "seda"\ntarget = "1s"'), "second.at", "or a stage"),
    grown("a seda that starts outside its bounds", law('at = "gateway"\nlaw = "seda"\ntarget = "1s"\nmost = "9/s"'),
          'start = "100/s"', 'most = "9/s"'),
    grown("a dagor at the client", law('at = "client"\nlaw = "dagor"'), "second.at", 'at = "stage:till"'),
    grown("a dagor of no queue", law('at = "gateway"\nlaw = "dagor"'), "admission.second", 'queue = "till"'),
    grown("a dagor by person", law('at = "stage:till"\nkey = "person"\nlaw = "dagor"'), "second.key", "priority"),
    grown("a rejector of a queue that is not there", law('at = "gateway"\nlaw = "pi_rejector"\nqueue = "tile"'),
          "second.queue", "did you mean till?"),
    grown("a rejector of a queue behind it", stage('servers = 1\nservice = "1s"')
          + law('at = "stage:oven"\nlaw = "pi_rejector"\nqueue = "till"'), "second.queue", "till is before oven"),
    grown("a top_down at a stage", law('at = "stage:till"\nlaw = "top_down"'), "second.at", 'at = "gateway"'),
    grown("a top_down by person", law('at = "gateway"\nkey = "person"\nlaw = "top_down"'), "second.key",
          "take key out"),
    grown("a stage of a segment that is not there", stage('servers = 1\nservice = "1s"\nsegments = ["some"]'),
          "segments", "there is no segment some"),
    swapped("a segment that passes all by", 'service = "500ms"', 'service = "500ms"\nsegments = ["a"]\n[[segments]]\n'
            'name = "a"\nshare = 0.5\n[[segments]]\nname = "b"\nshare = 0.5\n', "segments.b", "passes all stages by"),
    grown("a processor of a store", STREET + KITCHENS + law('at = "store"\nlaw = "bbr_cpu"'), "second.at",
          "or a stage"),
    grown("a deadline of a zone", STREET + law('at = "zone"\nlaw = "deadline"'), "second.at", "or a stage"),
    grown("an aimd that starts outside its bounds", law('at = "gateway"\nlaw = "aimd"\nstart = 9'), "start = 9",
          "least = 20", "most = 200"),
    grown("slices of no length", law('at = "client"\nlaw = "retry_ratio"\nwindow = "9ns"'), "second", "use fewer"),
    grown("a deadline at the client", law('at = "client"\nlaw = "deadline"'), 'second.at = "client"', "or a stage"),
    grown("slots at the client", law('at = "client"\nlaw = "fixed_concurrency"\nlimit = 3'), "second.at", "or a stage"),
    grown("a law by zone without a street", law('at = "gateway"\nlaw = "gcra"\nrate = "1/s"\nkey = "zone"'),
          'shop.toml:34: admission.second.key = "zone"', "[street]"),
    grown("a law by segment without segments", law('at = "gateway"\nlaw = "gcra"\nrate = "1/s"\nkey = "segment"'),
          'second.key = "segment"', "[[segments]]"),
    grown("a law of stores without kitchens", f'{STREET}{law(AT_STORE)}', 'second.at = "store"', "[kitchens]"),
    grown("a law of zones without a street", law('at = "zone"\nlaw = "gcra"\nrate = "1/s"'), 'second.at = "zone"',
          "[street]"),
    grown("slots of a person at a store", STREET + KITCHENS + law('at = "store"\nlaw = "aimd"\nkey = "person"'),
          'second.key = "person"', "one order", "another key"),
    grown("slots of a zone that delivers at once", STREET + law('at = "zone"\nlaw = "fixed_concurrency"\nlimit = 3'),
          'second.at = "zone"', "nothing is ever inside", "[couriers]"),
    grown("pacing before a zone", STREET + law('at = "zone"\nlaw = "pacing"\nrate = "1/s"'), "second.at", "stage:till"),
    grown("a breaker before a store", STREET + KITCHENS + law('at = "store"\nlaw = "circuit_breaker"'), "second.at",
          'at = "client"'),
    grown("a store at the gateway", STREET + law('at = "gateway"\nlaw = "gcra"\nrate = "1/s"\nkey = "store"'),
          'second.key = "store"', 'at = "store"', "hot_key"),
    grown("a store without kitchens", STREET + law('at = "zone"\nlaw = "gcra"\nrate = "1/s"\nkey = "store"'),
          'second.key = "store"', "[kitchens]"),
    swapped("a cost of nothing", 'rate = "4/s"', 'rate = "4/s"\ncost = 0', "shop.toml:23: admission.door.cost: 0 is",
            "whole number from 1", '"tokens:"'),
    swapped("a cost in tea", 'rate = "4/s"', 'rate = "4/s"\ncost = "tea"', 'door.cost: "tea"', "is not a cost"),
    swapped("a cost in a truth", 'rate = "4/s"', 'rate = "4/s"\ncost = true', "door.cost: true", "is not a cost"),
    swapped("cups without kitchens", 'rate = "4/s"', 'rate = "4/s"\ncost = "cups"', 'door.cost = "cups"', "[kitchens]"),
    swapped("tokens of a till", 'rate = "4/s"', 'rate = "4/s"\ncost = "tokens:till"', 'door.cost = "tokens:till"',
            "no batching stage till"),
    swapped("a priority that nobody has", 'rate = "4/s"', 'rate = "4/s"\npriorities = [1]', "door.priorities",
            "nobody has priority 1, but 0", "[[segments]]"),
    swapped("a priority out of bounds", 'rate = "4/s"', 'rate = "4/s"\npriorities = [32]', "door.priorities.0 = 32",
            "31 or less"),
    swapped("a reserve for nobody", 'rate = "4/s"', 'rate = "4/s"\nreserve = [0, 0.5]', "door.reserve",
            "the same priority"),
    swapped("a reserve above the whole", 'rate = "4/s"', 'rate = "4/s"\nreserve = [0, 1.5]', "door.reserve.1"),
    grown("a queue of some priorities", law('at = "queue:till"\nlaw = "codel"\npriorities = [0]'), "second.priorities",
          "take priorities out"),
    grown("a log of each of very many stores", STREET.replace("2", "9999") + KITCHENS + law(
          'at = "store"\nkey = "store"\nlaw = "sliding_window_log"\nwindow = "1m"\nlimit = 5000'), "second.limit",
          "logs of 39,996 stores", "use a window"),
    grown("a cost of a deadline", law('at = "gateway"\nlaw = "deadline"\ncost = 2'), "second.cost", "not a known key"),
    grown("kitchens without a street", KITCHENS, "shop.toml:29: kitchens", "add a [street]"),
    grown("more stores than can be", f"{STREET}".replace("4", "9000000"), "street.zones = 9000000", "10,000,000"),
    grown("shares of segments", '[[segments]]\nname = "a"\nshare = 0.4\n', "segments", "add up to 0.4, not 1"),
    grown("zones of segments without a street", '[[segments]]\nname = "a"\nshare = 1\nzones = 1\n',
          "segments.a.zones = 1", "[street]"),
    grown("zones of segments that do not add up", f'[[segments]]\nname = "a"\nshare = 1\nzones = 0.5\n{STREET}',
          "segments.a.zones = 0.5", "add up to 0.5, not 1"),
    grown("a cancelling that comes too soon", f'{STREET}[couriers]\nkind = "clock"\nrate = "1/s"\ntrip = "10m"\n'
          'promise = "40m"\ncancel_after = "30m"\n', 'couriers.cancel_after = "30m"', "sooner than the promise"),
    # what cannot be drawn or counted
    swapped("a lognormal too wide", '"500ms"', '{ kind = "lognormal", median = "1s", sigma = 90 }',
            "shop.toml:16: stages.till.service", "sigma 90 cannot be drawn", "at most 50"),
    swapped("a gamma too narrow", '"500ms"', '{ kind = "gamma", mean = "1s", cv = 1e-9 }', "stages.till.service",
            "cv 1e-09 cannot be drawn", '"constant"'),
    swapped("arrivals too even for a gamma", '"poisson"', '"gamma"\ncv = 1e-9', "shop.toml:8: arrivals.cv = 1e-09"),
    grown("a uniform without a whole number", STREET + KITCHENS
          + '[kitchens.cups]\nkind = "uniform"\nlow = 1.2\nhigh = 1.8\n', "shop.toml:35: kitchens.cups",
          "no whole number from 1.2 to 1.8"),
    grown("zones without people", STREET + "zone_demand = 0\n", "street.zone_demand = 0", "above 0"),
    swapped("a rate too slow to count", '"4/s"', '"1e-9/s"\nburst = 50', 'shop.toml:22: admission.door.rate = "1e-9/s"',
            "does not fit 64 bits; lower the burst"),
    grown("a rate too slow to count for a while", incident(knob="admission.door.rate", value='"1e-20/s"'),
          'incidents.jam.set."admission.door.rate" = "1e-20/s"', "does not fit 64 bits"),
    # knobs, times, figures
    grown("a knob that is none", incident(knob="stages.till.sevice"), 'incidents.jam.set."stages.till.sevice" = 0',
          "is not a knob", "stages.<name>"),
    grown("a knob of no stage", incident(knob="stages.tile.servers"), "shop.toml:33:", "did you mean till?"),
    grown("a knob of no law", incident(knob="admission.dor.rate", value='"off"'), "law dor", "mean door?"),
    grown("a knob of no gateway", incident(knob="gateway.servers"), '"gateway.servers" = 0', "no [gateway]; add it"),
    grown("replicas of servers", incident(knob="stages.till.replicas"), "only a batching stage", "set its servers"),
    grown("a limit of a rate law", incident(knob="admission.door.limit"), "token_bucket has no limit"),
    grown("a text for servers", incident(value='"none"'), '"none" is not a whole number', "like 40"),
    grown("negative servers for a while", incident(value=-1), "-1 is not between 0 and"),
    grown("a number for a rate", incident(knob="admission.door.rate", value=3), "3 is not a rate", '"280/s"'),
    grown("a slowdown of nothing", incident(knob="stages.till.slowdown"), "0 is not between 0", "1 is the usual speed"),
    grown("an incident after the end", incident(at="10m"), 'shop.toml:31: incidents.jam.at = "10m"',
          "ends at 10m", "longer horizon"),
    grown("an incident that sets nothing", incident().replace('"stages.till.servers" = 0', ""), "incidents.jam.set",
          "at least 1"),
    grown("an incident of no length", incident().replace('for = "1m"', 'for = "0s"'), 'jam.for = "0s"', "more than 0"),
    grown("a step after the end", timeline(at="11m"), 'shop.toml:32: timelines.day.steps.0.0 = "11m"'),
    grown("a step of the wrong type", timeline(value=2.5), "timelines.day.steps.0.1: 2.5 is not a whole number"),
    grown("a timeline of no knob", timeline(knob="till.servers"), 'timelines.day.knob = "till.servers"', "not a knob"),
    grown("two timelines of one knob", timeline() + timeline("night"), "timelines.night.knob",
          "by timeline day already"),
    grown("a milestone after the end", MILESTONE.format(metric="orders.placed", at="11m"),
          'shop.toml:32: milestones.known.at = "11m"', "after the end of the run at 10m"),
    grown("a milestone of a share within the run", MILESTONE.format(metric="orders.placed_share", at="5m"),
          'milestones.known.at = "5m"', "known at the end only", "counter"),
    grown("a milestone of no figure", MILESTONE.format(metric="orders.plcaed", at="5m"),
          'milestones.known.metric = "orders.plcaed"', "did you mean orders.placed?"),
    swapped("a gate of no figure", '"orders.placed"', '"stages.tille.utilisation"', "shop.toml:26: gates.sold.metric",
            "did you mean stages.till.utilisation?"),
    # sizes
    swapped("a bucket longer than the run", '"10m"', '"10m"\nbucket = "1h"', 'shop.toml:5: bucket = "1h"',
          "horizon of 10m"),
    swapped("buckets without end", '"10m"', '"10m"\nbucket = "1us"', 'bucket = "1us"', "more than 100,000"),
    swapped("more people than can come", '"5/s"', '"1000000/s"', 'shop.toml:8: arrivals.rate = "1000000/s"', "6e+08",
            "--scale"),
    swapped("a curve beyond sense", '"5/s"', '"5/s"\nshapes = [{ name = "x", curve = [["0s", 1e11]] }]', "--scale"),
    swapped("a factor beyond sense", '"5/s"', '"5/s"\nshapes = [{ name = "x", curve = [["0s", 1e13]] }]',
            "arrivals.shapes.x.curve.0.1 = 10000000000000.0", "or less"),
    swapped("more stages than can be", "[[stages]]", stage('servers = 1\nservice = "1s"') * 65 + "[[stages]]", "oven"),
    swapped("a trace that is not there", 'process = "poisson"\nrate = "5/s"', 'process = "trace"\nfile = "no.csv"',
            "shop.toml:8: arrivals.file", "is not a file"),
    # extends
    Case("extending what is not there", 'schema = 1\nextends = "labs/retry-trp"\n',
         ('shop.toml:2: extends = "labs/retry-trp"', "did you mean labs/retry-trap?")),
    Case("extending a number", "extends = 3\n", ("shop.toml:1: extends = 3", "in quotes")),
    Case("extending itself", 'extends = "shop.toml"\n', ("shop.toml: extends", "circle", "shop.toml -> ")),
    Case("removing what is not there", 'extends = "labs/retry-trap"\n[[incidents]]\nname = "outge"\nremove = true\n',
         ("shop.toml:2: incidents.outge", "not there to remove", "did you mean outage?")),
    Case("removing a table that is not there", 'extends = "labs/retry-trap"\n[gateway]\nremove = true\n',
         ("shop.toml:2: gateway", "not there to remove")),
    Case("removing from an array that is not there",
         'extends = "labs/retry-trap"\n[[timelines]]\nname = "t"\nremove = true\n',
         ("shop.toml:2: timelines.t", "not there to remove")),
    Case("removing and changing",
         'extends = "labs/retry-trap"\n[[incidents]]\nname = "outage"\nremove = true\nat = "1s"\n',
         ("shop.toml:4: incidents.outage.remove = true", "at beside it")),
    Case("removing by no", 'extends = "labs/retry-trap"\n[[incidents]]\nname = "outage"\nremove = false\n',
         ("shop.toml:4: incidents.outage.remove = false", "only ever true")),
    Case("an entry without a name", 'extends = "labs/retry-trap"\n[[stages]]\nservers = 2\n',
         ("shop.toml:2: stages.0", "needs a name")),
    # flags and variables
    flagged("a flag without a value", "people.timeout", "--set: people.timeout is not a setting", "people.timeout=30s"),
    flagged("a flag without a key", "=3", "--set: =3 is not a setting"),
    flagged("a flag with a misspelt key", "people.tiemout=3s", '--set: people.tiemout = "3s"', "did you mean timeout?"),
    flagged("a flag to an entry that is not there", "stages.tile.servers=3", "--set: stages.tile.servers", "nowhere",
            "did you mean till?"),
    flagged("a flag to an index that is not there", "gates.7.min=3", "--set: gates.7.min", "leads nowhere", "sold"),
    flagged("a flag into a plain value", "horizon.x=3", "--set: horizon.x", "plain value", "horizon=..."),
    flagged("a flag with a bad value", "people.timeout=60", "--set: people.timeout: 60 is not a duration"),
    flagged("a flag that extends", "extends=labs/retry-trap", '--set: extends = "labs/retry-trap"', "is for files"),
    Case("a variable with a bad value", SHOP, ("SLUICE_SET: stages.till.servers = -1", "0 or more"),
         environment={"SLUICE_SET": "horizon=5m;stages.till.servers=-1"}),
    grown("a target that is no path", target(path="orders"), "live.target.path", '"orders"', "begin with /"),
    grown("a target without answers", target(answers="[]"), "live.target.answers", "at least 1"),
    grown("a target that never places", target(answers='[{ status = 429, verdict = "throttled" }]'), "live.target",
          'give one the verdict "placed"'),
    grown("a status that HTTP has not", target(answers='[{ status = 9, verdict = "placed" }]'),
          "live.target.answers.0.status = 9", "100 or more"),
    grown("a verdict nobody knows", target(answers='[{ status = 200, verdict = "placd" }]'), "did you mean placed?"),
    grown("a value of no field", target(answers='[{ status = 200, value = "ok", verdict = "placed" }]'),
          "live.target", "'ok'", "name it with field"),
    grown("a template that is not filled in", target() + 'body = "{wnat}"\n', "live.target.body", "did you mean want?"),
    grown("a header in two lines", target() + 'headers = { A = "b\\r\\nC: d" }\n', "live.target.headers.A"),
    grown("a header that is ours", target() + 'headers = { Content-Length = "3" }\n', "Content-Length", "take it out"),
    grown("a lag of nothing", '[live]\nlongest_lag = "0s"\n', 'live.longest_lag = "0s"', "more than 0"),
    grown("a key nobody knows there", "[live]\nmost_inflight = 9\n", "live.most_inflight", "most_in_flight"),
]
# fmt: on


@pytest.fixture(autouse=True)
def in_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def message(path: str | Path, **options: object) -> str:
    with pytest.raises(ScenarioError) as caught:
        load(path, **options)  # type: ignore[arg-type]
    return str(caught.value)


def assert_in_our_words(text: str) -> None:
    assert not re.search(r"pydantic|https?://|input_value|Input should|validation error|Traceback", text), text
    assert "belongs here" not in text, f"a kind of mistake without words of its own: {text}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what.replace(" ", "-"))
def test_a_mistake_is_told_with_its_place_and_its_remedy(case: Case) -> None:
    Path("shop.toml").write_text(case.text, "utf-8")
    text = message("shop.toml", sets=case.sets, environment=case.environment)
    assert [part for part in case.says if part not in text] == [], text
    assert_in_our_words(text)


ODD: list[Any] = [
    *(0, -1, 3, 10**30, 2**63, 0.5, 1e300, math.nan, math.inf, True, datetime.date(2026, 2, 6), datetime.time(7, 45)),
    *("", "x", "3s", "0s", "366d", "280/s", "25%", "off", "till", "stages.intent.servers", "\u202e", "1" * 300),
    *([], {}, [[]], [{}], [1, 2], [["0s", "1/s"]], [{"name": "x"}], {"name": "x"}, {"remove": True}),
    *({"kind": "lognormal"}, {"kind": [1]}, {"kind": "mixture", "parts": []}, {"law": {}}),
]


def places(tree: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [above, *(place for key, child in children for place in places(child, (*above, key)))]


@given(st.data(), st.sampled_from(["milk-tea-day", "labs/kitchen-rush", "labs/retry-trap"]), st.booleans())
def test_a_good_file_with_one_odd_value_is_read_or_told_and_never_crashes(
    data: st.DataObject, name: str, extends: bool
) -> None:
    tree = copy.deepcopy(load(name).resolved)
    *way, last = data.draw(st.sampled_from(places(tree)[1:]))
    around: Any = tree
    for step in way:
        around = around[step]
    around[last] = copy.deepcopy(data.draw(st.sampled_from(ODD)))
    Path("shop.toml").write_text((f'extends = "{name}"\n' * extends) + tomli_w.dumps(tree), "utf-8")
    try:
        load("shop.toml")
    except ScenarioError as error:
        assert_in_our_words(str(error))


def test_an_unknown_name_is_told_the_nearest_of_the_catalogue() -> None:
    text = message("labs/retry-tarp")
    assert text == "labs/retry-tarp: is neither in the catalogue nor a file; did you mean labs/retry-trap?"


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5000, "no/such/file.toml"])
def test_a_name_that_cannot_be_a_file_is_no_crash(name: str) -> None:
    assert "is neither in the catalogue nor a file" in message(name)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"schema = 1\0\n", "shop.toml: is a binary file; a scenario is TOML"),
        (b'schema = 1\nname = "\xe9"\n', "shop.toml:2: is not UTF-8 text from here on; save the file as UTF-8"),
        (b"#" * 5_000_001, "shop.toml: is larger than 5 MB"),
    ],
    ids=["binary", "latin-1", "huge"],
)
def test_bytes_that_are_no_scenario_are_refused(content: bytes, says: str) -> None:
    Path("shop.toml").write_bytes(content)
    assert message("shop.toml").startswith(says)


def test_a_directory_is_refused() -> None:
    Path("shop.toml").mkdir()
    assert message("shop.toml") == "shop.toml: is a directory; name a scenario file in it"


def test_a_device_is_refused() -> None:
    assert message(os.devnull) == f"{os.devnull}: is not an ordinary file; give the path of a TOML file"


def test_a_file_without_permission_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    Path("shop.toml").write_text(SHOP)
    monkeypatch.setattr(Path, "open", refuse)  # permissions do not bind whoever runs tests as root
    assert message("shop.toml") == ("shop.toml: cannot be read: permission denied; check the path and its permissions")


def test_a_circle_of_files_is_told_with_its_chain() -> None:
    Path("a.toml").write_text('extends = "b.toml"\n')
    Path("b.toml").write_text('extends = "a.toml"\n')
    assert message("a.toml") == "b.toml: extends: goes in a circle: a.toml -> b.toml -> a.toml"


def test_a_chain_too_long_is_told() -> None:
    for at in range(20):
        Path(f"{at}.toml").write_text(f'extends = "{at + 1}.toml"\n')
    assert message("0.toml").endswith(
        "0.toml -> 1.toml -> 2.toml -> 3.toml -> 4.toml -> 5.toml -> 6.toml -> 7.toml -> 8.toml"
    )


def test_a_mistake_is_told_in_the_file_that_has_it() -> None:
    Path("base.toml").write_text(SHOP.replace('"3s"', "3"))
    Path("shop.toml").write_text('extends = "base.toml"\n[[stages]]\nname = "till"\nservers = -1\n')
    first, second = message("shop.toml").splitlines()
    assert first.startswith("base.toml:11: people.timeout: 3 is")
    assert second.startswith("shop.toml:4: stages.till.servers = -1: needs")


def test_all_mistakes_of_a_file_are_told_in_the_order_of_its_lines() -> None:
    text = SHOP.replace('"3s"', "3").replace("servers = 4", "servers = -4").replace('"10m"', '"10"')
    Path("shop.toml").write_text(text)
    lines = message("shop.toml").splitlines()
    assert [line.split(" ")[0] for line in lines[:-1]] == ["shop.toml:4:", "shop.toml:11:", "shop.toml:15:"]
    assert lines[-1] == "mend these and validate again: references are checked after that"


def test_references_are_told_beside_values_that_cannot_be_read() -> None:
    text = (
        SHOP.replace('"3s"', "3").replace("servers = 4", "servers = -4").replace('"orders.placed"', '"orders.plcaed"')
    )
    wrong = '[[gates]]\nname = "first"\nmetric = "orders.placed"\nmin = "x"\n\n[[gates]]'
    Path("shop.toml").write_text(text.replace("[[gates]]", wrong) + incident(knob="stages.tile.servers"))
    lines = message("shop.toml").splitlines()
    assert [line.split(" ")[1] for line in lines] == [
        "people.timeout:",
        "stages.till.servers",
        "gates.first.min:",
        "gates.sold.metric",
        'incidents.jam.set."stages.tile.servers"',
    ]
    assert lines[3].startswith("shop.toml:31: ")


def test_what_a_wrong_entry_is_referred_to_for_is_not_told_as_missing() -> None:
    Path("shop.toml").write_text(SHOP.replace('"4/s"', "4") + incident(knob="admission.door.rate", value='"1/s"'))
    first, last = message("shop.toml").splitlines()
    assert first.startswith("shop.toml:22: admission.door.rate: 4 is not a rate")
    assert last == "mend these and validate again: references are checked after that"


def required_keys() -> set[str]:
    def inside(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
        seen.add(model)
        keys = {field.alias or name for name, field in model.model_fields.items() if field.is_required()}
        parts = {part for annotation in wording._fields(model).values() for part in wording._inside(annotation)}
        return keys | {key for part in parts - seen for key in inside(part, seen)}

    return inside(Scenario, set()) - {"kind", "law"}  # those are told with what there is to choose from


@pytest.mark.parametrize("key", sorted(required_keys()))
def test_every_key_that_may_be_missing_is_told_with_an_example(key: str) -> None:
    assert key in wording._EXAMPLES


def test_at_most_twenty_mistakes_are_told_and_the_rest_are_counted() -> None:
    wrong = "".join(f'[[gates]]\nname = "g{at}"\nmetric = "nothing"\nmin = 1\n' for at in range(23))
    Path("shop.toml").write_text(SHOP + wrong)
    lines = message("shop.toml").splitlines()
    assert (len(lines), lines[-1]) == (MOST_SHOWN + 1, "... and 3 more")


def test_a_misspelt_key_is_not_told_as_missing_too() -> None:
    Path("shop.toml").write_text(SHOP.replace("timeout =", "tiemout ="))
    assert message("shop.toml") == 'shop.toml:11: people.tiemout = "3s": is not a known key; did you mean timeout?'


def test_a_problem_is_written_place_key_value_remedy() -> None:
    problem = Problem(
        source="day.toml", line=14, key="stages.intent.servers", value="-3", remedy="needs to be 0 or more"
    )
    assert str(problem) == "day.toml:14: stages.intent.servers = -3: needs to be 0 or more"
    assert str(Problem(source="--scale", remedy="0 is not a scale")) == "--scale: 0 is not a scale"
