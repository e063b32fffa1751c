"""One pass over a micro-batch: admit minutes of many devices, judge their decisions in arrays, apply them in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from contracts.messages.verdicts import DeviceState
from detectors.decisions.states import state_in_words
from detectors.engine.arrays import READ_BACK, RING, DecisionTick, DeviceArrays, RowBuffer, write_cuts, write_rows
from detectors.engine.deciding import Decided, decide
from detectors.engine.freezing import freeze, put
from detectors.engine.model import Model
from detectors.engine.progress import ChunkProgress, MinuteVerdict
from detectors.engine.snapshots import waiting_from
from detectors.engine.tracker import DeviceTracker
from detectors.explanations.words import in_words, rules_in_words
from detectors.minutes.windows import LEAST_USABLE_SHARE, usable_decisions

MOST_ROWS: Final = RING - READ_BACK
"""Valid minutes of one device in a pass: the ring keeps them beside those that its first decision reads."""
MOST_TICKS_ENROLLING: Final = 8
"""Decisions of a device without a profile in a pass: too few for a void enrolment to begin anew within it."""


class AdmittedMinute(NamedTuple):
    """A raw minute of a device, the chunk it came in, the decisions due with it, and whether it completes an enrolment."""

    progress: ChunkProgress
    event_minute: int
    ticks: Sequence[DecisionTick]
    freezes: bool


class BatchPass:
    """Admit, then judge: `admit` once a device, then `judge` for all of them."""

    def __init__(self, model: Model, arrays: DeviceArrays) -> None:
        self._model = model
        self._arrays = arrays
        self._rows = RowBuffer()
        self._minutes: list[tuple[DeviceTracker, list[AdmittedMinute], list[ChunkProgress]]] = []
        self._ticks: list[tuple[DeviceTracker, list[DecisionTick]]] = []

    def admit(self, tracker: DeviceTracker, queue: Sequence[ChunkProgress]) -> int:
        """Admit a device's chunks in order and return how many are finished.

        Stops at the minute that completes an enrolment, before a new session, and where the pass is full.
        """
        minutes: list[AdmittedMinute] = []
        finished: list[ChunkProgress] = []
        ticks: list[DecisionTick] = []
        first = len(self._rows)
        self._rows.decisions = 0
        for progress in queue:
            if (minutes or finished) and (progress.chunk.session_id > tracker.session_id or progress.chunk.re_enrol):
                break
            self._enter(tracker, progress)
            is_full = self._admit_minutes(tracker, progress, minutes, ticks, first)
            if progress.done:
                finished.append(progress)
            if is_full or not progress.done:
                break
        self._minutes.append((tracker, minutes, finished))
        if ticks:
            self._ticks.append((tracker, ticks))
        return len(finished)

    def _enter(self, tracker: DeviceTracker, progress: ChunkProgress) -> None:
        chunk = progress.chunk
        if chunk.session_id > tracker.session_id:
            self._arrays.clear(tracker.slot)
            progress.transitions += tracker.open_session(chunk.session_id, chunk.first_event_minute)
            progress.session_opened = True
        elif chunk.session_id < tracker.session_id:
            progress.drop("old_session", len(progress.minutes))
            progress.position = len(progress.minutes)
        elif chunk.re_enrol and not progress.position:
            self._arrays.clear(tracker.slot)
            progress.transitions += tracker.re_enrol()

    def _admit_minutes(
        self,
        tracker: DeviceTracker,
        progress: ChunkProgress,
        minutes: list[AdmittedMinute],
        ticks: list[DecisionTick],
        first: int,
    ) -> bool:
        """Admit minutes of a chunk until it is done or the pass is full. Return whether it is full."""
        first_event_minute = progress.chunk.first_event_minute
        for place in range(progress.position, len(progress.minutes)):
            event_minute = first_event_minute + place
            progress.position = place + 1
            refused = tracker.intake.refused(event_minute)
            if refused is not None:
                progress.drop(refused)
                continue
            due = tracker.take(event_minute, progress.minutes[place], self._rows)
            freezes = tracker.freezes
            minutes.append(AdmittedMinute(progress, event_minute, due, freezes))
            if due:
                ticks += due
                self._rows.decisions = len(ticks)
            if freezes or (due and self._is_full(tracker, len(ticks), len(self._rows) - first)):
                return True
        return tracker.profile is not None and len(self._rows) - first >= MOST_ROWS - 15

    @staticmethod
    def _is_full(tracker: DeviceTracker, ticks: int, rows: int) -> bool:
        if tracker.profile is not None:
            return rows >= MOST_ROWS - 30
        return tracker.voted_state is not DeviceState.ENROLLING or ticks >= MOST_TICKS_ENROLLING

    def judge(self) -> None:
        """Judge every decision that is due, and apply the admitted minutes in order."""
        write_rows(self._arrays, self._rows)
        decided = self._decide_all()
        for tracker, minutes, finished in self._minutes:
            places = iter(decided.get(tracker.slot, ()))
            for minute in minutes:
                self._apply(tracker, minute, [next(places) for _ in minute.ticks] if minute.ticks else ())
            for progress in finished:
                if progress.chunk.session_id == tracker.session_id:
                    applied = len(progress.event_minute)
                    tracker.end_chunk(progress.chunk, applied=applied)
                progress.close(tracker)

    def _decide_all(self) -> dict[int, list[tuple[Decided, int]]]:
        """Return, by slot, where the outcome of each of its decisions lies: the first decisions of all devices, the second ones, ..."""
        outcomes: dict[int, list[tuple[Decided, int]]] = {}
        turn = 0
        while ready := [(tracker, ticks[turn]) for tracker, ticks in self._ticks if len(ticks) > turn]:
            if turn:
                write_cuts(self._arrays, self._rows, turn)
            decided = decide(self._model, self._arrays, [tick for _, tick in ready])
            for place, (tracker, _) in enumerate(ready):
                outcomes.setdefault(tracker.slot, []).append((decided, place))
            turn += 1
        write_cuts(self._arrays, self._rows, turn)
        return outcomes

    def _apply(self, tracker: DeviceTracker, minute: AdmittedMinute, places: Sequence[tuple[Decided, int]]) -> None:
        reason, verdict, scored = "", None, False
        for tick, (decided, place) in zip(minute.ticks, places, strict=True):
            _let_wait(tracker, tick.decision, decided, place)
            tracker.too_sparse = tick.too_sparse
            if not tick.is_usable:
                continue
            scored = True
            tracker.last_scored = minute.event_minute
            if decided.is_judged[place] or tracker.profile is None:
                verdict = self._verdict(tracker, decided, place)
                reason = self._move_on(tracker, decided, place) or reason
        if minute.freezes and tracker.is_enrolling:
            reason = self._freeze(tracker) or reason
        tracker.show(minute.event_minute, reason, minute.progress.transitions, scored=scored)
        threshold = float(self._arrays.threshold[tracker.slot])
        minute.progress.add(minute.event_minute, tracker.state, threshold, verdict)

    def _verdict(self, tracker: DeviceTracker, decided: Decided, place: int) -> MinuteVerdict | None:
        """Return the verdict that a decision shows. A device that enrols has one only if a rule speaks."""
        if tracker.profile is None and not decided.flagged[place]:
            return None
        kinds = tuple(decided.kinds[place].tolist())
        return MinuteVerdict(
            float(decided.score[place]), kinds, bool(decided.flagged[place]), float(decided.error[place])
        )

    def _move_on(self, tracker: DeviceTracker, decided: Decided, place: int) -> str:
        tracker.over_share = float(decided.over_share[place])
        flagged, near = bool(decided.flagged[place]), bool(decided.near[place])
        if flagged or near:
            tracker.explanation = self._explanation(tracker, decided, place)
        reason = tracker.decide(flagged=flagged, near=near)
        if tracker.voted_state is DeviceState.BENIGN and not near:
            tracker.explanation = ""
        if tracker.profile is None and reason and tracker.voted_state is DeviceState.ENROLLING:
            self._arrays.clear(tracker.slot)
            tracker.begin_anew()
        return f"{reason}: {tracker.explanation}" if reason and tracker.explanation else reason

    def _explanation(self, tracker: DeviceTracker, decided: Decided, place: int) -> str:
        limit = float(self._arrays.threshold[tracker.slot]) - (0 if decided.flagged[place] else self._model.rule.margin)
        said = rules_in_words(decided.kinds[place], limit)
        at = int(decided.place[place])
        if said or decided.tail_features is None or at < 0:
            return said
        return in_words(decided.tail_features.r[at], decided.tail_features.u[at])

    def _freeze(self, tracker: DeviceTracker) -> str:
        assert tracker.enrolment is not None
        minutes = tracker.enrolment.minutes()
        if usable_decisions(minutes).mean() < LEAST_USABLE_SHARE:
            self._arrays.clear(tracker.slot)
            tracker.begin_anew()
            return ""
        frozen = freeze(self._model, minutes, tracker.enrolment.pulse_medians_bpm)
        if frozen.repeats_itself:
            tracker.explanation = "the enrolment repeats itself, value by value"
            return tracker.move_to(DeviceState.QUARANTINED, tracker.explanation)
        put(self._arrays, tracker.slot, frozen)
        tracker.take_profile(frozen.profile)
        return state_in_words(tracker.voted_state, tracker.decision_basis, frozen.profile.warning)


def _let_wait(tracker: DeviceTracker, decision: int, decided: Decided, place: int) -> None:
    """Remember what a decision adds to the baseline once it is old enough."""
    at = int(decided.place[place])
    if at < 0 or tracker.profile is None:
        return
    fast, slow = decided.logits[at].tolist()
    start = waiting_from(decision, tracker.profile.enrolment_min)
    tracker.waiting.add((fast, slow), kept=bool(decided.keep[at]), baseline_start=start)
