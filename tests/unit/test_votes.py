from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.votes import Votes, seen_after, was_seen


def test_few_windows_decide_nothing() -> None:
    votes = Votes()
    for _ in range(30):
        votes.advance(1)
        votes.cast(flagged=True)
    assert votes.share == 0.5


def test_votes_expire_by_event_time_even_in_silence() -> None:
    votes = Votes()
    votes.advance(1)
    votes.cast(flagged=True)
    votes.advance(119)
    assert votes.flagged.bit_count() == 1
    votes.advance(1)
    assert (votes.scored, votes.flagged) == (0, 0)


def test_a_leap_of_centuries_costs_no_memory() -> None:
    votes = Votes(scored=3, flagged=1)
    votes.advance(500_000_000)
    assert votes.scored == 0
    assert seen_after(7, 500_000_000) == 1


@given(st.lists(st.tuples(st.integers(1, 70), st.booleans(), st.booleans()), max_size=60))
def test_share_equals_a_recount_of_the_last_two_hours(steps: list[tuple[int, bool, bool]]) -> None:
    votes, now, cast = Votes(), 0, dict[int, bool]()
    for elapsed, scored, flagged in steps:
        now += elapsed
        votes.advance(elapsed)
        if scored:
            votes.cast(flagged=flagged)
            cast[now] = flagged
    recent = [flagged for minute, flagged in cast.items() if now - minute < 120]
    assert votes.share == sum(recent) / max(len(recent), 60)


@given(st.lists(st.integers(1, 100), max_size=20), st.integers(0, 300))
def test_seen_minutes_are_remembered_for_four_hours(steps: list[int], ago: int) -> None:
    mask, now, seen = 0, 0, set[int]()
    for elapsed in steps:
        now += elapsed
        mask = seen_after(mask, elapsed)
        seen.add(now)
    assert was_seen(mask, ago) == (now - ago in seen and ago < 240)
