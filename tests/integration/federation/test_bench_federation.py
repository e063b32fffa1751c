"""The bench's federation: the real coordinator, hosts without TensorFlow, one of which is killed in the round."""

from __future__ import annotations

from bench.federation.site import DEVICES_A_HOST
from bench.federation.trial import Trial, run_trial
from contracts.messages.federation import RoundPhase
from fedsecure.local_stack import LocalStack


def test_a_round_of_two_hosts_commits_a_model_though_one_of_them_dies(stack: LocalStack):
    said: list[str] = []
    trial = Trial(devices=DEVICES_A_HOST + 4, rounds=1, dies=True, target=20)
    (measured,) = run_trial(stack.up(), trial, said.append)
    record = measured.record
    assert (record.phase, record.round) == (RoundPhase.COMMITTED, 2), "the first is not counted"
    assert len(record.cohort) == 26
    assert len(record.accepted) >= 20
    assert list(record.excluded.values()).count("not_drawn") == trial.devices - 26
    assert measured.record_bytes > 10_000
    assert measured.cpu_s > 0
    assert measured.peak_mb > 50
    assert said[-1].startswith("54 devices: round 2 committed")
