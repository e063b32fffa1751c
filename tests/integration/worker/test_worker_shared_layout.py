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


def test_no_message_of_a_shared_topic_is_passed_over_while_workers_come_and_go(
    plain_worker, sender, stay, view, topics, offline, wait_until
):
    stays = [stay(f"shared-{n}", 400) for n in range(6)]
    sender.create()
    workers = [plain_worker()]
    sender.send(stays, 0, 130)
    wait_until(lambda: all(view.minutes(one.device_id) for one in stays), 20, "all are judged")
    for minute in range(130, 400, 5):
        sender.send(stays, minute, minute + 5, pause_s=0.2)  # so that changes of the group fall between messages
        if minute in (150, 230):
            workers.append(plain_worker())
        if minute == 310:
            workers[0].stop()
    wait_until(lambda: view.applied_through(stays), 30, "everything is applied")
    read, expected = topics.scores(), offline(stays)
    assert read.contradictions == []
    assert {key: line[1:] for key, line in read.lines.items()} == {key: line[1:] for key, line in expected.items()}
    assert {view.minutes(one.device_id) for one in stays} == {400}
