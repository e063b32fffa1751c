"""The devices of a running replay: what is sent from the next minute on, attacks by hand included, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from contracts.messages.replay_commands import ReplayCommand
from contracts.messages.truth import TruthInterval
from replay.attacks import AttackSpec, Injection, inject
from replay.cohort import Patient
from replay.recording import Recording
from replay.sessions import Session

Commands = Callable[[], Sequence[ReplayCommand]]


@dataclass(slots=True)
class LivePatient:
    """A device of a running replay. `patient` is what it sends, `clean` what it would send without attacks by hand.

    `next_min` is the recording minute that is sent next.
    """

    patient: Patient
    session: Session
    clean: Recording = field(init=False)
    next_min: int = field(init=False)
    by_hand: list[Injection] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clean = self.patient.recording
        self.next_min = self.session.next_min

    def begin(self, command: ReplayCommand) -> list[Injection]:
        """Attack from the next minute on and return the new truth. Raises Misconfigured for what cannot be."""
        recording = self.patient.recording
        left_min = recording.minutes - self.next_min
        duration = None if command.duration_min is None else max(1, min(command.duration_min, left_min))
        spec = AttackSpec(
            command.attack, self.patient.device_id, self.next_min, duration, level=command.level, seed=command.seed
        )
        injection = inject(recording, spec)
        self._now_sends(injection.recording)
        self.by_hand.append(injection)
        return [injection]

    def end(self) -> list[Injection]:
        """Send what was recorded from the next minute on and return the truth of the attacks by hand that this cut short."""
        cut = [_cut(injection, self.next_min) for injection in self.by_hand if injection.end_min > self.next_min]
        self.by_hand.clear()
        if cut:
            before, after = self.patient.recording, self.clean
            heart = np.concatenate([before.heart_rate_bpm[: self.next_min], after.heart_rate_bpm[self.next_min :]])
            breath = np.concatenate([before.resp_rate_bpm[: self.next_min], after.resp_rate_bpm[self.next_min :]])
            self._now_sends(replace(before, heart_rate_bpm=heart, resp_rate_bpm=breath))
        return cut

    def truth_of(self, injection: Injection) -> TruthInterval | None:
        """Return an attack's interval, cut to the session's slice, or None when it lies outside.

        It goes to the truth topic only, so that no worker can ever learn from it. A resumed replay says the same again:
        readers take the last record of a (device, session, attack, first minute).
        """
        spec, session = injection.spec, self.session
        first = max(spec.onset_min, session.slice_first_min)
        end = min(injection.end_min, session.end_min)
        if first >= end:
            return None
        start = self.clean.first_event_minute
        return TruthInterval(
            device_id=session.device_id,
            session_id=session.session_id,
            attack=spec.name,
            level=spec.level,
            seed=spec.seed,
            first_event_minute=start + first,
            end_event_minute=start + end,
            poisoned="".join("1" if bit else "0" for bit in injection.poisoned[first:end]),
        )

    def _now_sends(self, recording: Recording) -> None:
        self.patient = Patient(recording, self.patient.injections)


def _cut(injection: Injection, end_min: int) -> Injection:
    """Return the injection as it was in truth. One that was ended before its first minute keeps that one, unpoisoned."""
    poisoned = injection.poisoned.copy()
    poisoned[end_min:] = False
    return replace(injection, poisoned=poisoned, end_min=max(end_min, injection.spec.onset_min + 1))
