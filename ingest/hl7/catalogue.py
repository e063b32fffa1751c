"""Which observations are a heart rate, a respiratory rate or a pulse: by MDC code, by name, or by the site's own mapping."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from contracts.errors import Misconfigured
from contracts.messages.ingest import CHANNEL_NAMES, ChannelName

MOST_MAPPING_BYTES: Final = 1_000_000
BUILT_IN: Final[Mapping[ChannelName, tuple[tuple[str, ...], ...]]] = {
    "heart_rate_bpm": (("147842", "MDC_ECG_CARD_BEAT_RATE", "MDC_ECG_HEART_RATE"),),
    # The order of preference: what the monitor chose, impedance, CO2, airway; the pulse oximeter's estimate last.
    "resp_rate_bpm": (
        ("151562", "MDC_RESP_RATE"),
        ("151578", "MDC_TTHOR_RESP_RATE"),
        ("151594", "MDC_CO2_RESP_RATE"),
        ("151570", "MDC_AWAY_RESP_RATE"),
        ("151658", "MDC_PULS_OXIM_PLETH_RESP_RATE"),
    ),
    "pulse_bpm": (
        ("149530", "MDC_PULS_OXIM_PULS_RATE"),
        ("149522", "MDC_BLD_PULS_RATE_INV"),
        ("149514", "MDC_PULS_RATE"),
        ("149546", "MDC_PULS_RATE_NON_INV"),
    ),
}


class Quantity(NamedTuple):
    """A channel, and which of its sources (0 is preferred)."""

    channel: ChannelName
    source: int


class Catalogue:
    """Finds what an identifier (OBX-3) means. `own` are a site's codes and names by channel, preferred to those built in."""

    def __init__(self, own: Mapping[ChannelName, tuple[str, ...]] | None = None) -> None:
        self._own: dict[str, Quantity] = {}
        self._codes: dict[str, Quantity] = {}
        self._names: dict[str, Quantity] = {}
        for channel in CHANNEL_NAMES:
            mine = (own or {}).get(channel, ())
            for source, name in enumerate(mine):
                self._own[name.upper()] = Quantity(channel, source)
            for source, (code, *names) in enumerate(BUILT_IN[channel], len(mine)):
                self._codes[code] = Quantity(channel, source)
                self._names |= dict.fromkeys(names, Quantity(channel, source))

    def find(self, identifier: list[str]) -> Quantity | None:
        """Return what the components of OBX-3 mean, the first triplet or the alternate one, or None for anything else.

        The number counts unless the coding system is a vendor's own (99…, L), the name in any. A code and a name that
        contradict each other mean nothing: one of the two is wrong, and nobody knows which.
        """
        named = [part.upper() for at in (0, 3) for part in identifier[at : at + 2]]
        own = {quantity for part in named if (quantity := self._own.get(part))}
        return _only(own or {quantity for at in (0, 3) if (quantity := self._mdc(identifier[at : at + 3]))})

    def _mdc(self, triplet: list[str]) -> Quantity | None:
        code, name, system = [*triplet, "", "", ""][:3]
        by_code = None if system.startswith("99") or system.upper() == "L" else self._codes.get(code)
        by_name = self._names.get(name.upper()) or self._names.get(code.upper())
        return _only({quantity for quantity in (by_code, by_name) if quantity})


def _only(quantities: set[Quantity]) -> Quantity | None:
    return next(iter(quantities)) if len(quantities) == 1 else None


def catalogue_with(file: Path | None) -> Catalogue:
    """Return the catalogue with a site's mapping file in it. Raises Misconfigured in one sentence."""
    return Catalogue(None if file is None else _own(file))


def _own(file: Path) -> dict[ChannelName, tuple[str, ...]]:
    try:
        if file.stat().st_size > MOST_MAPPING_BYTES:
            raise Misconfigured(f"the mapping {file} is larger than 1 MB: it holds codes and names only")
        given = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Misconfigured(f"the mapping {file} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise Misconfigured(f"the mapping {file} is not YAML: see docs/connecting-monitors.md for an example") from None
    if not isinstance(given, dict) or not given:
        raise Misconfigured(f"the mapping {file} holds no channels: use {', '.join(CHANNEL_NAMES)}")
    own: dict[ChannelName, tuple[str, ...]] = {}
    seen: dict[str, str] = {}
    for channel in given:
        if channel not in CHANNEL_NAMES:
            raise Misconfigured(f"the mapping {file} has {channel!r}; its channels are {', '.join(CHANNEL_NAMES)}")
        own[channel] = _names(file, channel, given[channel])
        for name in own[channel]:
            if seen.setdefault(name.upper(), channel) != channel:
                raise Misconfigured(f"the mapping {file} has {name!r} twice, in {seen[name.upper()]} and in {channel}")
    return own


def _names(file: Path, channel: str, given: object) -> tuple[str, ...]:
    wanted = given if isinstance(given, list) else [given]
    names = tuple(str(name).strip() for name in wanted if isinstance(name, str | int) and not isinstance(name, bool))
    if not names or len(names) != len(wanted) or not all(names):
        raise Misconfigured(f"the mapping {file}: {channel} needs a list of codes or names, as [HR, 0002-4182]")
    return names
