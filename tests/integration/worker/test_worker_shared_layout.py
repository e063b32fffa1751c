"""One keyed topic for all patients: the same verdicts, also when a worker dies."""

from __future__ import annotations

import pytest

from contracts.configuration.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def worker_settings(worker_settings: Settings) -> Settings:
    return worker_settings.model_copy(update={"topic_layout": "shared", "shared_partitions": 2})


def test_devices_that_share_a_topic_are_judged_and_restored_each_for_itself(
    plain_worker, sender, stay, view, topics, offline, wait_until
):
    stays = [stay(f"shared-{n}", 360) for n in range(5)]
    sender.create()
    first = plain_worker()
    sender.send(stays, 0, 200)
    wait_until(lambda: all(view.status(one.device_id) for one in stays), 20, "all are judged")
    first.kill()
    sender.raw("", b"whose is this?")
    sender.send(stays, 200)
    plain_worker()
    wait_until(lambda: view.applied_through(stays), 30, "everything is applied")
    read, expected = topics.scores(), offline(stays)
    assert read.contradictions == []
    assert {key: line[1:] for key, line in read.lines.items()} == {key: line[1:] for key, line in expected.items()}
    assert {view.status(one.device_id).minutes for one in stays} == {360}
    assert [letter.value for letter in topics.dead_letters()] == [b"whose is this?"]
