"""The shipped detector behind real Kafka says what it says offline, whoever runs it and whoever dies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wfdb_records import stays

from detectors.detector import Detector

pytestmark = pytest.mark.integration


def test_online_equals_offline_although_the_worker_is_killed_and_faust_goes_on(
    spawn, worker_settings, sender, recorded, view, topics, wait_until, probe
):
    settings = worker_settings.model_copy(update={"enrolment_min": 300})
    recording = stays()[0]
    stay = recorded(recording)
    sender.create("p000020")
    killed = spawn("worker", settings=settings)
    wait_until(lambda: probe(killed, "/readyz")[0] == 200 or not killed.runs(), 90, "the worker is ready")
    sender.send([stay], 0, 700, pack=4)
    wait_until(lambda: (status := view.status("p000020")) and status.windows, 30, "it judges")
    mapped = Path(f"/proc/{killed.pid}/maps").read_text()
    killed.kill()
    assert "numpy" in mapped
    assert "tensorflow" not in mapped
    sender.send([stay], 700, pack=4)
    faust = spawn(
        "-A", "streams.app", "worker", "-l", "warn", module="faust",
        settings=settings.model_copy(update={"metrics_port": None}),
    )  # fmt: skip
    wait_until(lambda: view.applied_through([stay]) or not faust.runs(), 120, "everything is applied")
    read = topics.scores()
    assert faust.stop(15) == 0

    offline = Detector.load().score(
        stay.device_id,
        stay.first_event_minute,
        recording.heart_rate_bpm,
        recording.resp_rate_bpm,
        pulse_bpm=recording.pulse_bpm,
        enrolment_min=300,
    )
    lines = [read.lines[stay.device_id, 1, minute] for minute in offline.event_minute.tolist()]
    online = np.array([np.nan if score is None else score for score, _, _ in lines])
    assert np.isfinite(online).sum() > 50
    np.testing.assert_allclose(online, offline.score, atol=2e-6, rtol=1e-6)
    assert [flagged for _, flagged, _ in lines] == offline.flagged.tolist()
    assert [state for _, _, state in lines] == [str(state) for state in offline.state]
