"""A site's calibration for people: false exclusions by threshold, which devices, what fired, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from detectors.training.sites.calibration import LOWERING_DAYS, MOST_MOVED, RAISING_DAYS, SiteCalibration
from fedsecure.bundle_cards import SiteDevices, figures_at, observed_at, thresholds_shown
from fedsecure.tables import plain_table

MOST_DEVICES: Final = 20
NAMES_SHOWN: Final = 5


def site_tables(calibration: SiteCalibration, devices: SiteDevices) -> Group:
    """Return both tables and what they are worth. Fits 80 columns."""
    words = [Text(sentence) for sentence in (*_notes(devices), verdict_in_words(calibration))]
    return Group(_rates(calibration), "", *_excluded(calibration), *words)


def _rates(calibration: SiteCalibration) -> Table:
    numbers = ("threshold", "false exclusions", "a device-week", "95 % interval", "devices")
    table = plain_table((*numbers, ""), right=numbers)
    for threshold in thresholds_shown(calibration):
        figures = figures_at(calibration, threshold)
        marks = [name for name, at in (("now", calibration.before), ("new", calibration.after)) if threshold == at]
        mark = "now, stays" if len(marks) > 1 else "".join(marks)
        table.add_row(
            f"{threshold:.2f}", f"{figures['false_exclusions']}", f"{figures['a_week']:.2f}",
            f"{figures['low']:.2f} to {figures['high']:.2f}", f"{figures['devices']}", mark, style="" if mark else "dim",
        )  # fmt: skip
    return table


def _excluded(calibration: SiteCalibration) -> Iterator[Table | str]:
    """Yield a row for each device excluded at the threshold before or after, the most often excluded first."""
    peaks = calibration.excluded(min(calibration.before, calibration.after))
    if not peaks:
        return
    columns = ("device", "now", "new", "first (UTC)", "what fired")
    table = plain_table(columns, right=("now", "new"), no_wrap=False, overflow="fold")
    counted = Counter(peak.device_id for peak in peaks).most_common()
    for name, _ in counted[:MOST_DEVICES]:
        own = sorted((peak for peak in peaks if peak.device_id == name), key=lambda peak: peak.event_minute)
        now, new = (sum(peak.is_over(at) for peak in own) for at in (calibration.before, calibration.after))
        fired = Counter(kind for peak in own for kind in peak.fired(calibration.before))
        what = ", ".join(f"{kind.replace('_', '-')} {count}" for kind, count in fired.most_common())
        table.add_row(name, str(now), str(new), observed_at(own[0])[:-1].replace("T", " "), what)
    yield table
    yield f"and {len(counted) - MOST_DEVICES} devices more" if len(counted) > MOST_DEVICES else ""


def _notes(devices: SiteDevices) -> Iterator[str]:
    if devices.short:
        yield f"too short to be judged for four hours after the enrolment: {_names(devices.short)}"
    if devices.known:
        yield (
            f"{len(devices.known)} of these patients taught this bundle ({_names(devices.known)}): it judges them too well, so "
            "expect more false exclusions than these; the threshold is not lowered by them"
        )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def verdict_in_words(calibration: SiteCalibration) -> str:
    """Say what follows for the threshold, and what the figures are worth."""
    figures = figures_at(calibration, calibration.before)
    after = figures_at(calibration, calibration.after)
    moved = f"{calibration.decision} from {calibration.before:.2f} to {calibration.after:.2f}"
    same = "those figures are of the recordings that set it: expect somewhat more on others"
    match calibration.decision:
        case "too few":
            return (
                f"{calibration.days:.1f} device-days are too few to move the threshold by: with {_counted(figures)} the "
                f"rate may be anything from {figures['low']:.2f} to {figures['high']:.2f} a device-week. From "
                f"{RAISING_DAYS} device-days on it may be raised, from {LOWERING_DAYS} on lowered"
            )
        case "kept":
            few = calibration.days < LOWERING_DAYS
            lower = f"; from {LOWERING_DAYS} device-days on it could be lowered" if few else ""
            return (
                f"the threshold stays at {calibration.before:.2f}: scores exclude no more than the budget of "
                f"{calibration.budget:g} a device-week pays for{lower}"
            )
        case "raised" if after["a_week"] > calibration.budget and calibration.after >= calibration.before + MOST_MOVED:
            return (
                f"the threshold is {moved}, as far as it may be moved, which leaves {_counted(after)}: "
                "these devices are unlike the reference patients; train a bundle on their recordings (`fedsecure train`)"
            )
        case _:
            return f"the threshold is {moved} for the budget of {calibration.budget:g} a device-week; {same}"


def _counted(figures: dict[str, float]) -> str:
    count = figures["false_exclusions"]
    return f"{count} false exclusion{'' if count == 1 else 's'}"
