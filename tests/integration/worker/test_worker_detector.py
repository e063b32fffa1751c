"""The shipped detector behind real Kafka says what it says offline, whoever runs it and whoever dies."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.detector import Detector
from replay.sources.shipped import shipped_recordings

pytestmark = pytest.mark.integration


def test_online_equals_offline_although_the_worker_is_killed_and_faust_goes_on(
    spawn, worker_settings, sender, recorded, view, topics, wait_until, probe
):
    settings = worker_settings.model_copy(update={"enrolment_min": 300})
    recordings = [recording for recording in shipped_recordings() if recording.device_id == "p000020"]
    stays = [recorded(recording) for recording in recordings]
    sender.create(*(stay.device_id for stay in stays))
    killed = spawn("worker", settings=settings)
    wait_until(lambda: probe(killed, "/readyz")[0] == 200 or not killed.runs(), 90, "the worker is ready")
    sender.send(stays, 0, 700, pack=4)
    wait_until(lambda: view.status("p000020"), 30, "it judges")
    killed.kill()
    sender.send(stays, 700, pack=4)
    faust = spawn(
        "-A", "streams.app", "worker", "-l", "warn", module="faust",
        settings=settings.model_copy(update={"metrics_port": None}),
    )  # fmt: skip
    wait_until(lambda: view.applied_through(stays) or not faust.runs(), 120, "everything is applied")
    read = topics.scores()
    assert faust.stop(15) == 0

    detector = Detector.load()
    for recording, stay in zip(recordings, stays, strict=True):
        offline = detector.score(
            stay.device_id,
            stay.first_event_minute,
            recording.heart_rate_bpm,
            recording.resp_rate_bpm,
            pulse_bpm=recording.pulse_bpm,
            enrolment_min=300,
        )
        lines = [read.lines[stay.device_id, 1, minute] for minute in offline.event_minute.tolist()]
        online = np.array([np.nan if score is None else score for score, _, _ in lines])
        np.testing.assert_allclose(online, offline.score, atol=1e-4, rtol=0)
        assert [flagged for _, flagged, _ in lines] == offline.flagged.tolist()
        assert [state for _, _, state in lines] == [str(state) for state in offline.state]
