"""What goes wrong in which seed: drawn once and for all, every kind as often as every other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

PROGRAMS = ("worker-1", "worker-2", "coordinator", "devices")
SERVICES = ("kafka", "redis")
EVERYBODY = "everybody"
LONGEST_HOLD_S = 10.0

# Seconds from the end of a disaster within which everything is well again, on a machine that is not busy with other things:
# a start of the program or service, what it reads back, and the longest wait between two tries of a client.
START_S = {"worker-1": 20.0, "worker-2": 20.0, "coordinator": 20.0, "devices": 40.0, "kafka": 30.0, "redis": 20.0}
HEALS_WITHIN_S = {
    "kill": 0.0, "restart": 0.0, "freeze": 20.0, "delay": 20.0, "cut": 20.0, "half-open": 45.0, "narrow": 30.0,
    "disk-full": 60.0, "clock": 20.0, "release": 20.0,
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong for `hold_s` seconds.

    `target` is a program or a service; of a fault of the network a program, or everybody, and `service` the other end.
    `amount` is seconds of delay, bytes a second of a narrow link, or seconds by which a clock steps.
    """

    kind: str
    target: str
    hold_s: float
    service: str = ""
    amount: float = 0.0

    @property
    def heals_within_s(self) -> float:
        return HEALS_WITHIN_S[self.kind] or START_S[self.target]

    @property
    def name(self) -> str:
        """The kind in words, without how long and how much."""
        return " ".join(word for word in (self.kind, self.target, self.service) if word)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Disaster:
    """Faults that begin together, `pause_s` after everything was well."""

    pause_s: float
    faults: tuple[Fault, ...]

    @property
    def heals_within_s(self) -> float:
        return sum(fault.heals_within_s for fault in self.faults)


SIMPLE = (
    *(("kill", target) for target in ("worker", "coordinator", "devices", *SERVICES)),
    *(("freeze", target) for target in ("worker", "coordinator", "devices", *SERVICES)),
    *(("restart", target) for target in ("worker", "coordinator", "devices")),
    *((kind, service) for kind in ("delay", "cut", "half-open", "narrow") for service in SERVICES),
    ("disk-full", "kafka"),
    ("clock", "coordinator"),
    ("clock", "devices"),
    ("clock", "worker"),
    ("release", "bundle"),
)
PAIR = ("pair", "")
KINDS = (*SIMPLE, PAIR, PAIR, PAIR)


def schedule(seed: int, disasters: int = 3) -> tuple[Disaster, ...]:
    """Return the disasters of a seed. Over many seeds all kinds come equally often: they are dealt from one shuffled pack after another."""
    random = Random(f"disasters {seed}")
    return tuple(
        Disaster(round(random.uniform(1, 4), 1), _faults(random, _dealt(seed * disasters + number)))
        for number in range(disasters)
    )


def _dealt(place: int) -> tuple[str, str]:
    pack = list(KINDS)
    Random(f"pack {place // len(pack)}").shuffle(pack)
    return pack[place % len(pack)]


def _faults(random: Random, kind: tuple[str, str]) -> tuple[Fault, ...]:
    if kind != PAIR:
        return (_fault(random, *kind),)
    first = _fault(random, *random.choice(SIMPLE))
    second = _fault(random, *random.choice([other for other in SIMPLE if other[0] != first.kind]))
    if first.target == second.target:  # what is killed cannot be frozen as well
        return _faults(random, kind)
    return first, second


def _fault(random: Random, kind: str, what: str) -> Fault:
    target = random.choice(("worker-1", "worker-2")) if what == "worker" else what
    hold_s = round(random.uniform(2, LONGEST_HOLD_S), 1)
    if kind in {"delay", "cut", "half-open", "narrow"}:
        whose = random.choice((*PROGRAMS, EVERYBODY))
        amount = {"delay": random.uniform(0.1, 1.0), "narrow": random.uniform(10_000, 60_000)}.get(kind, 0.0)
        return Fault(kind, whose, hold_s, service=what, amount=round(amount, 2))
    if kind == "clock":
        step_s = random.choice((-1, 1)) * random.choice((20.0, 300.0, 7200.0))
        return Fault(kind, target, hold_s, amount=step_s)
    if kind in {"restart", "release"}:
        return Fault(kind, target, 0.0)
    if kind == "kill":
        return Fault(kind, target, round(random.uniform(0, 6), 1))
    return Fault(kind, target, hold_s)


def names_of(disasters: Sequence[Disaster]) -> list[str]:
    return [" and ".join(fault.name for fault in disaster.faults) for disaster in disasters]
