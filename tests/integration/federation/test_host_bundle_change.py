"""A device host changes to a released bundle while it runs: every minute is judged once, wholly by the one or the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from time import monotonic

import numpy as np
import pytest
from hosting import hosting, until_present
from plain_detector import plain_bundle
from prometheus_client import REGISTRY
from small_ward import RECORDED_MIN, recorded, send_vitals

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.messages.bundle_manifest import MANIFEST
from contracts.messages.releases import BundleRelease
from detectors.bundle.bundle import packed_bundle
from detectors.detector import live_engine
from detectors.engine.chunks import MinuteChunk, Verdicts
from fl_coordinator.program import CoordinatorProgram
from fl_device.host import bundle_changes, detector
from transport.bundles.releases import publish_release
from transport.kafka.publisher import Publisher

pytestmark = pytest.mark.integration

SEED = 3
OLD, NEW = plain_bundle(0, threshold=1e9), plain_bundle(1, threshold=2e9)


class Onlooker:
    """Writes down what the host's own judge says, and can hold up the loading of one bundle."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, held_up: str) -> None:
        self.verdicts: list[Verdicts] = []
        self.loading, self.may_load = Event(), Event()
        joined = detector.judged_minutes

        def write_down(chunk: MinuteChunk, verdicts: Verdicts) -> detector.JudgedMinutes:
            self.verdicts.append(verdicts)
            return joined(chunk, verdicts)

        def load(settings, contents):
            if sha256_of(contents[MANIFEST]) == held_up:
                self.loading.set()
                assert self.may_load.wait(60)
            return live_engine(settings, contents)

        monkeypatch.setattr(detector, "judged_minutes", write_down)
        monkeypatch.setattr(bundle_changes, "live_engine", load)

    def judged(self) -> int:
        return sum(map(len, self.verdicts))


def undisturbed(settings: Settings, contents: dict[str, bytes]) -> Verdicts:
    """What a bundle says of the whole recording when it judges it from the first minute on."""
    engine = live_engine(settings, contents)
    engine.open("p1", None)
    stay = recorded("p1", SEED)
    chunk = MinuteChunk("p1", 1, stay.first_event_minute, stay.heart_rate_bpm, stay.resp_rate_bpm)
    return engine.apply([chunk])[0]


async def until(predicate: Callable[[], object], what: str) -> None:
    deadline = monotonic() + 60
    while not predicate():
        assert monotonic() < deadline, what
        await asyncio.sleep(0.05)


async def release(settings: Settings, contents: dict[str, bytes]) -> None:
    it = BundleRelease(
        release=1, bundle_sha256=sha256_of(contents[MANIFEST]), parent_sha256=sha256_of(packed_bundle(OLD)[MANIFEST]),
        model_sha256=None,
        kind="promotion", reason="test", released_at=1.0,
    )  # fmt: skip
    async with Publisher(settings) as publisher:
        await publish_release(publisher, settings.topics, it, contents)


def moved() -> float:
    return REGISTRY.get_sample_value("fedsecure_bundle_changes_total", {"outcome": "moved"}) or 0.0


async def test_a_host_changes_bundle_between_two_minutes_and_its_next_update_is_accepted(
    federation, bench, monkeypatch
):
    settings = federation.model_copy(update={"discovery_interval_s": 0.2})
    contents = packed_bundle(NEW)
    onlooker = Onlooker(monkeypatch, sha256_of(contents[MANIFEST]))
    moved_before = moved()

    async def go_on(first: int, end: int) -> None:
        await send_vitals(settings, "p1", SEED, part=slice(first, end))
        await until(lambda: onlooker.judged() >= end, f"{end} minutes are judged")

    await send_vitals(settings, "p1", SEED, part=slice(0, 240))
    async with hosting(settings):
        await until(lambda: onlooker.judged() >= 240, "the first minutes are judged")
        await release(settings, contents)
        await until(onlooker.loading.is_set, "the host found the release")
        await go_on(240, 300)
        assert moved() == moved_before
        onlooker.may_load.set()
        await until(lambda: moved() == moved_before + 1, "the device has changed")
        await go_on(300, RECORDED_MIN)
        await until_present(settings, ["p1"])
        bench.set_status("p1")
        terms = settings.model_copy(update={"round_quorum": 1, "aggregation": "fedavg"})
        await CoordinatorProgram(terms, lambda: OLD.parameters.network, rounds_limit=1).run(asyncio.Event())
    assert [one.accepted for one in (await bench.rounds()).values()] == [["p1"]]

    old, new = (undisturbed(settings, packed_bundle(one)) for one in (OLD, NEW))
    said = onlooker.verdicts
    assert np.concatenate([one.event_minute for one in said]).tolist() == old.event_minute.tolist()
    for name in ("score", "reconstruction_error", "threshold", "flagged", "state"):
        expected = np.concatenate([getattr(old, name)[:300], getattr(new, name)[300:]])
        found = np.concatenate([getattr(one, name) for one in said])
        if expected.dtype == np.float32:
            np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=name)
        else:
            assert found.tolist() == expected.tolist(), name
    assert np.nanmax(np.abs(old.score[300:] - new.score[300:])) > 0.1
