"""However minutes are packed into chunks and micro-batches, the verdicts are those of one undisturbed run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import LIVES, NAN, Outcome, assert_same, calm, cuts, life, one, open_engine, outcome
from plain_detector import level_model, plain_model

from detectors.engine.chunks import MinuteChunk, Verdicts
from detectors.engine.engine import DetectionEngine

LEVEL, DRAWN = level_model(threshold=1.5), plain_model(threshold=0.4)


def alone(lived, device: str, model=LEVEL) -> Outcome:
    engine = open_engine(model, device)
    return outcome(engine.apply([lived.part(0, len(lived), device)]), engine.snapshot(device))


def packed(engine: DetectionEngine, chunks: list[MinuteChunk], sizes: list[int]) -> list[Verdicts]:
    """Apply chunks in micro-batches of these sizes, the rest at once."""
    verdicts: list[Verdicts] = []
    for size in [*sizes, len(chunks)]:
        verdicts += engine.apply(chunks[:size])
        chunks = chunks[size:]
    assert not chunks
    return verdicts


@settings(max_examples=10)
@given(st.data(), LIVES, LIVES)
def test_packing_does_not_show(
    data: st.DataObject, runs_a: list[tuple[float, int]], runs_b: list[tuple[float, int]]
) -> None:
    lives = {"a": life(runs_a), "b": life(runs_b)}
    engine = open_engine(LEVEL)
    engine.open("b", None)
    queues = {
        device: [lived.part(a, b, device) for a, b in cuts(data.draw, len(lived))] for device, lived in lives.items()
    }
    order = data.draw(st.permutations([device for device, queue in queues.items() for _ in queue]))
    chunks = [queues[device].pop(0) for device in order]
    sizes = data.draw(st.lists(st.integers(1, len(chunks)), max_size=4))
    verdicts = packed(engine, chunks, sizes)
    for device, lived in lives.items():
        mine = [v for v in verdicts if v.device_id == device]
        assert_same(outcome(mine, engine.snapshot(device)), alone(lived, device))


WHOLE_REPERTOIRE = life([(80.0, 330), (float("nan"), 30), (80.0, 170), (125.0, 140), (80.0, 70), (-2.0, 100)])


@pytest.mark.parametrize("size", [1, 8, 37, 400])
def test_a_drawn_detector_with_its_network_says_the_same_in_chunks_of(size: int) -> None:
    engine = open_engine(DRAWN)
    lived = WHOLE_REPERTOIRE
    verdicts = [engine.apply([lived.part(at, min(at + size, len(lived)))])[0] for at in range(0, len(lived), size)]
    found = outcome(verdicts, engine.snapshot("a"))
    assert_same(found, alone(lived, "a", DRAWN))
    assert np.isfinite(found.numbers[:, 0]).sum() > 30


@pytest.mark.parametrize("first", [356, 359])
def test_a_cut_that_comes_in_the_same_chunk_as_a_decision_is_not_known_to_it(first: int) -> None:
    lived = life([(80.0, 500)])
    lived.breath[:] = np.round(np.random.default_rng(1).normal(16, 0.6, 500), 1)
    lived.heart[360:380] = NAN
    minute_by_minute, in_chunks = open_engine(DRAWN), open_engine(DRAWN)
    expected = outcome(
        [minute_by_minute.apply([lived.part(at, at + 1)])[0] for at in range(500)], minute_by_minute.snapshot("a")
    )
    verdicts = [in_chunks.apply([lived.part(*part)])[0] for part in ((0, first), (first, 500))]
    assert_same(outcome(verdicts, in_chunks.snapshot("a")), expected)


def test_devices_do_not_touch_each_other_in_any_order() -> None:
    lives = {
        name: life([(80.0, 140), (level, 140), (80.0, 140)])
        for name, level in zip("abcde", (80, 125, -1, -2, 70), strict=True)
    }
    expected = {name: alone(lived, name, DRAWN) for name, lived in lives.items()}
    for names in ("abcde", "edcba", "cadbe"):
        engine = open_engine(DRAWN)
        for name in names:
            engine.open(name, None)
        verdicts = engine.apply([lives[name].part(0, 420, name) for name in names])
        for name, said in zip(names, verdicts, strict=True):
            assert_same(outcome([said], engine.snapshot(name)), expected[name])


def test_more_devices_than_the_first_slots_and_slots_that_are_used_again() -> None:
    lived = life([(80.0, 300)])
    engine = DetectionEngine(LEVEL, enrolment_min=130)
    names = [f"d{number}" for number in range(40)]
    for name in names:
        engine.open(name, None)
    engine.apply([lived.part(0, 300, name) for name in names])
    for name in names[::2]:
        engine.close(name)
    for name in names[::2]:
        engine.open(name, None)
    verdicts = engine.apply([lived.part(0, 300, name) for name in names[::2]])
    for name, said in zip(names[::2], verdicts, strict=True):
        assert_same(outcome([said], engine.snapshot(name)), alone(lived, name))


def test_a_closed_device_leaves_nothing_behind() -> None:
    engine = open_engine(LEVEL)
    one(engine, [*calm(400), *[125.0] * 100])
    engine.close("a")
    assert ("a" in engine, len(engine)) == (False, 0)
    engine.open("a", None)
    fresh = open_engine(LEVEL)
    rest = calm(370)
    assert_same(outcome([one(engine, rest)], engine.snapshot("a")), outcome([one(fresh, rest)], fresh.snapshot("a")))
