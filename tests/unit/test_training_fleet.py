"""Training and evaluation judge traces at once: the same votes and verdicts as the engine gives minute by minute."""

from __future__ import annotations

import numpy as np
import pytest
from random_bundle import random_bundle

from detectors.detector import Detector
from detectors.model import Model
from detectors.scorer import SCORED_KINDS
from detectors.scoring.runtime import Reconstructor
from detectors.training.calibration import calibrate, lowest_threshold
from detectors.training.judging import Judged, judge, raw_scores, weeks_of
from detectors.training.trace_jobs import packed, unpacked
from detectors.training.traces import Tracer
from detectors.votes import KINDS
from replay.sources.synthetic import synthetic_recording

ENROLMENT_MIN = 600


@pytest.fixture(scope="module")
def bundle():
    return random_bundle(4)


@pytest.fixture(scope="module")
def recording():
    return synthetic_recording(3, 1, 1400)


@pytest.fixture(scope="module")
def model(bundle):
    return Model(Reconstructor(bundle.autoencoder, bundle.blind_spot, (32, 256)), bundle.knowledge, "abc")


@pytest.fixture(scope="module")
def engine(model, recording):
    vitals = (recording.heart_rate_bpm, recording.resp_rate_bpm)
    return Detector(model).score(
        "x", recording.first_event_minute, *vitals, pulse_bpm=recording.pulse_bpm, enrolment_min=ENROLMENT_MIN
    )


@pytest.fixture(scope="module")
def trace(model, recording):
    tracer = Tracer(model.reconstructor, model.knowledge.expectations, model.knowledge.population)
    enrolled = tracer.enrol(recording, ENROLMENT_MIN)
    end = recording.first_event_minute + recording.minutes
    return tracer.after(recording, enrolled, enrolled.first_event_minute, end)


def test_a_traces_scores_equal_the_engines_at_its_decisions(model, trace, engine):
    situation = model.knowledge.situations[str(ENROLMENT_MIN)]
    raw = raw_scores(model.knowledge.tables, model.knowledge.networks, trace)
    g = situation.scales["hour"].of(raw[:, SCORED_KINDS.index("hour")])
    # the engine decides at the first valid minute of a block; only the first of the block is scored the same in both
    blocks, first = np.unique(engine.event_minute // 5, return_index=True)
    at = first[np.searchsorted(blocks, trace.block)]
    scored = np.isfinite(engine.scores["hour"][at])
    assert scored.mean() > 0.9
    # a trace keeps 16 bits of each feature
    np.testing.assert_allclose(g[scored], engine.scores["hour"][at][scored], atol=0.05)


def test_the_last_vote_equals_the_engines(model, trace, engine):
    situation = model.knowledge.situations[str(ENROLMENT_MIN)]
    raw = raw_scores(model.knowledge.tables, model.knowledge.networks, trace)
    judged = judge(trace, raw, situation.scales)
    over = max(judged.votes[kind][-1] for kind in SCORED_KINDS) > situation.threshold
    assert over == (engine.flagged_share > 0.5)


def test_traces_survive_being_packed(trace):
    back = unpacked(packed([trace, trace]))
    assert len(back) == 2
    np.testing.assert_array_equal(back[1].r, trace.r)
    np.testing.assert_array_equal(back[0].block, trace.block)


def made(values):
    votes = {kind: np.full(len(values), -np.inf) for kind in KINDS}
    return Judged(np.arange(len(values)), votes | {"hour": np.asarray(values, float)})


def test_one_long_episode_counts_once_and_two_far_apart_twice():
    once = [0.0] * 200 + [9.0] * 120 + [0.0] * 100
    assert made(once).episodes(5.0) == 1
    assert made(once + once).episodes(5.0) == 2


def test_a_guard_excludes_at_its_own_limit_whatever_the_threshold():
    judged = made([0.0, 0.0])
    judged.votes["replay"][:] = [0.9, 1.1]
    assert judged.excluded(99.0).tolist() == [False, True]


def test_the_lowest_threshold_within_the_budget_is_found():
    week = 7 * 288
    quiet, loud = [0.0] * week, [0.0] * 1000 + [7.0] * 40 + [0.0] * (week - 1040)
    fleet = [made(quiet) for _ in range(4)] + [made(loud)]
    assert weeks_of(fleet) == pytest.approx(5.0)
    assert lowest_threshold(fleet, 0.1) == pytest.approx(7.0, abs=0.02)
    assert lowest_threshold(fleet, 0.3) == pytest.approx(0.05, abs=0.02)


def test_calibration_keeps_its_own_fleet_within_the_budget(trace):
    rng = np.random.default_rng(0)
    traces = [trace] * 30
    raws = [rng.standard_normal((len(trace), len(SCORED_KINDS))).astype(np.float32) for _ in traces]
    found = calibrate(traces, raws, budget=2.0)
    episodes = sum(one.episodes(found.situation.threshold) for one in found.fleet)
    assert episodes / weeks_of(found.fleet) <= 2.0
    assert set(found.situation.scales) == set(SCORED_KINDS)
