"""Every message's latency, from what was seen on two topics."""

from __future__ import annotations

import pytest

from fedsecure.demo.observing.latency import latency_samples_s, percentile
from fedsecure.demo.observing.observation import Sent, Standing


def test_a_message_counts_to_the_first_status_that_has_applied_its_last_minute() -> None:
    sent = [Sent("a", 10, 1.0), Sent("a", 14, 2.0), Sent("b", 10, 1.0)]
    standings = [Standing("a", 9, 0.9), Standing("a", 14, 2.5), Standing("b", 10, 1.25), Standing("a", 18, 9.0)]
    assert latency_samples_s(sent, standings) == [1.5, 0.5, 0.25]


def test_a_message_that_was_never_judged_has_no_latency() -> None:
    assert latency_samples_s([Sent("a", 10, 1.0)], [Standing("a", 9, 2.0)]) == []


def test_an_older_status_told_again_does_not_hide_a_newer_one() -> None:
    standings = [Standing("a", 12, 1.5), Standing("a", 8, 1.6), Standing("a", 16, 1.9)]
    assert latency_samples_s([Sent("a", 12, 1.0), Sent("a", 16, 1.0)], standings) == pytest.approx([0.5, 0.9])


def test_clocks_read_in_another_order_never_make_a_negative_latency() -> None:
    assert latency_samples_s([Sent("a", 1, 1.0004)], [Standing("a", 1, 1.0)]) == [0.0]


def test_percentiles_are_samples() -> None:
    samples = [float(n) for n in range(100)]
    assert percentile(samples, 0.5) == 50.0
    assert percentile(samples, 0.99) == 99.0
    assert percentile([3.0], 0.99) == 3.0
    assert percentile([], 0.5) is None
