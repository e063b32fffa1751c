"""A released bundle through the real Kafka: devices change to it while they are judged, and a restarted worker goes on in it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.messages.bundle_manifest import MANIFEST
from contracts.messages.releases import BundleRelease, encode_release
from contracts.messages.verdicts import decode_scores
from detectors.bundle.bundle import DEFAULT_BUNDLE, folder_contents, load_bundle, packed_bundle
from transport.bundles.releases import publish_release
from transport.kafka.publisher import Publisher

pytestmark = pytest.mark.integration

SHIPPED = sha256_of(folder_contents(DEFAULT_BUNDLE)[MANIFEST])


def second_bundle() -> dict[str, bytes]:
    shipped = load_bundle(DEFAULT_BUNDLE)
    return packed_bundle(replace(shipped, metadata={**shipped.metadata, "plain_threshold": 1.75}))


def release(number: int, sha256: str) -> BundleRelease:
    return BundleRelease(
        release=number, bundle_sha256=sha256, parent_sha256=SHIPPED, model_sha256=None, kind="promotion", reason="test",
        released_at=1.0,
    )  # fmt: skip


async def publish(settings: Settings, contents: dict[str, bytes]) -> None:
    """Release 1, and two more that nobody can load: one without files, one that is no release."""
    async with Publisher(settings) as publisher:
        await publish_release(publisher, settings.topics, release(1, sha256_of(contents[MANIFEST])), contents)
        await publisher.send(settings.topics.bundles, "2", encode_release(release(2, "0" * 64)))
        await publisher.send(settings.topics.bundles, "3", b"{")


def test_devices_change_bundle_while_they_are_judged_and_a_restarted_worker_goes_on_in_it(
    plain_worker, worker_settings, sender, stay, view, topics, wait_until, probe
):
    stays = [stay("p-a", 600), stay("p-b", 600, racing_from=500)]
    contents = second_bundle()
    second = sha256_of(contents[MANIFEST])
    sender.create(*(one.device_id for one in stays))
    worker = plain_worker()

    def applied(minute: int) -> bool:
        statuses = [view.status(one.device_id) for one in stays]
        return all(s is not None and s.applied_through >= stays[0].first_event_minute + minute - 1 for s in statuses)

    sender.send(stays, 0, 310)
    wait_until(lambda: applied(310), 60, "the first minutes are judged")
    state_before = view.status("p-a").state
    asyncio.run(publish(worker_settings, contents))
    moved = 'fedsecure_bundle_changes_total{outcome="moved"} 2.0'
    wait_until(lambda: moved in probe(worker, "/metrics")[1], 60, "both devices have changed")
    refused = "fedsecure_bundles_refused_total 1.0"
    wait_until(lambda: refused in probe(worker, "/metrics")[1], 60, "the release without files is refused")
    sender.send(stays, 310, 400)
    wait_until(lambda: applied(400), 60, "the next minutes are judged")
    assert (state_before, view.status("p-a").bundle_sha) == ("quarantined", second)
    assert worker.runs()
    assert worker.stop(15) == 0
    sender.send(stays, 400)
    plain_worker()
    wait_until(lambda: view.applied_through(stays), 60, "the rest is judged by the next worker")

    batches = [decode_scores(record.value) for record in topics.records(worker_settings.topics.scores)]
    for one in stays:
        judged = sorted(
            (minute, batch.bundle_sha, threshold)
            for batch in batches
            if batch.device_id == one.device_id
            for minute, threshold in zip(batch.event_minute, batch.threshold, strict=True)
        )
        assert [minute - one.first_event_minute for minute, _, _ in judged] == list(range(600))
        assert [sha for _, sha, _ in judged] == [SHIPPED] * 310 + [second] * 290
        assert {(sha, threshold) for _, sha, threshold in judged if threshold} == {(SHIPPED, 2.5), (second, 1.75)}
    states = [state for batch in batches if batch.device_id == "p-a" for state in batch.state]
    assert ("quarantined", "benign") not in set(pairwise(states))
    latest = {status.device_id: status for status in topics.statuses()}
    assert {device: status.snapshot.profile.bundle_sha for device, status in latest.items()} == {
        "p-a": second, "p-b": second,
    }  # fmt: skip
