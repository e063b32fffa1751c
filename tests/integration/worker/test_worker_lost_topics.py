"""Topics that are deleted under a running worker: what was known of them is forgotten, and what comes after is judged."""

from __future__ import annotations

import re
import time

import pytest
from kafka import KafkaAdminClient

from contracts.configuration.settings import Settings
from transport.kafka.options import kafka_python_options

pytestmark = pytest.mark.integration


@pytest.fixture
def delete(worker_settings: Settings):
    """Delete topics, and return when the broker shows them no more."""
    admin = KafkaAdminClient(**kafka_python_options(worker_settings))

    def delete(*topics: str) -> None:
        admin.delete_topics(list(topics))
        while set(topics) & set(admin.list_topics()):
            time.sleep(0.02)

    yield delete
    admin.close()


def lag_of(metrics: str) -> float:
    return float(re.search(r"^fedsecure_worker_lag_messages (\S+)$", metrics, re.MULTILINE)[1])


@pytest.mark.parametrize("case", [(0.0, ()), (1.5, ()), (0.0, ("ward", "other"))], ids=["at-once", "later", "edge"])
def test_a_topic_made_anew_is_judged_from_its_start(plain_worker, sender, stay, view, topics, wait_until, delete, case):
    """The second topic gets longer than the first one was: no offset tells that it is another."""
    away_s, devices = case
    first, second = stay("ward", 160), stay("ward", 480, session_id=2)
    other = stay("other", 40)
    sender.create("ward", "other")
    plain_worker(devices=devices)
    sender.send([first, other])
    wait_until(lambda: view.applied_through([first, other]), 30, "the first session is applied")
    delete(sender.settings.topics.vitals("ward"))
    time.sleep(away_s)
    sender.create("ward")
    sender.send([second], pack=4)
    wait_until(lambda: view.applied_through([second]), 20, "the second session is applied")
    lines = topics.scores().lines
    assert {key[2] for key in lines if key[:2] == ("ward", 2)} == set(
        range(second.first_event_minute, second.first_event_minute + second.minutes)
    )


def test_a_topic_made_anew_while_no_worker_ran_is_judged_from_its_start(
    plain_worker, sender, stay, view, topics, wait_until, delete
):
    first, second = stay("ward", 80), stay("ward", 320, session_id=2)
    sender.create("ward")
    worker = plain_worker()
    sender.send([first])
    wait_until(lambda: view.applied_through([first]), 30, "the first session is applied")
    worker.stop()
    delete(sender.settings.topics.vitals("ward"))
    sender.create("ward")
    sender.send([second], pack=4)
    plain_worker()
    wait_until(lambda: view.applied_through([second]), 20, "the second session is applied")
    assert len([key for key in topics.scores().lines if key[1] == 2]) == second.minutes


def test_fixed_topics_are_made_again_and_no_device_is_forgotten(
    plain_worker, sender, stay, view, topics, wait_until, delete
):
    """All at once, under a worker that goes on; its successor knows the devices by the statuses that it published again."""
    ward, other = stay("ward", 320), stay("other", 160)
    sender.create("ward", "other")
    worker = plain_worker()
    sender.send([ward, other], 0, 160)
    wait_until(lambda: view.applied_through([other]), 30, "the first minutes are applied")
    fixed = [spec.name for spec in sender.settings.topics.fixed()]
    delete(*fixed)
    wait_until(lambda: "statuses_published_again" in worker.log, 30, "the topics are there again")
    sender.send([ward], 160)
    wait_until(lambda: view.applied_through([ward]), 60, "minutes are judged again")
    assert worker.runs()
    assert {status.device_id for status in topics.statuses()} == {"ward", "other"}
    worker.stop()
    successor = plain_worker()
    wait_until(lambda: '"known": 2' in successor.log or "devices_restored" in successor.log, 30, "it has restored them")
    assert (view.status("other").enrolled, view.status("other").minutes) == (True, 160)
    assert view.status("ward").minutes == 320
