"""Attacked traces lie on the clean stream's raster, and equal what the whole attacked stream would give."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.minutes.cleaning import clean
from detectors.minutes.windows import decision_minute
from detectors.rules.copies import stream_nats
from detectors.statistics.windows import rows_of_stream, stream_statistics
from detectors.training.attacked import span_of, trace_of
from detectors.training.cohort import AttackCase, UnmarkedStay
from detectors.training.patients import generator_of, onsets_of, patient_of
from detectors.training.scores.decisions import clean_blocks, measured, traced_decisions
from experiments.common.injection import inject_case
from replay.recording import Recording
from replay.sources.synthetic import synthetic_recording


def patient():
    recording = synthetic_recording(5, 1, 2500)
    heart = recording.heart_rate_bpm.copy()
    heart[700:730] = np.nan  # a gap that is cut out: minutes and valid minutes differ afterwards
    gapped = Recording(
        "gapped", recording.first_event_minute, heart, recording.resp_rate_bpm, None, recording.resolution_bpm
    )
    found = patient_of(UnmarkedStay(gapped), 0, 600)
    assert found is not None
    return found


@pytest.fixture(scope="module", params=["data-poisoning-1", "motif", "dropout"])
def attacked(request):
    one, onset = patient(), 1003
    begin, end = span_of(one, onset, 400)
    vitals = np.stack(inject_case(one.recording, AttackCase(request.param, "strong", begin, end - begin, 3)), axis=-1)
    trace = trace_of(one, vitals, onset, end)
    assert trace is not None
    whole = clean(one.recording.first_event_minute, vitals[:end, 0], vitals[:end, 1])
    return one, onset, trace, whole


def test_a_trace_equals_the_whole_attacked_stream(attacked):
    one, _, trace, whole = attacked
    (found,) = traced_decisions(one, clean_blocks(one, None), [trace], None)
    expected = measured(rows_of_stream(whole.values, whole.weight, one.profile), None)
    values, nats = stream_statistics(expected.blocks), stream_nats(expected.evidence)
    np.testing.assert_allclose(found.values, values[found.decision], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.nats, nats[found.decision], rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(found.event_minute, whole.event_minute[decision_minute(found.decision)])


def test_a_trace_begins_before_its_onset_and_counts_attacked_minutes(attacked):
    one, onset, trace, _ = attacked
    (found,) = traced_decisions(one, clean_blocks(one, None), [trace], None)
    before = decision_minute(found.decision) < onset
    assert before[:3].all()
    assert (found.since[before] == 0).all()
    np.testing.assert_array_equal(found.since, np.maximum(15 * found.decision + 53 - onset, 0))


def test_onsets_lie_in_both_halves_off_the_raster_and_do_not_move_when_there_are_more():
    one = patient()
    first, none, duration = onsets_of(one, generator_of(4, one.name))
    again, more, _ = onsets_of(one, generator_of(4, one.name), more=3)
    assert first == again
    assert (len(first), len(none), len(more)) == (2, 0, 3)
    assert all(onset >= 660 and (onset - 38) % 15 for onset in first + more)
    assert duration == 720
    assert first[0] < first[1]
