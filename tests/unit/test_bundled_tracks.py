"""Devices under several bundles at once: each verdict is of one bundle, and nothing but `take_over` changes a device's."""

from __future__ import annotations

import pytest
from lives import ENROLMENT, calm, chunk
from plain_model import PlainModel

from detectors.bundled_tracks import BundledTracks
from detectors.tracks import DeviceTracks


@pytest.fixture
def old() -> DeviceTracks:
    return DeviceTracks(PlainModel("old", threshold=2.5), enrolment_min=ENROLMENT)


@pytest.fixture
def new() -> DeviceTracks:
    return DeviceTracks(PlainModel("new", threshold=1.5), enrolment_min=ENROLMENT)


@pytest.fixture
def both(old: DeviceTracks, new: DeviceTracks) -> BundledTracks:
    """`a` enrolled under the old bundle, `b` opened after the new one came into force."""
    tracks = BundledTracks(old)
    tracks.open("a", None)
    tracks.apply([chunk(calm(200))])
    tracks.use(new)
    tracks.open("b", None)
    return tracks


def test_each_device_is_judged_by_its_own_bundle_in_the_order_of_the_chunks(both: BundledTracks) -> None:
    chunks = [chunk(calm(70), 200), chunk(calm(70), 0, "b"), chunk(calm(1), 270), chunk(calm(1), 70, "b")]
    verdicts = both.apply(chunks)
    assert [(v.device_id, v.minutes, v.latest_threshold) for v in verdicts] == [
        ("a", 70, 2.5), ("b", 70, 1.5), ("a", 1, 2.5), ("b", 1, 1.5),
    ]  # fmt: skip
    assert (both.bundle_sha_of("a"), both.bundle_sha_of("b"), both.bundle_sha) == ("old", "new", "new")
    assert both.behind() == ["a"]


def test_a_device_that_is_taken_over_leaves_its_old_bundle(
    both: BundledTracks, old: DeviceTracks, new: DeviceTracks
) -> None:
    assert both.loaded("old") is old
    assert both.take_over("a", both.snapshot("a"), [chunk(calm(200))])
    assert ("a" in old, "a" in new) == (False, True)
    assert (both.behind(), both.bundle_sha_of("a"), both.loaded("old")) == ([], "new", None)
    assert both.apply([chunk(calm(70), 200)])[0].latest_threshold == 1.5


def test_a_device_that_cannot_be_taken_over_stays_until_it_enrols_anew_or_another_bundle_comes(
    both: BundledTracks, old: DeviceTracks
) -> None:
    before = both.snapshot("a")
    assert not both.take_over("a", before, [chunk(calm(199), 1)])
    assert (both.snapshot("a"), both.bundle_sha_of("a"), both.behind()) == (before, "old", ["a"])
    both.keep("a")
    assert both.behind() == []
    both.use(DeviceTracks(PlainModel("newest"), enrolment_min=ENROLMENT))
    assert set(both.behind()) == {"a", "b"}
    both.keep("a")
    both.apply([chunk(calm(3), 500, session=2)])
    assert set(both.behind()) == {"a", "b"}


def test_a_bundle_that_comes_back_into_force_has_nobody_to_take_over(both: BundledTracks, old: DeviceTracks) -> None:
    both.use(old)
    assert both.behind() == ["b"]


def test_a_closed_device_is_forgotten(both: BundledTracks, old: DeviceTracks) -> None:
    both.keep("a")
    both.close("a")
    both.close("a")
    assert (len(old), both.behind()) == (0, [])
    with pytest.raises(KeyError):
        both.snapshot("a")
