"""The coordinator takes a promotion back by itself: once, to the bundle before it, and never because of an error."""

from __future__ import annotations

import msgspec
import pytest
from release_desk import TOPICS, ReleaseDesk, small_bundle

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.messages.verdicts import DeviceState, DeviceStatus
from fl_coordinator.journal import Journal
from fl_coordinator.releases.guard import PromotionGuard, terms_of
from fl_coordinator.releases.releaser import ReleaseReason
from fl_coordinator.releases.rollback_rule import PromotionWatch, RollbackTerms

OLD, NEW = small_bundle("old"), small_bundle("new")
TERMS = RollbackTerms(watch_s=3600.0, rise=0.1, least_devices=3, stale_cap_s=2100.0)


class Ward:
    """Ten devices as the workers show them: `excluded` of them quarantined, all judged by one bundle."""

    def __init__(self, desk: ReleaseDesk) -> None:
        self.desk = desk
        self.excluded = 0
        self.bundle = OLD[1]
        self.is_reachable = True

    def known_devices(self):
        if not self.is_reachable:
            raise Unavailable("Redis does not show the devices")
        return [f"p{number}" for number in range(10)]

    def statuses(self, device_ids):
        return {name: self._status(name, place) for place, name in enumerate(device_ids)}

    def present(self, device_ids):
        return set(device_ids)

    def _status(self, name, place):
        state = DeviceState.QUARANTINED if place < self.excluded else DeviceState.BENIGN
        return DeviceStatus(
            device_id=name, epoch=1, applied_through=1, vitals_offset=1, session_id=1, reason="", state=state,
            state_since=0, enrolled=True, enrolment_share=1.0, score=0.1, threshold=1.0, scores={}, flagged=False,
            flagged_share=0.0, received_at=self.desk.now, batch_interval_s=1.0, finished=False, bundle_sha=self.bundle,
            worker_id="w", minutes=1, windows=1, flagged_windows=0,
        )  # fmt: skip


@pytest.fixture
async def desk():
    desk = ReleaseDesk()
    await desk.releaser().release(*OLD, ReleaseReason("initial", "", "x"), None)
    return desk


@pytest.fixture
def ward(desk):
    return Ward(desk)


@pytest.fixture
def guard(desk, ward):
    def clock():
        return desk.now

    return PromotionGuard(
        PromotionWatch(TERMS), ward, desk.in_force, desk.releaser(), Journal(desk, TOPICS, clock), clock
    )


async def promoted(desk, ward, guard):
    await guard.look(1)
    desk.now += 60
    await desk.releaser().release(*NEW, ReleaseReason("promotion", "", "x"), OLD[1])
    desk.now += 600
    ward.bundle = NEW[1]


async def test_a_promotion_under_which_a_ward_leaves_is_taken_back_once_and_put_on_record(desk, ward, guard):
    await promoted(desk, ward, guard)
    ward.excluded = 5
    await guard.look(7)
    release = await desk.in_force()
    assert (release.release, release.kind, release.bundle_sha256, release.by) == (3, "rollback", OLD[1], "coordinator")
    assert release.reason.startswith("5 of 10 devices that were benign before")
    (event,) = desk.events
    assert (event.kind, event.round, event.reason) == ("bundle_rolled_back", 7, release.reason)
    assert event.detail == {"promotion": 2, "release": 3, "bundle": OLD[1], "was": NEW[1]}
    desk.now += 60
    await guard.look(8)
    assert len(desk.releases) == 3


async def test_a_promotion_under_which_nobody_leaves_stays(desk, ward, guard):
    await promoted(desk, ward, guard)
    await guard.look(7)
    assert len(desk.releases) == 2


async def test_devices_that_leave_without_a_promotion_roll_nothing_back(desk, ward, guard):
    await guard.look(1)
    desk.now += 600
    ward.excluded = 9
    await guard.look(2)
    assert len(desk.releases) == 1


async def test_a_guard_that_saw_nothing_of_before_does_nothing(desk, ward, guard):
    await desk.releaser().release(*NEW, ReleaseReason("promotion", "", "x"), OLD[1])
    ward.bundle, ward.excluded = NEW[1], 9
    desk.now += 60
    await guard.look(1)
    assert len(desk.releases) == 2


async def test_without_redis_nothing_happens_until_it_is_back(desk, ward, guard):
    await promoted(desk, ward, guard)
    ward.excluded, ward.is_reachable = 5, False
    await guard.look(7)
    assert len(desk.releases) == 2
    ward.is_reachable = True
    await guard.look(8)
    assert len(desk.releases) == 3


async def test_a_bundle_whose_files_are_gone_is_left_in_force_and_the_round_goes_on(desk, ward, guard):
    await promoted(desk, ward, guard)
    ward.excluded = 5
    desk.contents_of[OLD[1]] = msgspec.json.encode({"format": "f", "architecture": "a", "features": [], "files": {}})
    await guard.look(7)
    assert (await desk.in_force()).bundle_sha256 == NEW[1]


def test_a_watch_of_no_time_is_none():
    assert terms_of(Settings(rollback_watch_s=0)) is None
    assert terms_of(Settings()) == RollbackTerms(14_400.0, 0.1, 3, 2100.0)
