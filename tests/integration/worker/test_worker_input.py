"""Whatever a device sends, and whatever happens to Redis: each message ends where it should."""

from __future__ import annotations

import json

import pytest
from kafka.errors import MessageSizeTooLargeError

from contracts.messages.dead_letters import HEADER_OFFSET, HEADER_REASON, HEADER_TOPIC

pytestmark = pytest.mark.integration


def reasons(letters) -> list[str]:
    return [dict(letter.headers)[HEADER_REASON].decode() for letter in letters]


def test_each_bad_message_ends_where_it_should(plain_worker, sender, stay, view, topics, offline, wait_until, probe):
    ward, other = stay("ward"), stay("other")
    sender.create("ward", "other")
    worker = plain_worker(devices=("ward", "other"))
    sender.send([ward, other], 0, 120)
    sender.send([ward], 40, 56)  # again: all of it was applied
    sender.raw("ward", b"{not json")
    sender.raw("ward", sender.batch(other, 120, 128))
    sender.raw("ward", None)
    sender.raw("ward", b'{"heart_rate_bpm": [NaN]}')
    sender.raw("ward", b"[" + b" " * 300_000 + b"]")
    sender.raw("ward", json.dumps({"device_id": "ward", "schema_version": 1}).encode())
    with pytest.raises(MessageSizeTooLargeError):
        sender.raw("ward", b"x" * 2_000_000)
    sender.send([ward], 240, 300)  # a gap of two hours, and then what should have been in it
    sender.send([ward], 120, 240)
    sender.send([ward], 300)
    sender.send([other], 120)
    wait_until(lambda: view.applied_through([ward, other]), 30, "everything is applied")

    letters = topics.dead_letters()
    assert reasons(letters) == ["not_json", "wrong_device", "tombstone", "not_json", "too_large", "bad_schema"]
    assert letters[0].value == b"{not json"
    assert letters[2].value is None
    assert dict(letters[0].headers)[HEADER_TOPIC].decode() == sender.settings.topics.vitals("ward")
    assert dict(letters[0].headers)[HEADER_OFFSET].decode() == "17"
    with_gap = stay("ward")
    with_gap.heart[120:240] = [None] * 120
    with_gap.resp[120:240] = [None] * 120
    expected = {
        key: line
        for key, line in offline([with_gap, other]).items()
        if not (key[0] == "ward" and 120 <= key[2] % 1000 < 240)
    }
    read = topics.scores()
    assert read.repeated == 0
    assert {key: line[1:] for key, line in read.lines.items()} == {key: line[1:] for key, line in expected.items()}
    metrics = probe(worker, "/metrics")[1]
    assert 'fedsecure_dropped_minutes_total{reason="duplicate"} 16.0' in metrics
    assert 'fedsecure_dropped_minutes_total{reason="late"} 120.0' in metrics
    assert 'fedsecure_dead_letters_total{reason="not_json"} 2.0' in metrics


def test_a_device_that_sends_only_garbage_is_set_aside_alone(
    plain_worker, sender, stay, view, topics, wait_until, probe
):
    good, bad = stay("good", 200), stay("bad", 200)
    sender.create("good", "bad", "mute")
    worker = plain_worker(devices=("good", "bad", "mute"), max_invalid_in_row=5)
    sender.send([good, bad], 0, 120)
    for n in range(60):
        sender.raw("bad", b"garbage %d" % n)
        sender.raw("mute", b"garbage %d" % n)
    wait_until(lambda: view.status("bad") and view.status("bad").state == "invalid_input", 20, "it is set aside")
    wait_until(lambda: view.status("mute") and view.status("mute").state == "invalid_input", 20, "so is the other")
    assert view.status("bad").snapshot is None
    assert not view.status("mute").enrolled
    sender.send([good, bad], 120)
    wait_until(lambda: view.applied_through([good, bad]), 20, "everything is applied")
    assert view.status("bad").state in {"enrolling", "benign"}
    assert view.status("good").state in {"enrolling", "benign"}
    assert 100 <= len(topics.dead_letters()) <= 110
    assert 'fedsecure_dead_letters_total{reason="not_json"} 120.0' in probe(worker, "/metrics")[1]


def test_redis_gone_and_back_shows_every_device_again(own_stack, plain_worker, sender, stay, view, wait_until, probe):
    busy, quiet = stay("busy", 300), stay("quiet", 100)
    sender.create("busy", "quiet")
    worker = plain_worker()
    sender.send([busy, quiet], 0, 100)
    wait_until(lambda: view.applied_through([quiet]), 20, "the first part is applied")
    before = view.status("quiet")
    own_stack.kill("redis")
    sender.send([busy], 100, 200)
    wait_until(lambda: "fedsecure_redis_up 0.0" in probe(worker, "/metrics")[1], 10, "the loss is noticed")
    assert probe(worker, "/healthz")[0] == 200
    own_stack.start("redis")
    wait_until(lambda: view.status("quiet"), 10, "a device that sends nothing is shown again")
    assert view.status("quiet") == before
    sender.send([busy], 200)
    wait_until(lambda: view.applied_through([busy]), 20, "everything is applied")
    assert view.status("busy").minutes == 300
    assert worker.log.count("redis_unreachable") == 1


def test_an_edge_worker_judges_its_devices_only_until_another_takes_them(
    plain_worker, sender, stay, view, topics, offline, wait_until
):
    mine, foreign = stay("mine"), stay("foreign", 100)
    sender.create("mine", "foreign")
    first = plain_worker(devices=("mine",))
    sender.send([mine, foreign], 0, 100)
    sender.send([mine], 100, 240)
    wait_until(lambda: view.minutes("mine") == 240, 20, "its own is judged")
    second = plain_worker(devices=("mine",))
    wait_until(lambda: view.status("mine").epoch == 2, 20, "the second has taken it")
    sender.send([mine], 240)
    wait_until(lambda: view.applied_through([mine]), 20, "everything is applied")
    assert first.wait(10) == 1
    assert "another worker judges all of these devices" in first.log
    assert view.status("foreign") is None
    read, expected = topics.scores(), offline([mine])
    assert read.contradictions == []
    assert {key: line[1:] for key, line in read.lines.items()} == {key: line[1:] for key, line in expected.items()}
    assert second.stop(10) == 0


def test_a_new_session_starts_the_device_afresh_even_at_an_earlier_minute(plain_worker, sender, stay, view, wait_until):
    old, new = stay("again", 300), stay("again", 90, session_id=2)
    sender.create("again")
    plain_worker(devices=("again",))
    sender.send([old])
    wait_until(lambda: view.applied_through([old]), 20, "the first session is applied")
    assert view.status("again").enrolled
    sender.send([new])
    wait_until(lambda: view.status("again").session_id == 2, 20, "the new session is shown")
    wait_until(lambda: view.minutes("again") == 390, 20, "the new session is applied")
    status = view.status("again")
    assert status.applied_through == new.first_event_minute + 89
    assert not status.enrolled
    assert status.epoch == 2
