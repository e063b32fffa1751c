"""However minutes are packed, and whenever a worker dies: the verdicts are those of one undisturbed run."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import ENROLMENT, LIVES, START, Life, calm, changes, chunk, cuts, life, one, open_tracks, outcome
from plain_model import PlainModel

from contracts.verdicts import DeviceSnapshot, DeviceState
from detectors.chunks import MinuteChunk, Verdicts
from detectors.tracks import DeviceTracks

E, B = DeviceState.ENROLLING, DeviceState.BENIGN


def restarted(tracks: DeviceTracks, stream: list[MinuteChunk], **kwargs: int) -> DeviceTracks:
    """Return another process's engine, filled from the topic with no more than is asked for."""
    stored = msgspec.json.encode(tracks.snapshot("a"))
    snapshot = msgspec.json.decode(stored, type=DeviceSnapshot)
    needed = DeviceTracks.history_needed_from(snapshot)
    assert needed is not None
    tracks = open_tracks(PlainModel(), **kwargs)
    tracks.open("a", snapshot)
    assert tracks.snapshot("a") == snapshot
    for part in stream:  # whole records: the first may begin before what is needed, the last go on after the snapshot
        if part.first_event_minute + len(part.heart_rate_bpm) > needed:
            tracks.fill(part)
    return tracks


@settings(deadline=None, max_examples=60)
@given(st.data(), LIVES, LIVES)
def test_packing_does_not_show(
    data: st.DataObject, runs_a: list[tuple[float, int]], runs_b: list[tuple[float, int]]
) -> None:
    lives = {"a": life(runs_a), "b": life(runs_b)}
    reference = {}
    for device, lived in lives.items():
        alone = open_tracks(PlainModel(), device)
        reference[device] = outcome(alone.apply([lived.part(0, len(lived), device)]), alone.snapshot(device))
    tracks = open_tracks(PlainModel())
    tracks.open("b", None)
    queues = {
        device: [lived.part(a, b, device) for a, b in cuts(data.draw, len(lived))] for device, lived in lives.items()
    }
    order = data.draw(st.permutations([device for device, queue in queues.items() for _ in queue]))
    chunks = [queues[device].pop(0) for device in order]
    verdicts: list[Verdicts] = []
    while chunks:
        size = data.draw(st.integers(1, len(chunks)))
        verdicts += tracks.apply(chunks[:size])
        chunks = chunks[size:]
    for device in lives:
        mine = [v for v in verdicts if v.device_id == device]
        assert outcome(mine, tracks.snapshot(device)) == reference[device]


@settings(deadline=None, max_examples=100)
@given(st.data(), LIVES)
def test_a_restart_does_not_show(data: st.DataObject, runs: list[tuple[float, int]]) -> None:
    lived = life(runs)
    undisturbed = open_tracks(PlainModel())
    expected = outcome(undisturbed.apply([lived.part(0, len(lived))]), undisturbed.snapshot("a"))
    tracks, verdicts = open_tracks(PlainModel()), list[Verdicts]()
    parts = [lived.part(a, b) for a, b in cuts(data.draw, len(lived))]
    for part in parts:
        verdicts += tracks.apply([part])
        tracks = restarted(tracks, parts)
    assert outcome(verdicts, tracks.snapshot("a")) == expected


def long_life() -> Life:
    """Three days with the whole repertoire: replays of a day ago, a pulse that strays, racing, gaps."""
    heart = np.array(calm(4320, seed=5))
    heart[700:1000] = heart[100:400]
    heart[1440 + 200 : 1440 + 500] = heart[200:500]
    heart[2000:2120] += 45
    heart[2500:2540] = heart[3100:3104] = np.nan
    heart[4000:4200] = heart[4000 - 1500 : 4200 - 1500]
    pulse = heart - 0.5
    pulse[2900:3000] -= 9
    return Life(heart, pulse)


@pytest.mark.parametrize("every_min", [7, 173, 1000])
def test_a_restart_does_not_show_in_three_days_with_replays_from_a_day_before(every_min: int) -> None:
    lived = long_life()
    undisturbed = open_tracks(PlainModel())
    whole = undisturbed.apply([lived.part(0, len(lived))])
    expected = outcome(whole, undisturbed.snapshot("a"))
    assert {"replay", "pulse", "hour"} <= {kind for kind, score in whole[0].scores.items() if np.nanmax(score) > 2}
    parts = [lived.part(at, min(at + 60, len(lived))) for at in range(0, len(lived), 60)]
    tracks, verdicts, at = open_tracks(PlainModel()), list[Verdicts](), 0
    while at < len(lived):
        end = min(at + every_min, len(lived))
        verdicts += tracks.apply([lived.part(at, end)])
        if every_min > 7 or at % 301 == 0:
            tracks = restarted(tracks, parts)
        at = end
    assert outcome(verdicts, tracks.snapshot("a")) == expected


def test_the_pulse_before_an_enrolment_that_began_late_is_read_back_too() -> None:
    """A long enrolment, begun in the middle of a life, takes its first distances to the pulse from before it."""
    enrolment = 2000
    heart = np.array(calm(3000, seed=2))
    pulse = heart - 0.5
    pulse[:200] -= 6.0
    lived = Life(heart, pulse)
    model = PlainModel(bundle_sha="two")
    first = open_tracks(PlainModel(), enrolment_min=150)
    first.apply([lived.part(0, 198)])
    limits = []
    for parts in ([(198, 3000)], [(198, 2100), (2100, 3000)]):
        tracks = open_tracks(model, enrolment_min=enrolment)
        tracks.open("a", first.snapshot("a"))
        tracks.fill(lived.part(0, 198))
        for a, b in parts:
            tracks.apply([lived.part(a, b)])
            stored, needed = tracks.snapshot("a"), DeviceTracks.history_needed_from(tracks.snapshot("a"))
            assert needed is not None
            tracks = open_tracks(model, enrolment_min=enrolment)
            tracks.open("a", stored)
            tracks.fill(lived.part(max(0, needed - START), 3000))
        limits.append(tracks.snapshot("a").profile.pulse_limit_bpm)  # type: ignore[union-attr]
    assert len(model.frozen[0][1]) == len(model.frozen[1][1])
    assert model.frozen[0] == model.frozen[1]
    assert limits[0] == limits[1]


def test_late_minutes_in_the_topic_are_left_out_of_a_refill_too() -> None:
    stream = [chunk(calm(100)), chunk([125.0] * 10, 50), chunk([None] * 3, 100), chunk([125.0] * 2, 100)]
    tracks = open_tracks(PlainModel())
    tracks.apply(stream)
    again = restarted(tracks, stream)
    rest = chunk(calm(100, seed=2), 103)
    assert outcome(again.apply([rest]), again.snapshot("a")) == outcome(tracks.apply([rest]), tracks.snapshot("a"))


def test_minutes_of_another_session_are_left_out_of_a_refill() -> None:
    stream = [chunk(calm(100)), chunk(calm(70, seed=3), 200, session=2)]
    tracks = open_tracks(PlainModel())
    tracks.apply(stream)
    again = restarted(tracks, stream)
    assert again.snapshot("a").enrolment_count == 70
    assert one(again, calm(1), 270, session=2).windows == 1


def test_an_enrolment_whose_minutes_are_lost_begins_again() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, calm(100))
    again = open_tracks(PlainModel())
    again.open("a", tracks.snapshot("a"))
    again.fill(chunk(calm(100)[40:], 40))
    verdicts = one(again, calm(150, seed=1), 100)
    assert changes(verdicts) == [(100 + ENROLMENT - 1, E, B)]
