"""A device whose monitor changed while it enrolled: the operator is told, and lets it enrol anew."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from detectors.bundle.bundle import DEFAULT_BUNDLE, folder_contents
from detectors.detector import live_engine
from detectors.engine.chunks import MinuteChunk
from replay.sources.synthetic import synthetic_recording

pytestmark = pytest.mark.integration

UNUSUAL = (
    "; enrolment looks unusual: heart rate partly in whole numbers, partly in tenths, as if the monitor was changed"
)
ENROLMENT = 300
CHANGED_AT = 150
RE_ENROLLED_AT = 420
KILLED_AT = 560
MINUTES = 900


@pytest.fixture
def worker_settings(worker_settings):
    return worker_settings.model_copy(update={"enrolment_min": ENROLMENT})


@pytest.fixture
def bed(recorded):
    """A stay whose monitor writes tenths at first and whole numbers after two and a half hours."""
    bed = recorded(synthetic_recording(3, 3, MINUTES))
    for channel in (bed.heart, bed.resp):
        channel[CHANGED_AT:] = [None if value is None else float(round(value)) for value in channel[CHANGED_AT:]]
    return bed


def offline(bed, settings):
    """Return (score, flagged, state) of every minute, and the final snapshot, of a run that nothing interrupts."""
    engine = live_engine(settings, folder_contents(settings.bundle_dir or DEFAULT_BUNDLE))
    engine.open(bed.device_id, None)

    def part(start, stop, *, re_enrol=False):
        cut = [channel[start:stop] for channel in (bed.heart, bed.resp, bed.pulse)]
        return MinuteChunk(bed.device_id, bed.session_id, bed.first_event_minute + start, *cut, re_enrol=re_enrol)

    order = part(RE_ENROLLED_AT, RE_ENROLLED_AT, re_enrol=True)
    verdicts = engine.apply([part(0, RE_ENROLLED_AT), order, part(RE_ENROLLED_AT, MINUTES)])
    lines = {
        minute: (score, flagged, str(state))
        for one in verdicts
        for minute, score, flagged, state in zip(
            one.event_minute.tolist(), one.score.tolist(), one.flagged.tolist(), one.state, strict=True
        )
    }
    return lines, engine.snapshot(bed.device_id)


def same(read, expected):
    missing = read[0] is None or math.isnan(expected[0])
    scores_agree = read[0] is None and math.isnan(expected[0]) if missing else abs(read[0] - expected[0]) <= 3e-6
    return scores_agree and read[1:] == expected[1:]


def test_an_odd_enrolment_is_told_and_the_device_enrols_anew_when_it_is_asked_to_although_its_worker_dies(
    spawn, worker_settings, sender, bed, view, topics, wait_until, probe
):
    def command(*arguments):
        program = spawn(*arguments, settings=worker_settings)
        return program.wait(60), program.log

    def reached(minute):
        status = view.status(bed.device_id)
        return status is not None and status.applied_through >= bed.first_event_minute + minute - 1 and status

    sender.create(bed.device_id)
    first = spawn("worker", settings=worker_settings)
    sender.send([bed], 0, RE_ENROLLED_AT, pack=30)
    judged = wait_until(lambda: reached(RE_ENROLLED_AT), 90, "it is judged after its first enrolment")
    assert judged.enrolled
    assert judged.windows
    code, told = command("status", "--json")
    assert code == 0
    (device,) = json.loads(told)
    assert device["reason"].endswith(UNUSUAL)

    code, said = command("device", "re-enrol", bed.device_id)
    assert (code, said) == (0, f"{bed.device_id}: its enrolment begins anew with its next minute\n")
    void = wait_until(
        lambda: (status := view.status(bed.device_id)) and not status.enrolled and status, 20, "the enrolment is void"
    )
    assert (str(void.state), void.reason) == ("enrolling", f"0 of {ENROLMENT} enrolment minutes")
    sender.send([bed], RE_ENROLLED_AT, KILLED_AT, pack=10)
    wait_until(lambda: reached(KILLED_AT), 20, "part of the second enrolment is applied")
    first.kill()
    sender.send([bed], KILLED_AT, pack=10)
    second = spawn("worker", settings=worker_settings)
    wait_until(lambda: view.applied_through([bed]) or not second.runs(), 90, "everything is applied")

    assert second.stop(15) == 0

    lines, snapshot = offline(bed, worker_settings)
    read = {key[2]: line for key, line in topics.scores().lines.items()}
    assert {m: (read.get(m), line) for m, line in lines.items() if m not in read or not same(read[m], line)} == {}
    last = view.status(bed.device_id)
    assert last.enrolled
    assert last.state == snapshot.state == "benign"
    assert "unusual" not in last.reason
    profile = [status.snapshot.profile for status in topics.statuses()][-1]
    assert profile.first_event_minute >= bed.first_event_minute + RE_ENROLLED_AT
    assert profile.warning == ""
    np.testing.assert_allclose(profile.median, snapshot.profile.median)
