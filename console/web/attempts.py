"""Bounds how often a token may be guessed: by each address, and by all together."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

MOST_ADDRESSES: Final = 4096


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, then one every so many seconds."""

    at_once: int
    every_s: float


OF_AN_ADDRESS: Final = Rate(5, 12.0)
OF_ALL: Final = Rate(60, 1.0)


class Allowance:
    """What is left of a rate. It comes back with time alone: asking in vain makes nobody wait longer."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._used_until = float("-inf")

    def wait_s(self, now: float) -> float:
        """Return how long until one more fits, 0 for now."""
        return max(0.0, self._used_until - now - (self._rate.at_once - 1) * self._rate.every_s)

    def take(self, now: float) -> None:
        """Use one up."""
        self._used_until = max(now, self._used_until) + self._rate.every_s


class Attempts:
    """Who must wait before a token of theirs is looked at. Only wrong tokens count.

    An address that has shown the right token or a session counts by itself alone, so that guesses from many other addresses
    lock out nobody who works with the console.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = Allowance(OF_ALL)
        self._failing: OrderedDict[str, Allowance] = OrderedDict()
        self._trusted: OrderedDict[str, None] = OrderedDict()

    def wait_s(self, address: str | None) -> float:
        """Return for how many seconds this address must wait, 0 when its token may be looked at now."""
        who, now = _network_of(address), self._clock()
        own_s = self._failing[who].wait_s(now) if who in self._failing else 0.0
        return own_s if who in self._trusted else max(own_s, self._all.wait_s(now))

    def failed(self, address: str | None) -> None:
        """Count a wrong token."""
        who, now = _network_of(address), self._clock()
        own = self._failing.setdefault(who, Allowance(OF_AN_ADDRESS))
        _keep(self._failing, who)
        for allowance in (own, self._all):
            allowance.take(now)

    def trust(self, address: str | None) -> None:
        """Note that whoever is at this address knows the token."""
        who = _network_of(address)
        self._trusted[who] = None
        _keep(self._trusted, who)


def _network_of(address: str | None) -> str:
    """Return what counts as one sender: an IPv4 address, or the /64 of an IPv6 one, all of which one machine can have."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _keep(book: OrderedDict[str, Any], who: str) -> None:
    book.move_to_end(who)
    if len(book) > MOST_ADDRESSES:
        book.popitem(last=False)
