"""Only a committed model whose bytes are kept, and are what its name says, can be promoted."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import Misconfigured
from contracts.messages.federation import GlobalModel, RoundPhase, RoundRecord
from fl_coordinator.models.promotable import committed_model
from fl_coordinator.models.registry import Model, model_of
from fl_coordinator.rounds.history import History


def model(value: float, number: int) -> Model:
    return model_of({"w": np.full(3, value, np.float32)}, number)


ROOT, FIRST, SECOND, STRAY = (model(value, number) for value, number in ((0, 0), (1, 1), (2, 2), (3, 3)))


def committed(made: Model, parent: Model) -> RoundRecord:
    return RoundRecord(
        round=made.round, phase=RoundPhase.COMMITTED, task="reconstruction", lease_token=1, model_sha256=parent.sha256,
        gated_at=1.0, deadline_at=2.0, cohort=[], excluded={}, accepted=[], new_model_sha256=made.sha256,
    )  # fmt: skip


def on_topic(one: Model, weights: bytes | None = None) -> GlobalModel:
    return GlobalModel(
        sha256=one.sha256, parent_sha256=None, round=one.round, task="reconstruction", published_at=1.0, weights=weights or one.blob
    )  # fmt: skip


HISTORY = History(
    {1: committed(FIRST, ROOT), 2: committed(SECOND, FIRST)},
    {one.sha256: on_topic(one) for one in (ROOT, FIRST, SECOND, STRAY)},
)


def nowhere(sha256: str) -> bytes | None:
    return None


def test_the_current_model_is_the_latest_committed_one_not_the_latest_published():
    assert committed_model(HISTORY, None, nowhere).sha256 == SECOND.sha256


def test_an_earlier_model_is_found_by_the_start_of_its_name():
    found = committed_model(HISTORY, FIRST.sha256[:10], nowhere)
    assert (found.sha256, found.round, found.weights["w"].tolist()) == (FIRST.sha256, 1, [1.0, 1.0, 1.0])


@pytest.mark.parametrize("one", [STRAY, ROOT])
def test_a_model_that_no_round_committed_is_refused(one):
    with pytest.raises(Misconfigured, match="no round committed"):
        committed_model(HISTORY, one.sha256[:10], nowhere)


def test_unknown_and_ambiguous_names_are_refused():
    with pytest.raises(Misconfigured, match="no model begins with 'xyz'"):
        committed_model(HISTORY, "xyz", nowhere)
    with pytest.raises(Misconfigured, match="2 models begin"):
        committed_model(HISTORY, "", nowhere)
    with pytest.raises(Misconfigured, match="nothing to promote"):
        committed_model(History({}, HISTORY.models), None, nowhere)


def test_weights_that_left_the_topic_are_taken_from_the_store_and_checked_there_too():
    gone = History(HISTORY.rounds, {})
    blobs = {FIRST.sha256: FIRST.blob, SECOND.sha256: FIRST.blob}
    assert committed_model(gone, FIRST.sha256, blobs.get).blob == FIRST.blob
    for blobs_now in ({}, {SECOND.sha256: FIRST.blob}):
        with pytest.raises(Misconfigured, match="no longer kept"):
            committed_model(gone, SECOND.sha256, blobs_now.get)


def test_exchanged_weights_on_the_topic_are_refused():
    forged = History(HISTORY.rounds, {FIRST.sha256: on_topic(FIRST, SECOND.blob)})
    with pytest.raises(Misconfigured, match="no longer kept"):
        committed_model(forged, FIRST.sha256, nowhere)
