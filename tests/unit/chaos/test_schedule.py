"""What goes wrong in a seed is drawn once and for all, and nothing that can go wrong is left out."""

from __future__ import annotations

from collections import Counter

from chaos.disasters.carrying_out import BEGIN, END
from chaos.disasters.schedule import HEALS_WITHIN_S, KINDS, LONGEST_HOLD_S, PAIR, SIMPLE, schedule

SEEDS = range(100)


def test_a_seed_is_the_same_whenever_it_is_drawn():
    assert [schedule(seed) for seed in SEEDS] == [schedule(seed) for seed in SEEDS]
    assert len({schedule(seed) for seed in SEEDS}) == len(SEEDS)


def test_over_many_seeds_every_kind_comes_as_often_as_every_other():
    pack = len(KINDS)
    struck = [disaster for seed in range(pack) for disaster in schedule(seed, 1)]
    alone = Counter(
        (fault.kind, fault.service or fault.target.removesuffix("-1").removesuffix("-2"))
        for disaster in struck
        if len(disaster.faults) == 1
        for fault in disaster.faults
    )
    assert alone == Counter(SIMPLE)
    assert sum(len(disaster.faults) == 2 for disaster in struck) == KINDS.count(PAIR)


def test_two_at_once_strike_different_things_and_each_ends_within_the_longest_hold():
    for seed in SEEDS:
        for disaster in schedule(seed):
            assert len({(fault.target, fault.service) for fault in disaster.faults}) == len(disaster.faults)
            assert all(0 <= fault.hold_s <= LONGEST_HOLD_S for fault in disaster.faults)
            assert disaster.heals_within_s > 0


def test_every_kind_can_be_brought_about_and_ends():
    kinds = {kind for kind, _ in SIMPLE}
    assert kinds == BEGIN.keys() == HEALS_WITHIN_S.keys()
    assert kinds - END.keys() == {"restart", "release"}, "these end by themselves"
