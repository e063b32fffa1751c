"""Rounds over a life of devices that come, go and lie, and coordinators that die, against a model of a few lines.

The model knows which devices may train, what each sent, and what a round may come to. Whatever happens in whatever order: only devices
that the gate lets in when the round closes are in a model, each once, and never below the quorum; rounds are numbered without a gap,
end in one way, and each goes on from the model that the last committed one made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from device_keys import device_key, key_record
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace as changed
from round_world import FIRST_MODEL, Killed, World, model_on

from contracts.configuration.settings import Settings
from contracts.messages.federation import ModelUpdate, RoundPhase, RoundRecord
from contracts.messages.verdicts import DeviceState
from fl_coordinator.errors import Fenced
from fl_coordinator.rounds import transitions

DEVICES = ("a", "b", "c", "d")
QUORUM = 2
SETTINGS = Settings(round_quorum=QUORUM, aggregation="fedavg", round_deadline_s=1.0)
STATES = (*[DeviceState.BENIGN] * 5, DeviceState.QUARANTINED, DeviceState.SUSPECT, None)
WAYS = (*["honest"] * 6, "silent", "declines", "forges", "late", "twice", "wrong base")
EVENTS = (
    *["nothing"] * 3,
    "loses its place",
    "is revoked",
    "Redis goes",
    "Redis is away",
    "another takes over",
    "Kafka refuses",
    "devices find the model worse",
)
FINAL = (RoundPhase.COMMITTED, RoundPhase.REJECTED, RoundPhase.SKIPPED, RoundPhase.FAILED)


@dataclass(frozen=True)
class Plan:
    """What happens in a round: how each device answers, and one event after so many answers."""

    ways: tuple[str, ...]
    event: str
    after: int
    whom: str


PLANS = st.builds(
    Plan, st.tuples(*[st.sampled_from(WAYS)] * len(DEVICES)), st.sampled_from(EVENTS), st.integers(0, 4),
    st.sampled_from(DEVICES),
)  # fmt: skip


class Rounds(RuleBasedStateMachine):
    """One installation: `model` is what its current model's numbers ought to be."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(SETTINGS, dict.fromkeys(DEVICES, DeviceState.BENIGN))
        self.coordinator = self.world.coordinator()
        self.number = 1
        self.model = FIRST_MODEL.sha256
        self.earlier: list[ModelUpdate] = []

    # --- the world between rounds ---

    @rule(device=st.sampled_from(DEVICES), state=st.sampled_from(STATES))
    def a_device_is_judged(self, device: str, state: DeviceState | None) -> None:
        self.world.states[device] = state

    @rule()
    def the_coordinator_is_replaced(self) -> None:
        """What was revoked is registered again, and what is registered is read anew."""
        self.world.revoked.clear()
        self.coordinator = self.world.coordinator()

    # --- rounds ---

    @rule(plan=PLANS)
    def a_round_is_held(self, plan: Plan) -> None:
        cohort = {device for device in DEVICES if self.world.may_train(device)}
        lease = self.world.lease
        self._script(plan)
        self.world.candidates_are_worse = plan.event == "devices find the model worse"
        self.world.redis_is_up = plan.event != "Redis is away"
        self.world.fails_at = self.world.sends + 3 * plan.after + 1 if plan.event == "Kafka refuses" else None
        try:
            record = asyncio.run(self.coordinator.run_round(self.number))
        except Fenced:
            assert plan.event == "another takes over"
            self._goes_on(replace(plan, event="nothing"))
            return
        finally:
            self.world.redis_is_up, self.world.fails_at, self.world.candidates_are_worse = True, None, False
        self._ended(record)
        if plan.event == "another takes over":
            assert self.world.lease == lease or record.phase is not RoundPhase.COMMITTED, "who was replaced has no say"
            self.the_coordinator_is_replaced()
        elif plan.event == "Kafka refuses":
            self._goes_on_if_left_open()
        elif plan.event == "Redis is away":
            assert (record.phase, record.reason, record.cohort) == (RoundPhase.SKIPPED, "redis_unavailable", [])
        elif plan.event in {"nothing", "devices find the model worse"}:
            assert set(record.cohort) == cohort
            honest = self._honest(plan) & cohort
            measured = RoundPhase.COMMITTED if plan.event == "nothing" else RoundPhase.REJECTED
            assert record.phase is (measured if len(honest) >= QUORUM else RoundPhase.SKIPPED)
            assert record.phase is RoundPhase.SKIPPED or set(record.accepted) == honest

    @rule(plan=PLANS, record=st.integers(1, 20))
    def the_coordinator_is_killed_in_a_round(self, plan: Plan, record: int) -> None:
        """It dies as it is about to write its n-th record; the next one ends the round."""
        plan = replace(plan, event="nothing")
        self._script(plan)
        self.world.dies_at = self.world.sends + record
        try:
            self._ended(asyncio.run(self.coordinator.run_round(self.number)))
        except Killed:
            self._goes_on(plan)
        finally:
            self.world.dies_at = None

    # --- the parts of a round ---

    def _script(self, plan: Plan) -> None:
        """Answers are made when the round is open, from the record that invites to them."""
        self.world.script[:] = []
        happens = {
            "loses its place": lambda: self.world.states.update({plan.whom: DeviceState.QUARANTINED}),
            "Redis goes": lambda: setattr(self.world, "redis_is_up", False),
            "another takes over": lambda: setattr(self.world, "lease", self.world.lease + 1),
            "is revoked": lambda: self._revoke(plan.whom),
        }

        def answers() -> None:
            record = self.world.latest()[self.number]
            pieces: list[Callable[[], None] | ModelUpdate] = []
            for device, way in zip(DEVICES, plan.ways, strict=True):
                pieces += self._answers(device, way, record)
            if plan.event in happens:
                pieces.insert(min(plan.after, len(pieces)), happens[plan.event])
            self.world.script[:0] = pieces

        self.world.script.append(answers)

    def _answers(self, device: str, way: str, record: RoundRecord) -> list[ModelUpdate]:
        honest = self.world.answer(device, record)
        if way == "silent":
            return []
        if way == "declines":
            return [self.world.answer(device, record, sample_count=0)]
        if way == "forges":
            return [changed(honest, loss_after=0.1)]
        if way == "late":
            return [update for update in self.earlier if update.device_id == device][-1:]
        if way == "wrong base":
            return [self.world.answer(device, record, base_sha256="0" * 64)]
        self.earlier.append(honest)
        return [honest, self.world.answer(device, record, train_s=0.2)] if way == "twice" else [honest]

    def _revoke(self, device: str) -> None:
        self.world.revoked.add(device)
        self.coordinator.gate.keys.note(key_record(device_key(device, revoked_at=self.world.now)))

    def _honest(self, plan: Plan) -> set[str]:
        return {device for device, way in zip(DEVICES, plan.ways, strict=True) if way in {"honest", "twice"}}

    def _goes_on(self, plan: Plan) -> None:
        """Let the next coordinator end the round that is open, to which the same answers come again."""
        self.world.dies_at = None
        left = self.world.latest().get(self.number)
        sent = list(self.world.delivered)
        self.world.revoked.clear()
        self.coordinator = self.world.coordinator()
        if left is None or left.phase in FINAL:
            self.number = max(self.world.latest(), default=0) + 1
            self._note_model()
            return
        if left.phase is RoundPhase.PROPOSED:
            self._script(plan)
        else:
            self.world.script[:] = [update for update in sent if update.round == self.number]
        record = asyncio.run(self.coordinator.resume_round(left))
        assert set(left.accepted) - set(record.accepted) <= set(record.excluded), (
            "what was accepted counts, or it is said why not"
        )
        self._ended(record)

    def _goes_on_if_left_open(self) -> None:
        """An end that Kafka did not take is found and made up for by the next coordinator."""
        self.the_coordinator_is_replaced()
        latest = self.world.latest()
        left = latest.get(max(latest, default=0))
        if left is not None and not transitions.is_final(left):
            self.number = left.round
            self.world.script[:] = []
            self._ended(asyncio.run(self.coordinator.resume_round(left)))
        else:
            self.number = max(latest, default=0) + 1
            self._note_model()

    def _ended(self, record: RoundRecord) -> None:
        """What holds of every round that ended, whatever happened in it."""
        assert record.round == self.number
        assert record.phase in FINAL
        assert set(record.accepted) <= set(record.cohort) <= set(DEVICES)
        assert not set(record.accepted) & set(record.excluded)
        if record.phase is RoundPhase.COMMITTED:
            assert len(record.accepted) >= QUORUM
            assert all(self.world.may_train(device) for device in record.accepted), (
                "the gate is read again as it closes"
            )
            expected = model_on(self.world, self.model).weights["w"] + 1
            np.testing.assert_array_equal(model_on(self.world, record.new_model_sha256 or "").weights["w"], expected)
        else:
            assert record.new_model_sha256 is None
        self.number += 1
        self._note_model()

    def _note_model(self) -> None:
        self.model = self.coordinator.models.current.sha256

    # --- what is on record ---

    @invariant()
    def rounds_are_numbered_end_in_one_way_and_follow_each_other(self) -> None:
        latest, model = self.world.latest(), FIRST_MODEL.sha256
        assert sorted(latest) == list(range(1, len(latest) + 1))
        ends: dict[int, set[tuple[RoundPhase, str | None]]] = {}
        for record in self.world.records():
            if record.phase in FINAL:
                ends.setdefault(record.round, set()).add((record.phase, record.new_model_sha256))
        assert all(len(how_it_ended) == 1 for how_it_ended in ends.values())
        for _, record in sorted(latest.items()):
            assert record.model_sha256 == model
            model = record.new_model_sha256 or model
        assert self.model == model, "the coordinator's model is that of the record"


TestRounds = Rounds.TestCase
TestRounds.settings = how(max_examples=40, stateful_step_count=12, deadline=None)
