"""How often a token may be guessed, and that guesses lock nobody out for ever."""

from __future__ import annotations

import pytest

from console.web.attempts import MOST_ADDRESSES, OF_ALL, OF_AN_ADDRESS, Attempts

ALICE, MALLORY = "192.0.2.10", "192.0.2.66"


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def attempts(clock: Hands) -> Attempts:
    return Attempts(clock)


def exhaust(attempts: Attempts, address: str) -> int:
    """Guess as often as one may at once, and return how often that was."""
    tries = 0
    while not attempts.wait_s(address):
        attempts.failed(address)
        tries += 1
        assert tries < 10_000
    return tries


def flood(attempts: Attempts) -> None:
    """Guess from so many addresses that no more is left for all."""
    for number in range(OF_ALL.at_once):
        attempts.failed(f"10.0.{number // 256}.{number % 256}")


def test_an_address_may_guess_so_often_at_once_and_then_one_by_one(attempts, clock) -> None:
    assert exhaust(attempts, MALLORY) == OF_AN_ADDRESS.at_once
    assert attempts.wait_s(MALLORY) == OF_AN_ADDRESS.every_s
    assert attempts.wait_s(ALICE) == 0.0, "what another does is not held against her"
    clock.now += OF_AN_ADDRESS.every_s
    assert exhaust(attempts, MALLORY) == 1


def test_asking_in_vain_makes_the_wait_no_longer(attempts, clock) -> None:
    exhaust(attempts, MALLORY)
    for _ in range(1000):
        assert attempts.wait_s(MALLORY) <= OF_AN_ADDRESS.every_s
    clock.now += OF_AN_ADDRESS.every_s * OF_AN_ADDRESS.at_once
    assert exhaust(attempts, MALLORY) == OF_AN_ADDRESS.at_once, "all is as it was"


def test_all_addresses_together_have_a_limit_that_comes_back_by_itself(attempts, clock) -> None:
    flood(attempts)
    assert 0 < attempts.wait_s(ALICE) <= OF_ALL.every_s
    clock.now += OF_ALL.every_s
    assert attempts.wait_s(ALICE) == 0.0


def test_who_has_shown_the_token_is_not_locked_out_by_others(attempts) -> None:
    attempts.trust(ALICE)
    flood(attempts)
    assert attempts.wait_s(ALICE) == 0.0
    assert attempts.wait_s(MALLORY) > 0.0
    assert exhaust(attempts, ALICE) == OF_AN_ADDRESS.at_once, "but may not guess either"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True), ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True), ("fe80::1%eth0", "fe80::2%eth1", True), (None, "", True),
        ("192.0.2.1", "192.0.2.2", False), ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)  # fmt: skip
def test_one_machine_is_one_sender_however_many_addresses_it_has(attempts, one, other, is_same) -> None:
    exhaust(attempts, one)
    assert (attempts.wait_s(other) > 0) == is_same


def test_what_is_kept_of_addresses_is_bounded(attempts) -> None:
    for number in range(MOST_ADDRESSES + 50):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        attempts.failed(address)
        attempts.trust(address)
    assert len(attempts._failing) == len(attempts._trusted) == MOST_ADDRESSES
