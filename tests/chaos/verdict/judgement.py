"""Compares what is on record after a run with a quiet day: verdicts, changes of state, rounds, updates."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from on_record import Line, Read, Topics, alike

from chaos.site.ward import Change, Expected
from contracts.configuration.settings import Settings
from contracts.messages.federation import ModelUpdate, RoundPhase, RoundRecord, decode_answer, decode_federation
from contracts.messages.verdicts import DeviceState, DeviceStatus, decode_status

GATE_SLACK_S = 20.0
"""How long after a status is on record the gate may still see the one before: a frozen worker writes Redis when it wakes, and until
then another has to take over from it. What a device trains on is older than that by the vote's horizon."""
FINAL = (RoundPhase.COMMITTED, RoundPhase.REJECTED, RoundPhase.ROLLED_BACK, RoundPhase.SKIPPED, RoundPhase.FAILED)


@dataclass
class Judgement:
    """What was found: `faults` in sentences (none: as on a quiet day), `counts` by name."""

    faults: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def fault_if(self, found: Iterable[Any], what: str) -> None:
        if listed := sorted(map(str, found)):
            self.faults.append(f"{len(listed)} {what}: {', '.join(listed[:3])}")


@dataclass(frozen=True)
class Stamped:
    """A record and the broker's time of it (epoch seconds)."""

    at: float
    value: Any


@dataclass(frozen=True)
class OnRecord:
    """All that the topics hold after a run."""

    scores: Read
    statuses: list[Stamped]
    rounds: list[Stamped]
    updates: list[ModelUpdate]
    dead_letters: int


def read_all(settings: Settings, device_ids: Iterable[str]) -> OnRecord:
    """Read every topic that a run is judged by, to its end."""
    topics, names = Topics(settings), settings.topics
    statuses = [
        Stamped(r.timestamp / 1000, decode_status(r.value)) for r in topics.records(names.device_status) if r.value
    ]
    rounds = [
        Stamped(r.timestamp / 1000, decode_federation(RoundRecord, r.value)) for r in topics.records(names.fl_rounds)
    ]
    answers = [
        decode_answer(record.value)
        for device_id in device_ids
        for record in topics.records(names.fl_updates(device_id))
    ]
    updates = [answer for answer in answers if isinstance(answer, ModelUpdate)]
    return OnRecord(topics.scores(), statuses, rounds, updates, len(topics.dead_letters()))


def judge(expected: Expected, found: OnRecord) -> Judgement:
    """Return everything in which a run differs from a quiet day."""
    judgement = Judgement()
    _judge_verdicts(judgement, expected, found.scores)
    _judge_ends(judgement, expected, [stamped.value for stamped in found.statuses])
    _judge_rounds(judgement, found)
    _judge_updates(judgement, expected, found)
    judgement.counts["dead letters"] = found.dead_letters
    if found.dead_letters:
        judgement.faults.append(f"{found.dead_letters} dead letters")
    return judgement


def _judge_verdicts(judgement: Judgement, expected: Expected, read: Read) -> None:
    lost, made_up = expected.lines.keys() - read.lines.keys(), read.lines.keys() - expected.lines.keys()
    both = expected.lines.keys() & read.lines.keys()
    different = [key for key in both if not alike(read.lines[key], expected.lines[key])]
    twice = [key for key in read.contradictions if key in read.lines]
    changed = {
        device: (changes, wanted)
        for device, wanted in expected.changes.items()
        if (changes := changes_of(read.lines, device)) != wanted
    }
    judgement.fault_if(lost, "minutes without a verdict")
    judgement.fault_if(made_up, "verdicts on minutes that were not sent")
    judgement.fault_if(different, "verdicts that differ")
    judgement.fault_if(twice, "minutes judged twice and differently")
    judgement.fault_if(changed, "devices whose state changed otherwise")
    judgement.counts |= {
        "minutes": len(read.lines),
        "published again": read.repeated,
        "changes of state": sum(map(len, expected.changes.values())),
    }


def changes_of(lines: Mapping[tuple[str, int, int], Line], device_id: str) -> list[Change]:
    """Return the changes of a device's state by its verdicts, minute by minute."""
    states = sorted((minute, line[2]) for (device, _, minute), line in lines.items() if device == device_id)
    changes, before = [], str(DeviceState.ENROLLING)
    for minute, state in states:
        if state != before:
            changes.append((minute, state))
        before = state
    return changes


def _judge_ends(judgement: Judgement, expected: Expected, statuses: Iterable[DeviceStatus]) -> None:
    latest: dict[str, DeviceStatus] = {}
    for status in statuses:
        known = latest.get(status.device_id)
        if known is None or (status.epoch, status.applied_through) >= (known.epoch, known.applied_through):
            latest[status.device_id] = status
    for device_id, wanted in expected.ends.items():
        if (status := latest.get(device_id)) is None:
            judgement.faults.append(f"{device_id} has no status")
            continue
        wrong = {
            name: (str(found) if name == "state" else found, value)
            for name, value in wanted.items()
            if str(found := getattr(status, name)) != str(value)
        }
        if wrong:
            judgement.faults.append(f"{device_id} ended otherwise (found, expected): {wrong}")


def _judge_rounds(judgement: Judgement, found: OnRecord) -> None:
    ends: dict[int, set[tuple[str, str | None]]] = defaultdict(set)
    for stamped in found.rounds:
        record: RoundRecord = stamped.value
        if record.phase in FINAL:
            ends[record.round].add((str(record.phase), record.new_model_sha256))
    numbers = {stamped.value.round for stamped in found.rounds}
    judgement.fault_if((n for n, how in ends.items() if len(how) > 1), "rounds that ended in two ways")
    judgement.fault_if(set(range(1, max(numbers, default=0) + 1)) - numbers, "rounds that are missing")
    judgement.fault_if(numbers - ends.keys() - {max(numbers, default=0)}, "rounds that were left open")
    committed = sorted((s.value for s in found.rounds if s.value.phase is RoundPhase.COMMITTED), key=lambda r: r.round)
    model = committed[0].model_sha256 if committed else ""
    for record in committed:
        if record.model_sha256 != model:
            judgement.faults.append(f"round {record.round} does not go on from the model before it")
        model = record.new_model_sha256 or ""
    outcomes = Counter(phase for how in ends.values() for phase, _ in how)
    judgement.counts |= {f"rounds {phase}": outcomes[str(phase)] for phase in FINAL}


def _judge_updates(judgement: Judgement, expected: Expected, found: OnRecord) -> None:
    trainings: dict[tuple[str, int], set[tuple[str, float]]] = defaultdict(set)
    for update in found.updates:
        if update.sample_count:
            trainings[update.device_id, update.round].add((update.update_sha256, update.train_s))
    judgement.fault_if((key for key, each in trainings.items() if len(each) > 1), "rounds that a device trained twice")
    sent = {(update.device_id, update.update_sha256): update for update in found.updates}
    poisoned, closed_out = [], []
    for record, closed_at in _committed(found.rounds):
        for device_id in record.accepted:
            windows = expected.windows[device_id]
            update = sent.get((device_id, record.updates[device_id].update_sha256))
            if update is None or update.sample_count > len(windows) or any(windows[: update.sample_count]):
                poisoned.append((record.round, device_id))
            if not _stood_benign(device_id, closed_at, found.statuses):
                closed_out.append((record.round, device_id))
    judgement.fault_if(poisoned, "updates of poisoned or unknown minutes in a model")
    judgement.fault_if(closed_out, f"updates taken {GATE_SLACK_S:g} s and more after their device had lost its place")
    judgement.counts |= {
        "trainings": len(trainings),
        "updates in models": sum(len(r.accepted) for r, _ in _committed(found.rounds)),
    }


def _committed(rounds: Iterable[Stamped]) -> list[tuple[RoundRecord, float]]:
    """Return each committed round with the broker's time of its last gate: when it went over to aggregating."""
    gated = {s.value.round: s.at for s in rounds if s.value.phase is RoundPhase.AGGREGATING}
    done = {s.value.round: s.value for s in rounds if s.value.phase is RoundPhase.COMMITTED}
    return [(record, gated[number]) for number, record in sorted(done.items()) if number in gated]


def _stood_benign(device_id: str, at: float, statuses: Iterable[Stamped]) -> bool:
    """Return whether a device was benign at some moment of the slack before a time."""
    own = [stamped for stamped in statuses if stamped.value.device_id == device_id and stamped.at <= at]
    before = [stamped for stamped in own if stamped.at <= at - GATE_SLACK_S]
    within = [stamped for stamped in own if stamped.at > at - GATE_SLACK_S]
    return any(stamped.value.state is DeviceState.BENIGN for stamped in [*before[-1:], *within])
