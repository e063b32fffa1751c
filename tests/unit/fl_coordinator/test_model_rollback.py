"""What can be taken back and what is asked for, without services, and which models keep their weights on record."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.messages.federation import GlobalModel, ModelRollback, RoundPhase, RoundRecord, encode_federation
from fl_coordinator.models.registry import GlobalModels, Model, is_finite, model_of
from fl_coordinator.models.restorable import ended_by, restorable_model
from fl_coordinator.rounds.history import History
from fl_coordinator.rounds.rollback import RollbackRequests


def model(value: float, number: int) -> Model:
    return model_of({"w": np.full(3, value, np.float32)}, number)


ROOT, FIRST, SECOND, BAD = (model(value, number) for value, number in ((0, 0), (1, 1), (2, 2), (9, 3)))


def ended(number: int, phase: RoundPhase, base: Model, made: Model, **changes: Any) -> RoundRecord:
    counts = phase is not RoundPhase.REJECTED
    return RoundRecord(
        round=number, phase=phase, task="reconstruction", lease_token=1, model_sha256=base.sha256, gated_at=1.0, deadline_at=2.0,
        cohort=[], excluded={}, accepted=[], candidate_sha256=made.sha256, new_model_sha256=made.sha256 if counts else None, **changes,
    )  # fmt: skip


def on_topic(one: Model) -> GlobalModel:
    return GlobalModel(
        sha256=one.sha256, parent_sha256=None, round=one.round, task="reconstruction", published_at=1.0, weights=one.blob
    )  # fmt: skip


HISTORY = History(
    {
        1: ended(1, RoundPhase.COMMITTED, ROOT, FIRST),
        2: ended(2, RoundPhase.COMMITTED, FIRST, SECOND),
        3: ended(3, RoundPhase.REJECTED, SECOND, BAD),
    },
    {one.sha256: on_topic(one) for one in (ROOT, FIRST, SECOND, BAD)},
)


def nowhere(sha256: str) -> bytes | None:
    return None


@pytest.mark.parametrize("one", [ROOT, FIRST])
def test_a_model_that_counted_can_come_back_that_which_federation_began_with_too(one):
    assert restorable_model(HISTORY, one.sha256[:12], nowhere).sha256 == one.sha256


def test_what_never_counted_counts_now_is_unknown_or_is_not_one_is_refused_with_a_sentence():
    for name, said in (
        (SECOND.sha256, "is the current one already"),
        (BAD.sha256, "was rejected"),
        ("xyz", "no model begins with 'xyz'"),
        ("", "4 models begin with ''"),
    ):
        with pytest.raises(Misconfigured, match=said):
            restorable_model(HISTORY, name, nowhere)


def test_a_model_without_its_weights_is_refused_and_one_whose_weights_lie_in_the_store_is_not():
    pruned = History(HISTORY.rounds, {SECOND.sha256: on_topic(SECOND)})
    for stored in (nowhere, {FIRST.sha256: SECOND.blob}.get):
        with pytest.raises(Misconfigured, match="are no longer kept"):
            restorable_model(pruned, FIRST.sha256, stored)
    assert restorable_model(pruned, FIRST.sha256, {FIRST.sha256: FIRST.blob}.get).sha256 == FIRST.sha256


def test_after_a_rollback_the_model_before_it_can_come_back_in_turn():
    taken_back = ended(4, RoundPhase.ROLLED_BACK, SECOND, FIRST, request="r1")
    history = History(HISTORY.rounds | {4: taken_back}, HISTORY.models)
    assert restorable_model(history, SECOND.sha256, nowhere).sha256 == SECOND.sha256
    with pytest.raises(Misconfigured, match="is the current one already"):
        restorable_model(history, FIRST.sha256, nowhere)
    assert ended_by(history, "r1") == taken_back
    assert ended_by(history, "r2") is None


@dataclass
class OnTopic:
    value: bytes | None
    key: bytes | None = None
    offset: int = 0


def asked(name: str, at: float) -> OnTopic:
    request = ModelRollback(request=name, sha256="a" * 64, reason="why", by="me", requested_at=at)
    return OnTopic(encode_federation(request))


def test_requests_come_in_the_order_in_which_they_were_made_and_none_twice():
    requests = RollbackRequests()
    for record in (asked("late", 9.0), asked("early", 1.0), asked("early", 1.0), OnTopic(b"{"), OnTopic(None)):
        requests.note(record)
    assert [one.request for one in requests.besides(set())] == ["early", "late"]
    assert [one.request for one in requests.besides({"early"})] == ["late"]


class Broker:
    """A compacted topic of models."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def send(self, topic: str, key: str, value: bytes | None) -> None:
        if value is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = value


def models_of(broker: Broker, known: dict[str, GlobalModel], rounds: dict[int, RoundRecord]) -> GlobalModels:
    nothing: Any = None
    models = GlobalModels(Settings(models_kept=2), broker, nothing, nothing, lambda: 1.0)  # type: ignore[arg-type]
    asyncio.run(models.take_up(rounds.values(), known, ROOT.weights))
    return models


def test_the_current_model_keeps_its_weights_however_many_are_made_after_it():
    broker = Broker()
    models = models_of(broker, {}, {})
    for number in range(1, 6):
        asyncio.run(models.publish(model(10.0 + number, number), ROOT.sha256))
    assert list(broker.kept) == [ROOT.sha256, model(15.0, 5).sha256]


def test_a_rejected_candidate_leaves_the_record_unless_it_counted_once():
    broker = Broker()
    models = models_of(broker, HISTORY.models, HISTORY.rounds)
    assert models.current.sha256 == SECOND.sha256
    for candidate, stays in ((BAD, False), (FIRST, True), (SECOND, True)):
        broker.kept = {}
        asyncio.run(models.publish(candidate, SECOND.sha256))
        asyncio.run(models.withdraw(candidate))
        assert (candidate.sha256 in broker.kept) == stays


def test_weights_of_another_network_are_not_found():
    models = models_of(Broker(), {one.sha256: on_topic(one) for one in (ROOT, FIRST)}, {})
    other = model_of({"w": np.zeros(4, np.float32)}, 1)
    models.take(ROOT)
    models._remember(other.sha256, other.blob)
    found = asyncio.run(models.found(FIRST.sha256, 7))
    assert found is not None
    assert (found.sha256, found.round) == (FIRST.sha256, 7)
    assert asyncio.run(models.found(other.sha256, 7)) is None


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_told(odd):
    assert is_finite(ROOT.weights)
    assert not is_finite({"a": np.zeros(2, np.float32), "w": np.float32([0, odd])})
