from __future__ import annotations

from random import Random

from transport.clock import Backoff


def test_waits_double_up_to_the_longest_and_each_is_at_least_half_its_step():
    backoff = Backoff(Random(7), first_s=0.5, longest_s=4.0)
    for step_s in (0.5, 1.0, 2.0, 4.0, 4.0, 4.0):
        assert step_s / 2 <= backoff.next_s() <= step_s


def test_after_an_answer_the_waits_begin_anew():
    backoff = Backoff(Random(7), first_s=0.5, longest_s=64.0)
    for _ in range(6):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_two_hosts_do_not_come_back_in_one_moment_and_a_seed_repeats_the_waits():
    waits = [[backoff.next_s() for _ in range(5)] for backoff in map(Backoff, map(Random, (1, 2, 1)))]
    assert waits[0] == waits[2]
    assert all(one != other for one, other in zip(waits[0], waits[1], strict=True))
