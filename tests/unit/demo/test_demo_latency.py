"""Every message's latency, from what was seen on two topics."""

from __future__ import annotations

import pytest

from fedsecure.demo.observing.observation import AppliedStatus, Sent, latency_samples_s, percentile


def test_a_message_counts_to_the_first_status_that_has_applied_its_last_minute() -> None:
    sent = [Sent("a", 10, 1.0), Sent("a", 14, 2.0), Sent("b", 10, 1.0)]
    applied_statuses = [
        AppliedStatus("a", 9, 0.9),
        AppliedStatus("a", 14, 2.5),
        AppliedStatus("b", 10, 1.25),
        AppliedStatus("a", 18, 9.0),
    ]
    assert latency_samples_s(sent, applied_statuses) == [1.5, 0.5, 0.25]


def test_a_message_that_was_never_judged_has_no_latency() -> None:
    assert latency_samples_s([Sent("a", 10, 1.0)], [AppliedStatus("a", 9, 2.0)]) == []


def test_an_older_status_told_again_does_not_hide_a_newer_one() -> None:
    applied_statuses = [AppliedStatus("a", 12, 1.5), AppliedStatus("a", 8, 1.6), AppliedStatus("a", 16, 1.9)]
    assert latency_samples_s([Sent("a", 12, 1.0), Sent("a", 16, 1.0)], applied_statuses) == pytest.approx([0.5, 0.9])


def test_clocks_read_in_another_order_never_make_a_negative_latency() -> None:
    assert latency_samples_s([Sent("a", 1, 1.0004)], [AppliedStatus("a", 1, 1.0)]) == [0.0]


def test_percentiles_are_samples() -> None:
    samples = [float(n) for n in range(100)]
    assert percentile(samples, 0.5) == 50.0
    assert percentile(samples, 0.99) == 99.0
    assert percentile([3.0], 0.99) == 3.0
    assert percentile([], 0.5) is None
