from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits import tickets, waiting_room
from limits.tickets import Keyring, Kind, Refusal, Ticket
from limits.verdicts import ADMITTED, EXPIRED

SECRET = bytes(range(32))
RING = Keyring({7: SECRET}, signs_with=7)
HOUR = 3600 * 10**9
GOOD = RING.sign(Kind.WAITING, "ann", 42, HOUR)


def check(text: str, person: str = "ann", now_ns: int = 0, ring: Keyring = RING) -> Ticket | Refusal:
    return ring.check(text, Kind.WAITING, person, now_ns)


def altered(position: int) -> str:
    """Return the good ticket with one bit of one byte changed."""
    raw = bytearray(urlsafe_b64decode(GOOD))
    raw[position] ^= 1
    return urlsafe_b64encode(raw).decode()


def test_a_ticket_says_what_was_signed() -> None:
    assert len(GOOD) == tickets.LENGTH
    assert check(GOOD) == Ticket(Kind.WAITING, 42, HOUR)


def test_the_text_is_that_of_the_formula() -> None:
    body = bytes([1, 7]) + (42).to_bytes(8, "big") + HOUR.to_bytes(8, "big")
    mac = hmac.new(SECRET, b"sluice ticket 1\n" + body + b"ann", hashlib.sha256).digest()
    assert urlsafe_b64encode(body + mac[:18]).decode() == GOOD


def test_it_expires_at_its_instant_to_the_ns() -> None:
    assert isinstance(check(GOOD, now_ns=HOUR - 1), Ticket)
    assert check(GOOD, now_ns=HOUR) is Refusal.EXPIRED


def test_it_is_good_for_its_person_alone() -> None:
    assert check(GOOD, person="bob") is Refusal.FORGED
    assert check(GOOD, person="") is Refusal.FORGED
    assert check(GOOD, person="ann" * 10**6) is Refusal.FORGED
    assert check(GOOD, person="\ud800") is Refusal.FORGED
    assert isinstance(check(RING.sign(Kind.WAITING, "顾客", 1, HOUR), person="顾客"), Ticket)


def test_it_is_good_for_its_kind_alone() -> None:
    assert RING.check(GOOD, Kind.ADMITTED, "ann", 0) is Refusal.OTHER_KIND
    assert check(altered(0)) is Refusal.OTHER_KIND


@pytest.mark.parametrize("position", range(1, 36))
def test_no_bit_can_be_changed(position: int) -> None:
    refusal = check(altered(position))
    assert refusal is (Refusal.UNKNOWN_KEY if position == 1 else Refusal.FORGED)


@pytest.mark.parametrize(
    "text",
    ["", GOOD[:-1], GOOD + "A", GOOD * 10**5, " " * 48, "é" * 48, "=" * 48, GOOD[:23] + "=" + GOOD[24:], "\x00" * 48],
)
def test_what_is_no_ticket_is_refused(text: str) -> None:
    assert check(text) is Refusal.MALFORMED


def test_there_is_one_text_for_a_ticket() -> None:
    plain = GOOD.replace("-", "+").replace("_", "/")
    swapped = [plain, GOOD[:24] + GOOD[24:].swapcase(), GOOD[:24] + "\n" + GOOD[25:]]
    assert [check(text) for text in swapped if text != GOOD] == [Refusal.FORGED] * (3 if plain != GOOD else 2)


def test_one_with_characters_outside_the_alphabet_in_its_body_is_not_read_around_them() -> None:
    assert check(GOOD[:8] + "****" + GOOD[8:44]) is Refusal.MALFORMED


@given(st.text(max_size=60), st.text(max_size=5))
def test_no_text_raises_and_none_is_good(text: str, person: str) -> None:
    assert isinstance(check(text, person), Refusal)


@given(st.sampled_from(Kind), st.text(st.characters(codec="utf-8"), max_size=256), st.integers(0, 2**63 - 1), st.data())
def test_what_is_signed_is_good_until_it_expires(kind: Kind, person: str, number: int, data: st.DataObject) -> None:
    expires_ns = data.draw(st.integers(1, 2**63 - 1))
    now_ns = data.draw(st.integers(0, expires_ns - 1))
    text = RING.sign(kind, person, number, expires_ns)
    assert RING.check(text, kind, person, now_ns) == Ticket(kind, number, expires_ns)


def test_person_and_number_cannot_be_exchanged_for_one_another() -> None:
    texts = {RING.sign(Kind.WAITING, p, n, HOUR)[24:] for p, n in [("1", 12), ("11", 2), ("", 112), ("112", 0)]}
    assert len(texts) == 4


def test_a_rotated_ring_signs_with_the_new_key_and_takes_the_one_before() -> None:
    second = RING.rotated(b"2" * 32)
    newer = second.sign(Kind.WAITING, "ann", 42, HOUR)
    assert newer != GOOD
    assert isinstance(check(GOOD, ring=second), Ticket)
    assert isinstance(check(newer, ring=second), Ticket)
    assert check(newer) is Refusal.UNKNOWN_KEY
    third = second.rotated(b"3" * 32)
    assert check(GOOD, ring=third) is Refusal.UNKNOWN_KEY
    assert isinstance(check(newer, ring=third), Ticket)


def test_keys_go_round() -> None:
    ring = Keyring({255: SECRET}, signs_with=255).rotated(b"2" * 32)
    assert isinstance(check(ring.sign(Kind.WAITING, "ann", 1, HOUR), ring=ring), Ticket)
    assert repr(ring) == "Keyring(keys=[0, 255], signs_with=0)"


def test_a_key_number_with_another_secret_does_not_open() -> None:
    assert check(GOOD, ring=Keyring({7: b"x" * 32}, signs_with=7)) is Refusal.FORGED


def test_no_secret_is_shown() -> None:
    assert "\\x" not in repr(RING)
    assert SECRET.hex() not in repr(RING)


def test_a_fresh_secret_is_long_enough_and_fresh() -> None:
    first, second = tickets.fresh_secret(), tickets.fresh_secret()
    assert first != second
    assert Keyring({0: first}, signs_with=0)


@pytest.mark.parametrize(
    ("secrets", "signs_with", "message"),
    [
        ({256: SECRET}, 256, "key 256 of a ticket is not from 0 to 255; number keys round from 0 again"),
        ({-1: SECRET}, -1, "key -1 of a ticket is not from 0 to 255"),
        ({1: b"short"}, 1, r"the secret of key 1 has 5 bytes, and needs 32; take fresh_secret\(\)"),
        ({1: SECRET}, 2, r"key 2 is to sign tickets and has no secret; there are \[1\]"),
        ({}, 0, r"key 0 is to sign tickets and has no secret; there are \[\]"),
    ],
)
def test_a_ring_that_does_not_fit_is_an_error(secrets: dict[int, bytes], signs_with: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Keyring(secrets, signs_with)


@pytest.mark.parametrize(
    ("person", "number", "expires_ns", "message"),
    [
        ("ann", -1, 1, "number -1 and expires_ns 1 of a ticket must be from 0"),
        ("ann", 1, 2**63, "must be from 0 to 2"),
        ("a" * 257, 1, 1, "the person of a ticket has 257 characters, at most 256; give an id"),
        ("\ud800", 1, 1, "surrogates not allowed"),
    ],
)
def test_what_fits_no_ticket_is_an_error(person: str, number: int, expires_ns: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RING.sign(Kind.WAITING, person, number, expires_ns)


def test_what_is_refused_cheaply_costs_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []

    def digest(key: bytes, message: bytes, name: str) -> bytes:
        hashed.append(len(message))
        return hmac.new(key, message, name).digest()

    admitted = RING.sign(Kind.ADMITTED, "ann", 42, HOUR)
    other = Keyring({8: SECRET}, signs_with=8).sign(Kind.WAITING, "ann", 42, HOUR)
    monkeypatch.setattr(hmac, "digest", digest)
    for text in ("", GOOD[:-1], GOOD * 10**5, "=" * 48, admitted, other):
        assert isinstance(check(text), Refusal)
    check(GOOD, now_ns=HOUR)
    check(GOOD, person="a" * 10**6)
    assert hashed == []
    check(GOOD)
    check(altered(30))
    assert hashed == [16 + 18 + 3] * 2


def test_macs_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare_digest(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    assert isinstance(check(GOOD), Ticket)
    assert check(altered(35)) is Refusal.FORGED
    assert compared == [(GOOD, GOOD), (GOOD, altered(35))]


def test_a_want_is_admitted_once_and_its_follow_ups_ride_on_the_ticket() -> None:
    room, hold_ns = [0] * (waiting_room.WIDTH + 1 + 3 * 9), 60 * 10**9
    number = waiting_room.join(room, 0, 1, 9, hold_ns, waiting_room.IN_ORDER, 0)
    waiting = RING.sign(Kind.WAITING, "ann", number, HOUR)
    waiting_room.grant(room, 0, 1, 9, 0, 9, 5, 0)

    shown = RING.check(waiting, Kind.WAITING, "ann", 0)
    assert isinstance(shown, Ticket)
    assert waiting_room.decide(room, 0, 1, 9, hold_ns, shown.number, 0, 1) == ADMITTED
    admitted = RING.sign(Kind.ADMITTED, "ann", shown.number, HOUR)
    before = room.copy()
    for now_ns in (1, hold_ns, HOUR - 1):  # retries, order, payment: the room is not asked
        assert isinstance(RING.check(admitted, Kind.ADMITTED, "ann", now_ns), Ticket)
    assert room == before
    # The same number again, later: spent. The waiting ticket does not pass for the other.
    assert waiting_room.decide(room, 0, 1, 9, hold_ns, number, hold_ns, 1) == EXPIRED
    assert RING.check(waiting, Kind.ADMITTED, "ann", 0) is Refusal.OTHER_KIND
