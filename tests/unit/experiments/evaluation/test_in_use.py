"""What the study says of a stream under attack is what the engine says of it: scores, flags, rules and states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contracts.messages.verdicts import DeviceState
from detectors.bundle.bundle import DEFAULT_BUNDLE, Bundle, load_bundle
from detectors.decisions.common_scale_rule import rule_scores
from detectors.detector import Detector
from detectors.engine.chunks import Verdicts
from detectors.scoring.components import SCORED, FittedScores
from detectors.training.cohort import UnmarkedStay
from detectors.training.patients import patient_of
from detectors.training.scores.table import CLEAN
from experiments.evaluation.judging.folds import FoldDetector, mean_of, said_in_use, voted
from experiments.evaluation.judging.judged import Scored, stream_states
from experiments.evaluation.measurement.cohort import Cohort
from experiments.evaluation.measurement.material import Material
from experiments.evaluation.measurement.measuring import measured_material
from experiments.evaluation.plan import plan_for
from replay.attacks import AttackSpec, inject
from replay.sources.synthetic import synthetic_recording

DAY = 1440
ENROLMENT = 600
ATTACKED = {"data-poisoning-2": (DAY, DAY + 900), "replay": (2 * DAY + 600, 2 * DAY + 1100)}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(DEFAULT_BUNDLE)


@pytest.fixture(scope="module")
def recording():
    """Four days in which the vitals are doubled for fifteen hours, and later a day is sent again."""
    found = synthetic_recording(77, 3, 4 * DAY, resolution_bpm=0.1)
    for name, (begin, end) in ATTACKED.items():
        found = inject(found, AttackSpec(name, found.device_id, begin, end - begin, "strong", seed=5)).recording
    return found


@pytest.fixture(scope="module")
def verdicts(bundle, recording) -> Verdicts:
    return Detector.of(bundle).score(
        recording.device_id,
        recording.first_event_minute,
        recording.heart_rate_bpm,
        recording.resp_rate_bpm,
        pulse_bpm=recording.pulse_bpm,
        enrolment_min=ENROLMENT,
    )


@pytest.fixture(scope="module")
def material(bundle, recording) -> Material:
    """The stream as the study measures it."""
    patient = patient_of(UnmarkedStay(recording), 0, ENROLMENT)
    assert patient is not None
    cohort = Cohort((patient.stay,), (), is_real=True)
    plan = replace(plan_for([], quick=True), cases=())
    return measured_material(plan, cohort, bundle.parameters.network, 1, map, lambda _, __: None, ENROLMENT)


@pytest.fixture(scope="module")
def decided(verdicts, material) -> tuple[np.ndarray, np.ndarray]:
    """The judged decisions of the stream that the engine makes as soon as they are due, and their minutes: others await a gap's end."""
    table = material.table
    rows = np.flatnonzero((table.case[table.stream] == CLEAN) & table.judged)[4:]
    at = np.searchsorted(verdicts.event_minute, table.event_minute[rows])
    known = np.isfinite(verdicts.score[at])
    assert known.mean() > 0.9
    return rows[known], at[known]


@pytest.fixture(scope="module")
def scored(bundle, material) -> tuple[Scored, np.ndarray, dict[str, np.ndarray]]:
    """What the bundle's parameters say of the table: scores, flags, and votes by kind."""
    known, table = bundle.parameters, material.table
    fitted = FittedScores(known.standardisation, known.fast_tails, known.slow_tails, known.classifiers)
    scales = {kind: known.scales[kind] for kind in SCORED}
    detector = FoldDetector(fitted, scales, known.scales["combined"], known.threshold)
    rules = np.logical_or.reduce([*material.rules().values(), material.pulse_speaks()])
    alone = said_in_use(table, table.case == CLEAN, detector, rules)
    votes = voted(table, alone)
    score, by_itself = (detector.combined.of(mean_of(each, SCORED)) for each in (votes, alone))
    found = Scored(score, by_itself, np.full(len(table), known.threshold))
    return found, detector.flagged(table, alone, rules), votes


def test_scores_and_flags_are_the_engines(verdicts, scored, decided):
    (rows, at), (_, flagged, votes) = decided, scored
    for kind in SCORED:
        np.testing.assert_allclose(verdicts.scores[kind][at], votes[kind][rows], atol=2e-3, err_msg=kind)
    assert 60 < flagged[rows].sum() < 200
    np.testing.assert_array_equal(verdicts.flagged[at], flagged[rows])


def test_states_are_the_engines(verdicts, material, scored, decided):
    (rows, at), (found, flagged, _) = decided, scored
    table = material.table
    rule = np.max([*material.rule_votes().values(), pulse_votes(material)], axis=0)
    states = stream_states(table, 0, found, flagged, rule)
    place = np.cumsum(table.judged[: table.stop[0]]) - 1
    ours = [states[place[row]] for row in rows]
    assert {DeviceState.BENIGN, DeviceState.QUARANTINED, DeviceState.PROBATION} <= set(ours)
    assert ours == [verdicts.state[minute] for minute in at]


def test_the_rules_values_are_the_engines(bundle, verdicts, material, decided):
    rows, at = decided
    for name, votes in (material.rule_votes() | {"pulse": pulse_votes(material)}).items():
        expected = rule_scores(votes[rows], np.full(len(rows), bundle.parameters.threshold))
        np.testing.assert_allclose(verdicts.scores[name][at], expected, atol=2e-3, err_msg=name)
        if name in {"replay", "pulse"}:
            assert expected.max() > bundle.parameters.threshold


def pulse_votes(material: Material) -> np.ndarray:
    return material.table.votes(material.pulse.astype(np.float64), 2)
