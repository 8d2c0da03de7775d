"""Tickets: what the waiting room said, signed, so that whoever checks it needs a key and no store.

    text = base64url(body + MAC);  body = kind (1 byte), key (1), number (8), expires_ns (8)
    MAC = the first 18 bytes of HMAC-SHA256(secret of the key, label + body + person)

A WAITING ticket is a number in `waiting_room`; it says whose it is to ask. An ADMITTED ticket is given for it, once
`decide` has admitted that number; the follow-ups of the same want (retries, order, coupon, payment) carry it and are
checked here alone: no law is asked, nothing is charged again. Both are bound to their person, who is not in the text:
a ticket shown by another one is FORGED.

What is wrong is found in the order of its price: length, then kind, key and expiry as they are written, and only then
the MAC, over a text built again, compared in constant time. Nothing of a longer text than a ticket's is read. Keys
change by `rotated`: the new one signs, the one before is still good.

Sources: HMAC (RFC 2104; a MAC may be cut to no less than half of the hash: 16 bytes, here 18), Queue-it's and AWS'
tokens (signed; number, expiry). No law: the simulator needs no signatures. The standard library's hmac and secrets do
the work.
"""

from __future__ import annotations

import binascii
import hmac
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

LENGTH = 48
"""Characters of a ticket."""
SECRET_BYTES = 32
"""The least a secret may have: as many as the hash."""
KEYS = 256
LONGEST_PERSON = 256
"""Characters of a person: an identifier, nothing longer."""

_LABEL = b"sluice ticket 1\n"
_BODY = struct.Struct(">BBQQ")
_MAC_BYTES = 18
_UNSIGNED = 2**63


class Kind(IntEnum):
    """What a ticket is good for."""

    WAITING = 1
    ADMITTED = 2


class Refusal(IntEnum):
    """Why a ticket is not good; what a client may be told is that it needs another one."""

    MALFORMED = 1
    """Not a ticket: another length, or characters that no ticket has."""
    OTHER_KIND = 2
    UNKNOWN_KEY = 3
    """Signed with a key that has been taken out, or that never was."""
    EXPIRED = 4
    """By its own word; whether it was genuine is not looked at."""
    FORGED = 5
    """Not signed by us for this person."""


class Ticket(NamedTuple):
    """A ticket that is good."""

    kind: Kind
    number: int
    expires_ns: int


class Keyring:
    """The secrets by key number, one of which signs. It does not change: `rotated` makes another."""

    def __init__(self, secrets_by_key: Mapping[int, bytes], signs_with: int) -> None:
        """Take secrets of at least 32 bytes, with keys from 0 to 255; ValueError says what does not fit."""
        for key, secret in secrets_by_key.items():
            if not 0 <= key < KEYS:
                raise ValueError(f"key {key} of a ticket is not from 0 to {KEYS - 1}; number keys round from 0 again")
            if len(secret) < SECRET_BYTES:
                raise ValueError(
                    f"the secret of key {key} has {len(secret)} bytes, and needs {SECRET_BYTES}; take fresh_secret()"
                )
        if signs_with not in secrets_by_key:
            raise ValueError(
                f"key {signs_with} is to sign tickets and has no secret; there are {sorted(secrets_by_key)}"
            )
        self._secrets = dict(secrets_by_key)
        self._signs_with = signs_with

    def __repr__(self) -> str:
        """Show the keys, never a secret."""
        return f"Keyring(keys={sorted(self._secrets)}, signs_with={self._signs_with})"

    def rotated(self, secret: bytes) -> Keyring:
        """Return a ring that signs with this secret, and still takes what the present key signed; older ones go.

        Rotate no more often than a ticket lives. To hand a secret to many gateways before any of them signs with it,
        give them rings with both first.
        """
        key = (self._signs_with + 1) % KEYS
        return Keyring({self._signs_with: self._secrets[self._signs_with], key: secret}, signs_with=key)

    def sign(self, kind: Kind, person: str, number: int, expires_ns: int) -> str:
        """Return the ticket of a person, good until expires_ns; ValueError for what does not fit one."""
        if not (0 <= number < _UNSIGNED and 0 <= expires_ns < _UNSIGNED):
            raise ValueError(f"number {number} and expires_ns {expires_ns} of a ticket must be from 0 to 2^63 - 1")
        if len(person) > LONGEST_PERSON:
            raise ValueError(
                f"the person of a ticket has {len(person)} characters, at most {LONGEST_PERSON}; give an id"
            )
        body = _BODY.pack(kind, self._signs_with, number, expires_ns)
        return self._text(body, person.encode(), self._signs_with)

    def check(self, text: str, kind: Kind, person: str, now_ns: int) -> Ticket | Refusal:
        """Return the ticket if it is good at this instant, for this person and for this; else why it is not.

        It is expired iff now >= expires_ns. Never raises, whatever the text and the person.
        """
        if len(text) != LENGTH or not text.isascii():
            return Refusal.MALFORMED
        try:
            body = urlsafe_b64decode(text[:24])
        except binascii.Error:
            return Refusal.MALFORMED
        if len(body) != _BODY.size:
            return Refusal.MALFORMED
        is_kind, key, number, expires_ns = _BODY.unpack(body)
        if is_kind != kind:
            return Refusal.OTHER_KIND
        if key not in self._secrets:
            return Refusal.UNKNOWN_KEY
        if now_ns >= expires_ns:
            return Refusal.EXPIRED
        if len(person) > LONGEST_PERSON:
            return Refusal.FORGED
        if not hmac.compare_digest(self._text(body, person.encode(errors="surrogatepass"), key), text):
            return Refusal.FORGED
        return Ticket(kind, number, expires_ns)

    def _text(self, body: bytes, name: bytes, key: int) -> str:
        mac = hmac.digest(self._secrets[key], _LABEL + body + name, "sha256")
        return urlsafe_b64encode(body + mac[:_MAC_BYTES]).decode()


def fresh_secret() -> bytes:
    """Return a new secret from the system's generator."""
    return secrets.token_bytes(SECRET_BYTES)
