"""The statistical rule that takes a promotion back."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scipy.stats import binom

from contracts.freshness import stale_after_s
from contracts.messages.verdicts import DeviceState, DeviceStatus

USUAL_SHARE: Final = 0.05  # of devices leave benign in a quiet window; also where fewer did before
CHANCE: Final = 0.001
JUDGED: Final = frozenset(
    {DeviceState.BENIGN, DeviceState.SUSPECT, DeviceState.QUARANTINED, DeviceState.PROBATION}
)  # the others are about missing or wrong input, which no bundle causes
EXCLUDED: Final = frozenset({DeviceState.QUARANTINED, DeviceState.PROBATION})


@dataclass(frozen=True, slots=True)
class RollbackTerms:
    """For how long (wall seconds) a promotion is watched, by how much the share must rise, and how many devices at least."""

    watch_s: float
    rise: float
    least_devices: int
    stale_cap_s: float


@dataclass(frozen=True, slots=True)
class FleetSnapshot:
    """Fresh, judged devices at one moment (epoch seconds): benign, excluded, and the bundle that judges each."""

    at: float
    benign: frozenset[str]
    excluded: frozenset[str]
    bundle_of: Mapping[str, str]


def fleet_snapshot(statuses: Mapping[str, DeviceStatus | None], now: float, stale_cap_s: float) -> FleetSnapshot:
    """Return what can be seen now. A device that is stale, finished, enrolling or without scores is not looked at."""
    seen = {
        device_id: status
        for device_id, status in statuses.items()
        if status is not None
        and status.state in JUDGED
        and not status.finished
        and now - status.received_at <= stale_after_s(status.batch_interval_s, stale_cap_s)
    }
    return FleetSnapshot(
        now,
        frozenset(name for name, status in seen.items() if status.state is DeviceState.BENIGN),
        frozenset(name for name, status in seen.items() if status.state in EXCLUDED),
        {name: status.bundle_sha for name, status in seen.items()},
    )


@dataclass(frozen=True, slots=True)
class PromotionWatch:
    """Keeps the looks of twice `watch_s`. What it has not seen before a promotion (a restart) it does not judge the promotion by."""

    terms: RollbackTerms
    _looks: deque[FleetSnapshot] = field(default_factory=deque)

    def note(self, seen: FleetSnapshot) -> None:
        """Remember a look, the newest so far."""
        self._looks.append(seen)
        while self._looks[0].at < seen.at - 2 * self.terms.watch_s:
            self._looks.popleft()

    def why_roll_back(self, released_at: float, bundle_sha256: str) -> str | None:
        """Return why the promotion to this bundle must be taken back as of the newest look, or None.

        Of the devices that were benign at the last look before the release and are judged by its bundle now (m), k are excluded.
        It goes when k >= `least_devices`, k / m lies more than `rise` above the share p that left in as long a time before the
        release (at least 5 %), and k of m or more would happen by chance (binomial with p) less than once in a thousand times.
        """
        before = [seen for seen in self._looks if released_at - self.terms.watch_s <= seen.at < released_at]
        if not before or not released_at <= self._looks[-1].at <= released_at + self.terms.watch_s:
            return None
        now = self._looks[-1]
        judged = {name for name in before[-1].benign if now.bundle_of.get(name) == bundle_sha256}
        left = judged & now.excluded
        usual = max(_share_left(before[0], before[-1]), USUAL_SHARE)
        if len(left) < self.terms.least_devices or len(left) / len(judged) <= usual + self.terms.rise:
            return None
        if float(binom.sf(len(left) - 1, len(judged), usual)) >= CHANCE:
            return None
        return (
            f"{len(left)} of {len(judged)} devices that were benign before the release are excluded by its bundle "
            f"{(now.at - released_at) / 60:.0f} min after it; usual is a share of {usual:.2f}"
        )


def _share_left(first: FleetSnapshot, last: FleetSnapshot) -> float:
    judged = first.benign & last.bundle_of.keys()
    return len(judged & last.excluded) / len(judged) if judged else 0.0
