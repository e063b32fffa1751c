"""Watches the devices after a promotion and takes it back when far more of them are excluded than usual."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import FedSecureError
from contracts.messages.releases import BundleRelease
from fl_coordinator.gate.selection import DeviceStatusReader
from fl_coordinator.journal import Journal
from fl_coordinator.releases.releaser import Releaser
from fl_coordinator.releases.rollback_rule import PromotionWatch, RollbackTerms, fleet_snapshot

log = structlog.get_logger()

BY = "coordinator"


@dataclass(frozen=True, slots=True)
class PromotionGuard:
    """Looks at the devices between rounds. `in_force` reads the release that counts."""

    watch: PromotionWatch
    view: DeviceStatusReader
    in_force: Callable[[], Awaitable[BundleRelease | None]]
    releaser: Releaser
    journal: Journal
    clock: Callable[[], float]

    async def look(self, last_round: int) -> None:
        """Look, and roll back if the rule says so. What goes wrong is logged, and tried again at the next look.

        Only a promotion in force is taken back, and a rollback is none: so it happens once, and one step.
        """
        try:
            now = self.clock()
            statuses = await asyncio.to_thread(lambda: self.view.statuses(self.view.known_devices()))
            self.watch.note(fleet_snapshot(statuses, now, self.watch.terms.stale_cap_s))
            release = await self.in_force()
            if release is None or release.kind != "promotion":
                return
            reason = self.watch.why_roll_back(release.released_at, release.bundle_sha256)
            if reason is not None:
                await self._roll_back(release, reason, last_round)
        except FedSecureError as error:
            log.warning("promotion_not_watched", reason=str(error))

    async def _roll_back(self, promotion: BundleRelease, reason: str, last_round: int) -> None:
        taken_back = await self.releaser.roll_back(reason, BY, taking_back=promotion.bundle_sha256)
        log.warning("bundle_rolled_back", release=taken_back.release, reason=reason)
        await self.journal.event(
            "bundle_rolled_back", last_round, reason=reason, promotion=promotion.release, release=taken_back.release,
            bundle=taken_back.bundle_sha256, was=promotion.bundle_sha256,
        )  # fmt: skip


def terms_of(settings: Settings) -> RollbackTerms | None:
    """Return the settings' terms (None: promotions are not watched)."""
    if not settings.rollback_watch_s:
        return None
    return RollbackTerms(
        settings.rollback_watch_s, settings.rollback_rise, settings.rollback_least_devices, settings.stale_cap_s
    )
