"""Workers in a group: they find patients, share them, take over from each other and lose nothing."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from on_record import alike

pytestmark = pytest.mark.integration


def same_as_undisturbed(read, expected) -> None:
    assert read.contradictions == []
    missing = expected.keys() - read.lines.keys()
    assert not missing, f"{len(missing)} minutes have no verdict, for example {sorted(missing)[:3]}"
    different = {key: (read.lines[key], line) for key, line in expected.items() if not alike(read.lines[key], line)}
    assert not different, f"{len(different)} verdicts differ, for example {sorted(different.items())[:3]}"


def test_judges_what_is_there_and_discovers_what_comes(
    plain_worker, sender, stay, view, topics, offline, wait_until, probe
):
    early = [stay(f"early-{n}") for n in range(3)]
    worker = plain_worker()
    assert probe(worker, "/healthz")[0] == 200
    sender.create(*(one.device_id for one in early))
    sender.send(early, 0, 240)
    late = [stay("late")]
    wait_until(lambda: view.status("early-0"), 20, "the first device is judged")
    sender.create("late")
    sender.send(late)
    sender.send(early, 240)
    stays = early + late
    wait_until(lambda: view.applied_through(stays), 30, "everything is applied")
    same_as_undisturbed(topics.scores(), offline(stays))
    status = view.status("early-1")
    assert status.snapshot is None
    assert status.minutes == 480
    assert status.vitals_offset == 60
    assert {line[2] for line in topics.scores().lines.values()} > {"enrolling", "benign", "quarantined"}
    assert worker.stop(10) == 0
    assert not any(program_line.startswith("Traceback") for program_line in worker.log.splitlines())


def test_two_workers_share_and_a_third_takes_its_part(
    plain_worker, sender, stay, view, topics, offline, wait_until, devices_of
):
    stays = [stay(f"shared-{n}", 300) for n in range(7)]
    sender.create(*(one.device_id for one in stays))
    first, second = plain_worker(wait=False), plain_worker()
    sender.send(stays, 0, 120)
    wait_until(lambda: sorted([devices_of(first), devices_of(second)]) == [3, 4], 30, "two workers share")
    third = plain_worker()
    sender.send(stays, 120, 200)
    wait_until(
        lambda: sorted(devices_of(worker) for worker in (first, second, third)) == [2, 2, 3],
        30,
        "the third has its part",
    )
    assert second.stop(10) == 0
    sender.send(stays, 200)
    wait_until(lambda: view.applied_through(stays), 30, "everything is applied")
    same_as_undisturbed(topics.scores(), offline(stays))
    wait_until(lambda: sorted([devices_of(first), devices_of(third)]) == [3, 4], 10, "those who stay have all")


def test_a_worker_killed_mid_stream_is_replaced_and_no_verdict_is_missing_or_different(
    plain_worker, sender, stay, view, topics, offline, wait_until, devices_of
):
    """By then each has decisions in its baseline and others that wait to join it, and its heart races soon after."""
    stays = [stay(f"kill-{n}", 1500, racing_from=1270 + 15 * n, pulse_strays_from=1440) for n in range(4)]
    sender.create(*(one.device_id for one in stays))
    sender.send(stays, 0, 1140, pack=60)
    victim, survivor = plain_worker(wait=False), plain_worker()
    sending = threading.Thread(target=sender.send, args=(stays, 1140), kwargs={"pack": 3, "pause_s": 0.04})
    sending.start()
    wait_until(lambda: devices_of(victim) == 2 and devices_of(survivor) == 2, 30, "the devices are shared")
    time.sleep(1.0)
    victim.kill()
    sending.join()
    wait_until(lambda: view.applied_through(stays), 40, "everything is applied")
    same_as_undisturbed(topics.scores(), offline(stays))
    assert {view.status(one.device_id).minutes for one in stays} == {1500}
    assert [view.status(one.device_id).label for one in stays] == [f"Bed kill-{n}" for n in range(4)]


def test_a_worker_that_sleeps_past_its_session_changes_nothing_when_it_wakes(
    plain_worker, sender, stay, view, topics, offline, wait_until, devices_of
):
    stays = [stay(f"sleep-{n}") for n in range(4)]
    sender.create(*(one.device_id for one in stays))
    sleeper, other = plain_worker(wait=False), plain_worker()
    sender.send(stays, 0, 200)
    wait_until(lambda: devices_of(sleeper) == 2 and devices_of(other) == 2, 30, "the devices are shared")
    sender.send(stays, 200, 240)
    sleeper.send(signal.SIGSTOP)
    sender.send(stays, 240, 360)
    wait_until(lambda: devices_of(other) == 4, 30, "the other has taken over")
    epochs = {one.device_id: view.status(one.device_id).epoch for one in stays}
    sleeper.send(signal.SIGCONT)
    sender.send(stays, 360, pause_s=0.05)
    wait_until(lambda: view.applied_through(stays), 40, "everything is applied")
    same_as_undisturbed(topics.scores(), offline(stays))
    for one in stays:
        assert view.status(one.device_id).epoch >= epochs[one.device_id]
        pairs = [(s.epoch, s.applied_through) for s in topics.statuses() if s.device_id == one.device_id]
        shown = view.status(one.device_id)
        assert (shown.epoch, shown.applied_through) == max(pairs)


def test_a_killed_broker_costs_no_verdict(own_stack, plain_worker, sender, stay, view, topics, offline, wait_until):
    stays = [stay(f"broker-{n}", 360) for n in range(3)]
    sender.create(*(one.device_id for one in stays))
    worker = plain_worker()
    sender.send(stays, 0, 160)
    wait_until(lambda: view.status("broker-0"), 20, "the first device is judged")
    own_stack.kill("kafka")
    time.sleep(2.0)
    own_stack.start("kafka")
    sender.send(stays, 160)
    wait_until(lambda: view.applied_through(stays), 60, "everything is applied")
    same_as_undisturbed(topics.scores(), offline(stays))
    assert worker.runs()
    noise = [line for line in worker.log.splitlines() if '"level": "error"' in line or '"level": "warning"' in line]
    assert len(noise) < 40, f"{len(noise)} warnings and errors while the broker was away"
