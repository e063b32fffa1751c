"""A promotion is taken back only when clearly more devices left benign under its bundle than leave anyway."""

from __future__ import annotations

import msgspec
import pytest

from contracts.messages.verdicts import DeviceState, DeviceStatus
from fl_coordinator.releases.rollback_rule import FleetSnapshot, PromotionWatch, RollbackTerms, fleet_snapshot

TERMS = RollbackTerms(watch_s=3600.0, rise=0.1, least_devices=3, stale_cap_s=2100.0)
RELEASED_AT = 10_000.0
DEVICES = tuple(f"p{number}" for number in range(20))


def seen(at, excluded=(), bundle="old", devices=DEVICES):
    return FleetSnapshot(at, frozenset(devices) - set(excluded), frozenset(excluded), dict.fromkeys(devices, bundle))


def reason(*looks, terms=TERMS):
    watch = PromotionWatch(terms)
    for one in looks:
        watch.note(one)
    return watch.why_roll_back(RELEASED_AT, "new")


BEFORE = seen(RELEASED_AT - 60)


def after(count, bundle="new", at=RELEASED_AT + 600, devices=DEVICES):
    return seen(at, devices[:count], bundle, devices)


def test_many_devices_that_leave_at_once_take_the_promotion_back_and_the_reason_says_so():
    assert reason(BEFORE, after(8)).startswith("8 of 20 devices that were benign before the release are excluded")


@pytest.mark.parametrize(
    "looks",
    [
        (BEFORE, after(0)),
        (BEFORE, after(2, devices=DEVICES[:3])),  # fewer than three
        (BEFORE, after(4)),  # .20 of 20: can be chance
        (BEFORE, after(8, bundle="old")),  # judged by the earlier bundle still
        (BEFORE, after(8, at=RELEASED_AT + 3601)),  # too late to be the promotion's doing
        (after(8),),  # nothing known of before
        (seen(RELEASED_AT - 4000), after(8)),  # too long before
        (BEFORE,),
        (seen(RELEASED_AT - 60, DEVICES[:8]), after(8)),  # had left before
    ],
    ids=range(9),
)
def test_it_stays_otherwise(looks):
    assert reason(*looks) is None


def test_where_many_left_before_as_many_may_leave_after():
    first, last = seen(RELEASED_AT - 3000), seen(RELEASED_AT - 60, DEVICES[12:])
    assert reason(first, last, after(6)) is None
    assert reason(seen(RELEASED_AT - 3000, DEVICES[12:]), last, after(6)) is not None


def test_old_looks_are_forgotten():
    watch = PromotionWatch(TERMS)
    for minute in range(1000):
        watch.note(seen(60.0 * minute))
    assert len(watch._looks) <= 2 * 60 + 1


def status(device_id, state, **changes):
    base = DeviceStatus(
        device_id=device_id, epoch=1, applied_through=1, vitals_offset=1, session_id=1, reason="", state=state,
        state_since=0, enrolled=True, enrolment_share=1.0, score=0.1, threshold=1.0, scores={}, flagged=False,
        flagged_share=0.0, received_at=1000.0, batch_interval_s=1.0, finished=False, bundle_sha="new", worker_id="w",
        minutes=1, windows=1, flagged_windows=0,
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def test_a_look_sees_fresh_judged_devices_only():
    states = {str(state): state for state in DeviceState}
    statuses = {name: status(name, state) for name, state in states.items()} | {
        "old": status("old", DeviceState.QUARANTINED, received_at=100.0),
        "done": status("done", DeviceState.QUARANTINED, finished=True),
        "none": None,
    }
    found = fleet_snapshot(statuses, 1001.0, 2100.0)
    assert found.benign == {"benign"}
    assert found.excluded == {"quarantined", "probation"}
    assert found.bundle_of == dict.fromkeys(("benign", "suspect", "quarantined", "probation"), "new")
