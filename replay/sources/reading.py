"""What a source gives: the recordings that can be used, and what it had to leave out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.minutes.usable import Unusable, checked

NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """The usable recordings of a source in their order, the errors of the others, and what their formats are called."""

    recordings: tuple[Recording, ...]
    skipped: tuple[Unusable, ...] = ()
    formats: tuple[str, ...] = ()

    @property
    def found(self) -> int:
        """How many recordings the source holds, usable or not."""
        return len(self.recordings) + len(self.skipped)


def read_each(readers: Iterable[tuple[str, Callable[[], Recording]]]) -> Reading:
    """Call every reader and check its recording; one that is refused with Misconfigured is skipped under its name."""
    recordings: list[Recording] = []
    skipped: list[Unusable] = []
    for name, read in readers:
        try:
            recordings.append(checked(name, read()))
        except Unusable as error:
            skipped.append(error)
        except Misconfigured as error:
            skipped.append(Unusable(name, without_name(str(error), name)))
    return Reading(tuple(recordings), tuple(skipped))


def numbered(reading: Reading) -> Reading:
    """Give each recording a device id of its own: the second of a subject gets `-2`, the third `-3`."""
    seen: Counter[str] = Counter()
    recordings = []
    for recording in reading.recordings:
        seen[recording.device_id] += 1
        number = seen[recording.device_id]
        recordings.append(recording if number == 1 else replace(recording, device_id=f"{recording.device_id}-{number}"))
    return replace(reading, recordings=tuple(recordings))


def without_name(sentence: str, name: str) -> str:
    """Return an error's sentence without the name of the file or recording before it.

    >>> without_name("ward.csv: it is empty", "ward.csv")
    'it is empty'
    """
    return sentence.removeprefix(name).lstrip(":, ")


def describe_skipped(skipped: Sequence[Unusable]) -> str:
    """Return each reason once, with how many recordings it hit and the first of their names.

    >>> describe_skipped([Unusable("a", "no heart rate"), Unusable("b", "no heart rate")])
    'no heart rate (2: a, b)'
    """
    by_reason: dict[str, list[str]] = {}
    for error in skipped:
        by_reason.setdefault(error.reason, []).append(error.short_name)
    return "; ".join(
        f"{reason} ({len(names)}: {', '.join(names[:NAMES_SHOWN])}{', …' if len(names) > NAMES_SHOWN else ''})"
        for reason, names in sorted(by_reason.items(), key=lambda item: -len(item[1]))
    )
