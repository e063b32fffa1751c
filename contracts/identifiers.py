"""What a device may be called: the id is part of a topic name, a Redis key and a metric label."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from itertools import chain
from typing import Annotated, Final

import msgspec

from contracts.errors import Misconfigured

DEVICE_ID_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
DeviceId = Annotated[str, msgspec.Meta(pattern=DEVICE_ID_PATTERN)]

LONGEST_ID: Final = 63
LONGEST_LABEL: Final = 120
DeviceLabel = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_LABEL)]
"""A device's name as the hospital writes it, where it is not the id itself."""

_DEVICE_ID = re.compile(DEVICE_ID_PATTERN)
_DIGEST_CHARACTERS = 8


def is_device_id(text: str) -> bool:
    """Return whether this can be a device's id."""
    return _DEVICE_ID.fullmatch(text) is not None


def check_device_id(device_id: str) -> str:
    """Return the id unchanged, or raise Misconfigured saying what an id may hold."""
    if not is_device_id(device_id):
        raise Misconfigured(
            f"{device_id!r} is not a device id: use 1-63 lower-case letters, digits and hyphens, "
            "starting with a letter or digit"
        )
    return device_id


def device_id_of(given: str) -> str:
    """Return the id of a device that the hospital calls `given`. A legal id stays as it is.

    The rule: blanks around it are dropped, letters become lower case and lose their accents, a letter or digit outside
    a-z0-9 becomes `u` and its code point, every run of other characters a hyphen; of what is longer than 63 characters the
    end becomes a digest of the name. Two names may have one id: who reads several refuses that. Raises Misconfigured for
    a name without a letter or digit, with control characters, or longer than 120 characters.

    >>> [device_id_of(name) for name in ("p000020", "ICU_03", "Bed-12", "bed 4", "床5", "Übung 7/b")]
    ['p000020', 'icu-03', 'bed-12', 'bed-4', 'u5e8a-5', 'ubung-7-b']
    """
    name = given.strip()
    if is_device_id(name):
        return name
    if len(name) > LONGEST_LABEL or not name.isprintable():
        raise Misconfigured(
            f"{given[:LONGEST_LABEL]!r} is no name for a device: use 1-{LONGEST_LABEL} printable characters"
        )
    letters = chain.from_iterable(_letters(character) for character in unicodedata.normalize("NFKD", name).lower())
    device_id = re.sub(r"-+", "-", "".join(letters)).strip("-")
    if not device_id:
        raise Misconfigured(f"{given!r} is no name for a device: it needs a letter or a digit")
    if len(device_id) > LONGEST_ID:
        digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]
        device_id = f"{device_id[: LONGEST_ID - _DIGEST_CHARACTERS - 1].rstrip('-')}-{digest}"
    return device_id


def label_of(given: str, device_id: str) -> str | None:
    """Return the name to show beside the id: what was given, without the blanks around it, or None if that is the id."""
    name = given.strip()
    return None if name == device_id else name


def shown_as(device_id: str, label: str | None) -> str:
    """Return a device as people are told of it: its name with the id in brackets, or the id alone.

    >>> shown_as("icu-03", "ICU_03"), shown_as("p000020", None)
    ('ICU_03 (icu-03)', 'p000020')
    """
    return device_id if label is None else f"{label} ({device_id})"


def device_ids_of(names: Iterable[str]) -> dict[str, str]:
    """Return the ids of the devices that somebody named, in order, each with how it is said (`shown_as`).

    Raises Misconfigured for a name that is none, and for two different names of one id.

    >>> device_ids_of(["ICU_03", "p000020"])
    {'icu-03': 'ICU_03 (icu-03)', 'p000020': 'p000020'}
    """
    given: dict[str, str] = {}
    for name in names:
        device_id = device_id_of(name)
        if given.setdefault(device_id, name.strip()) != name.strip():
            raise Misconfigured(f"{given[device_id]!r} and {name.strip()!r} are both device {device_id}: name it once")
    return {device_id: shown_as(device_id, label_of(name, device_id)) for device_id, name in given.items()}


def _letters(character: str) -> str:
    if character.isascii():
        return character if character.isalnum() else "-"
    if unicodedata.combining(character):
        return ""
    return f"-u{ord(character):x}-" if character.isalnum() else "-"
