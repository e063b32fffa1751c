"""Devices under several bundles at once: each verdict is of one bundle, and nothing but `take_over` changes a device's."""

from __future__ import annotations

import pytest
from lives import ENROLMENT, calm, chunk
from plain_detector import level_model

from detectors.engine.engine import DetectionEngine
from detectors.engine.router import EngineRouter


@pytest.fixture
def old() -> DetectionEngine:
    return DetectionEngine(level_model("old", threshold=2.5), enrolment_min=ENROLMENT)


@pytest.fixture
def new() -> DetectionEngine:
    return DetectionEngine(level_model("new", threshold=1.5), enrolment_min=ENROLMENT)


@pytest.fixture
def both(old: DetectionEngine, new: DetectionEngine) -> EngineRouter:
    """`a` enrolled under the old bundle, `b` opened after the new one came into force."""
    router = EngineRouter(old)
    router.open("a", None)
    router.apply([chunk(calm(300))])
    router.use(new)
    router.open("b", None)
    return router


def test_each_device_is_judged_by_its_own_bundle_in_the_order_of_the_chunks(both: EngineRouter) -> None:
    chunks = [chunk(calm(70), 300), chunk(calm(270), 0, "b"), chunk(calm(15), 370), chunk(calm(15), 270, "b")]
    verdicts = both.apply(chunks)
    assert [(v.device_id, v.minutes, v.latest_threshold) for v in verdicts] == [
        ("a", 70, 2.5), ("b", 270, 1.5), ("a", 15, 2.5), ("b", 15, 1.5),
    ]  # fmt: skip
    assert (both.bundle_sha_of("a"), both.bundle_sha_of("b"), both.bundle_sha) == ("old", "new", "new")
    assert both.behind() == ["a"]


def test_a_device_that_is_taken_over_leaves_its_old_bundle(
    both: EngineRouter, old: DetectionEngine, new: DetectionEngine
) -> None:
    assert both.loaded("old") is old
    assert both.take_over("a", both.snapshot("a"), [chunk(calm(300))])
    assert ("a" in old, "a" in new) == (False, True)
    assert (both.behind(), both.bundle_sha_of("a"), both.loaded("old")) == ([], "new", None)
    assert both.apply([chunk(calm(15), 300)])[0].latest_threshold == 1.5


def test_a_device_that_cannot_be_taken_over_stays_until_it_enrols_anew_or_another_bundle_comes(
    both: EngineRouter, old: DetectionEngine
) -> None:
    before = both.snapshot("a")
    assert not both.take_over("a", before, [chunk(calm(299), 1)])
    assert (both.snapshot("a"), both.bundle_sha_of("a"), both.behind()) == (before, "old", ["a"])
    both.keep("a")
    assert both.behind() == []
    both.use(DetectionEngine(level_model("newest"), enrolment_min=ENROLMENT))
    assert set(both.behind()) == {"a", "b"}
    both.keep("a")
    both.apply([chunk(calm(3), 500, session=2)])
    assert set(both.behind()) == {"a", "b"}


def test_a_device_whose_enrolment_minutes_are_not_all_there_is_not_taken_over_and_asked_for_no_more(
    both: EngineRouter,
) -> None:
    assert not both.take_over_or_keep("a", both.snapshot("a"), [chunk(calm(300))], is_whole=False)
    assert (both.bundle_sha_of("a"), both.behind()) == ("old", [])


def test_a_bundle_that_comes_back_into_force_has_nobody_to_take_over(both: EngineRouter, old: DetectionEngine) -> None:
    both.use(old)
    assert both.behind() == ["b"]


def test_a_closed_device_is_forgotten(both: EngineRouter, old: DetectionEngine) -> None:
    both.keep("a")
    both.close("a")
    both.close("a")
    assert (len(old), both.behind()) == (0, [])
    with pytest.raises(KeyError):
        both.snapshot("a")


def test_invalid_messages_reasons_and_history_go_to_the_devices_own_engine(both: EngineRouter) -> None:
    snapshot = both.snapshot("a")
    both.open("a", snapshot)
    both.fill(chunk(calm(300)))
    assert both.invalid("a").invalid_in_row == 1
    assert both.bundle_sha_of("a") == "new"
    assert both.reason("b") == f"0 of {ENROLMENT} enrolment minutes"
