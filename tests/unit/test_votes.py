"""Decisions counted over blocks of event time, each kind over its own horizon."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.votes import KINDS, Votes, seen_after, was_seen


def voted(votes: Votes, *decisions: tuple[str, ...]) -> Votes:
    for flagged in decisions:
        votes.advance(1)
        votes.cast(flagged)
    return votes


def test_seven_of_twelve_hours_are_more_than_half_and_six_are_not() -> None:
    votes = voted(Votes(), *[()] * 12, *[("hour",)] * 6)
    assert votes.share_of("hour") == 0.5
    assert voted(votes, ("hour",)).share_of("hour") == 7 / 12


def test_four_of_six_long_windows_are_more_than_half_and_three_are_not() -> None:
    votes = voted(Votes(), *[()] * 6, *[("half_day",)] * 3)
    assert votes.share_of("half_day") == 0.5
    assert voted(votes, ("half_day",)).share_of("half_day") == 4 / 6
    assert voted(votes, (), (), (), (), ()).share_of("half_day") == 1 / 6


def test_few_decisions_decide_nothing() -> None:
    assert voted(Votes(), *[("hour",)] * 6).share == 0.5
    assert voted(Votes(), *[("replay",)] * 3).share == 0.5


def test_the_share_is_the_largest_of_all_kinds() -> None:
    votes = voted(Votes(), *[("pulse",)] * 2, *[("copies", "pulse")] * 2, ())
    assert {kind: votes.share_of(kind) for kind in KINDS if votes.share_of(kind)} == {"pulse": 4 / 6, "copies": 2 / 6}
    assert votes.share == 4 / 6


def test_votes_expire_by_event_time_even_in_silence() -> None:
    votes = voted(Votes(), ("hour", "level"))
    votes.advance(5)
    assert votes.flagged["level"].bit_count() == 1
    votes.advance(1)
    assert (votes.flagged["level"], votes.flagged["hour"].bit_count()) == (0, 1)
    votes.advance(5)
    assert votes.flagged["hour"].bit_count() == 1
    votes.advance(1)
    assert (votes.scored, votes.flagged["hour"]) == (0, 0)


def test_a_second_decision_in_a_block_does_not_count_twice() -> None:
    votes = voted(Votes(), ("hour",))
    votes.cast(())
    votes.cast(("hour",))
    assert (votes.scored, votes.flagged["hour"]) == (1, 1)


def test_a_leap_of_centuries_costs_no_memory() -> None:
    votes = Votes(scored=3, flagged={"hour": 1})
    votes.advance(500_000_000)
    assert (votes.scored, votes.share) == (0, 0.0)
    assert seen_after(7, 500_000_000) == 1


def test_kinds_of_another_version_are_left_out() -> None:
    assert Votes(1, {"autoencoder": 1, "hour": 1}).flagged == {kind: int(kind == "hour") for kind in KINDS}


STEPS = st.lists(st.tuples(st.integers(1, 14), st.booleans(), st.sets(st.sampled_from(list(KINDS)))), max_size=60)


@given(STEPS)
def test_share_equals_a_recount_of_the_kinds_horizon(steps: list[tuple[int, bool, set[str]]]) -> None:
    votes, now, cast = Votes(), 0, dict[int, set[str]]()
    for elapsed, scored, flagged in steps:
        now += elapsed
        votes.advance(elapsed)
        if scored:
            votes.cast(flagged)
            cast[now] = flagged
    for name, kind in KINDS.items():
        recent = [name in flagged for block, flagged in cast.items() if now - block < kind.horizon]
        assert votes.share_of(name) == sum(recent) / max(len(recent), kind.fewest)


@given(st.lists(st.integers(1, 100), max_size=20), st.integers(0, 300))
def test_seen_minutes_are_remembered_for_four_hours(steps: list[int], ago: int) -> None:
    mask, now, seen = 0, 0, set[int]()
    for elapsed in steps:
        now += elapsed
        mask = seen_after(mask, elapsed)
        seen.add(now)
    assert was_seen(mask, ago) == (now - ago in seen and ago < 240)
