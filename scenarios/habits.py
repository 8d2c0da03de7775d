"""The rules of people and their draws for one scenario and one seed: `scenarios.people` with its tables filled in."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios import draws, model, people
from scenarios.people import NO_TABLE
from scenarios.person import Person
from scenarios.tables import Distribution, edges, table
from scenarios.units import NS_PER_S
from scenarios.world import World

NONE: list[float] = []


class Habits:
    """What people of this scenario do. Nothing in here remembers anything."""

    def __init__(self, scenario: model.Scenario, world: World, seed: int) -> None:
        self.seed = seed
        self.world = world
        self.people = scenario.people
        self.attempts = scenario.people.attempts
        self.repicks = scenario.street.repicks if scenario.street else 0
        self.repick_probability = scenario.street.repick_probability if scenario.street else 0.0
        kinds = scenario.people.kinds
        everybody = scenario.people
        self._kind_edges = edges([kind.share for kind in kinds] or [1.0])
        self._timeout = table(everybody.timeout, whole=False)
        self._patience = [_row(kind.patience or everybody.patience) for kind in kinds] or [_row(everybody.patience)]
        self._retry_delay = [_row(kind.retry_delay or everybody.retry_delay) for kind in kinds] or [
            _row(everybody.retry_delay)
        ]
        self._store_retry_delay = table(everybody.store_retry_delay, whole=False)
        self._resignation_at_ns = [at_ns for at_ns, _ in everybody.resignation]
        self._resignation_share = [share for _, share in everybody.resignation]
        self.most_hedges = everybody.hedge.most if everybody.hedge else 0
        self._hedge_after = _row(everybody.hedge.after if everybody.hedge else None)
        self._come_back = everybody.come_back
        self._come_back_delay = _row(everybody.come_back.delay if everybody.come_back else None)
        self._invitations = scenario.invitations
        self._invitation_delay = _row(scenario.invitations.delay if scenario.invitations else None)
        self._cups = NONE if scenario.kitchens is None else table(scenario.kitchens.cups, whole=True)
        later = slot_offered(scenario)
        self._slot_delay = _row(later.delay if later else None)
        self._slot_probability = later.probability if later else 0.0
        self._priorities = [segment.priority for segment in scenario.segments] or [0]
        self._tokens = {
            stage.name: (number, table(stage.prompt, whole=True), table(stage.output, whole=True))
            for number, stage in enumerate(scenario.stages, start=1)
            if isinstance(stage, model.BatchingStage)
        }

    def who(self, want: int) -> tuple[int, int, int]:
        """Segment, zone and kind of a person."""
        segment = people.segment_of(self.world.segment_edges, self.seed, want)
        first, last = self.world.zone_first[segment], self.world.zone_last[segment]
        zone = people.zone_of(self.world.zone_edges, first, last, self.seed, want)
        return segment, zone, people.kind_of(self._kind_edges, self.seed, want)

    def newcomer(self, want: int, first_try_ns: int, invited_by: int) -> Person:
        """Somebody at their first try; who came by themselves was invited by -1."""
        segment, zone, kind = self.who(want)
        return Person(
            want=want,
            invited_by=invited_by,
            segment=segment,
            zone=zone,
            kind=kind,
            priority=self.priority(segment),
            first_try_ns=first_try_ns,
        )

    def priority(self, segment: int) -> int:
        """How important the people of a segment are; 0 is the most."""
        return self._priorities[segment]

    def session_end_ns(self, want: int, kind: int, session: int, now_ns: int) -> int:
        """When a session that starts now ends."""
        row = self._patience[kind]
        return people.session_end_ns(row, 0 if row else NO_TABLE, self.seed, want, session, now_ns)

    def timeout_at_ns(self, want: int, attempt: int, session_end_ns: int, now_ns: int) -> int:
        """When the person stops waiting for an attempt that is sent now."""
        least_ns = self.people.least_timeout_ns
        return people.timeout_at_ns(self._timeout, 0, self.seed, want, attempt, least_ns, session_end_ns, now_ns)

    def hedge_ns(self, want: int, attempt: int) -> int:
        """How long the person waits for the answer to an attempt before a copy of it is sent."""
        return people.hedge_ns(self._hedge_after, 0, self.seed, want, attempt)

    def resigns(self, want: int, attempt: int, now_ns: int) -> bool:
        """Whether the person leaves for good after this failure."""
        return people.resigns(self._resignation_at_ns, self._resignation_share, self.seed, want, attempt, now_ns)

    def think_ns(
        self, want: int, kind: int, attempt: int, tries: int, *, retry_after_s: int, store_failed: bool
    ) -> int:
        """How long the person waits before the next try."""
        least_ns = retry_after_s * NS_PER_S if self.people.heeds_retry_after else 0
        if store_failed:
            least_ns = max(least_ns, people.store_delay_ns(self._store_retry_delay, 0, self.seed, want, attempt))
        return people.think_ns(
            self._retry_delay[kind],
            0,
            self.seed,
            want,
            attempt,
            tries,
            self.people.retry_delay_growth,
            self.people.longest_retry_delay_ns,
            least_ns,
        )

    def comes_back(self, want: int, session: int) -> bool:
        """Whether another session follows this one, which ended without an order."""
        back = self._come_back
        return back is not None and people.comes_back(back.probability, back.times, self.seed, want, session)

    def away_ns(self, want: int, session: int) -> int:
        """The time from the end of this session to the start of the next."""
        return people.come_back_delay_ns(self._come_back_delay, 0, self.seed, want, session)

    def store(self, zone: int, want: int, attempt: int, pick: int) -> int:
        """The store that an attempt picks."""
        place = people.store_of(self.world.popularity_edges, self.seed, want, attempt, pick)
        return zone * self.world.stores_per_zone + place

    def picks_again(self, want: int, attempt: int, pick: int) -> bool:
        """Whether the re-pick of this number is taken up."""
        return people.picks_again(self.repick_probability, self.seed, want, attempt, pick)

    def nearby_store(self, zone: int, want: int, attempt: int, k: int) -> int:
        """A store of the zone at which a fulfilment credit looks, popular or not."""
        stores = self.world.stores_per_zone
        return zone * stores + people.nearby_store_of(stores, self.seed, want, attempt, k)

    def slot_delay_ns(self, want: int, attempt: int, offer: int) -> int:
        """How much later the slot is that an attempt is offered."""
        return people.slot_delay_ns(self._slot_delay, 0, self.seed, want, attempt, offer)

    def takes_slot(self, want: int, attempt: int, offer: int) -> bool:
        """Whether the person takes that slot."""
        return people.takes_slot(self._slot_probability, self.seed, want, attempt, offer)

    def cups(self, want: int) -> int:
        """The cups of an order."""
        return people.cups_of(self._cups, 0, self.seed, want)

    def tokens(self, stage: str, want: int, attempt: int) -> tuple[int, int]:
        """The tokens of an attempt's call at a batching stage: prompt and output."""
        number, prompt, output = self._tokens[stage]
        return (
            people.prompt_of(prompt, 0, self.seed, number, want, attempt),
            people.output_of(output, 0, self.seed, number, want, attempt),
        )

    def invited(self, want: int) -> Iterator[tuple[int, int]]:
        """Whom an order invites, each with the time until their first try."""
        if self._invitations is None:
            return
        for k in range(1, people.invited_count(self._invitations.mean, self.seed, want) + 1):
            invited = draws.invited(want, k)
            yield invited, people.invitation_delay_ns(self._invitation_delay, 0, self.seed, invited)


def slot_offered(scenario: model.Scenario) -> model.LaterSlot | None:
    """The later slot that the credits of the gateway offer, if they do."""
    at_gateway = [law for law in scenario.admission if isinstance(law, model.CreditAdmission) and law.later]
    return at_gateway[0].later if at_gateway else None


def _row(distribution: Distribution | None) -> list[float]:
    """The row of a distribution, empty where there is none."""
    return NONE if distribution is None else table(distribution, whole=False)
