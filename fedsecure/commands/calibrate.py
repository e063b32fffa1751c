"""`fedsecure calibrate`: fit a bundle's threshold to a site's own clean recordings, and say what it excludes wrongly there."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from contracts.errors import FedSecureError, Misconfigured
from fedsecure.output_files import check_target, folder_that_appears_whole, writes_into
from fedsecure.study_output import stage_bars

if TYPE_CHECKING:
    from detectors.bundle.bundle import Bundle
    from detectors.training.sites.calibration import SiteCalibration
    from fedsecure.bundle_cards import SiteDevices


class TooFewDays(FedSecureError):
    """The recordings are too short in all to sign a threshold off by: no bundle was written."""


def calibrate(
    recordings: Annotated[
        list[Path],
        typer.Option(
            help="Files or folders with the site's own clean recordings, as for `fedsecure score`; repeatable. Nobody may have "
            "tampered with them."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the new bundle; it must not exist yet or be empty.")] = Path(
        "calibrated-bundle"
    ),
    *,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the detector to calibrate; else the shipped one.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0.01, max=0.5, help="False exclusions a device-week that are allowed [the bundle's own]."),
    ] = None,
    enrolment: Annotated[
        int | None,
        typer.Option(
            min=120,
            max=20_160,
            help="Enrolment of every device in valid minutes, as the site's workers have it [24 hours where two days are "
            "recorded, else 10].",
        ),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who signs the bundle off [the user's login name].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the tables.")] = False,
) -> None:
    """Judge a site's own clean recordings, say what is excluded wrongly, and sign a bundle off with a threshold that fits.

    Counted are false exclusions a device-week, at the threshold now and at others, with the exact Poisson interval: a device that
    is flagged again more than four hours later counts again. From 100 judged device-days on the threshold may be raised to
    what the budget pays for, from 500 on also lowered, by 1 (a factor of ten in false exclusions) at most. Below 100 it stays, the figures
    are shown with what they are worth, and no bundle is written: thresholds from so little held nowhere else.

    Only the threshold changes. The new bundle's card says who signed, for which devices, on how many days, and the figures before
    and after. Use it with FEDSECURE_BUNDLE_DIR or `--bundle`.

    Exit code 0: a bundle was written (also when the threshold stays); 1: too few device-days; 2: a wrong call.

    Examples:

    - `fedsecure calibrate --recordings ward-7/ --out ward-bundle`

    - `fedsecure calibrate --recordings ward-7/ --budget 0.2 --enrolment 600 --by "Dr Roe" --json`
    """
    from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle, save_bundle
    from fedsecure.bundle_cards import card_record, signed_off

    check_target(out)
    base = load_bundle(bundle or DEFAULT_BUNDLE)
    budget = base.metadata.get("budget") if budget is None else budget
    if budget is None:
        raise Misconfigured("the bundle's card names no budget of false exclusions: give one with --budget")
    calibration, devices = _calibrated(base, recordings, float(budget), enrolment)
    record = card_record(calibration, devices, base, by or getpass.getuser())
    sha256 = None
    if calibration.decision != "too few":
        with writes_into(out), folder_that_appears_whole(out) as folder:
            sha256 = save_bundle(signed_off(base, calibration, record), folder).sha256
    _show(calibration, devices, {"bundle": sha256, **record}, as_json=as_json)
    if sha256 is None:
        raise TooFewDays(f"no bundle is written: {calibration.days:.1f} device-days are too few to sign one off")
    typer.echo(f"bundle {sha256[:12]} in {out}, signed off by {record['signed_off_by']}", err=as_json)


def _calibrated(
    base: Bundle, paths: list[Path], budget: float, enrolment_min: int | None
) -> tuple[SiteCalibration, SiteDevices]:
    from detectors import Detector
    from detectors.training.sites.calibration import calibrated_site
    from detectors.training.sites.judging import judged_devices
    from fedsecure.bundle_cards import SiteDevices, reference_names
    from replay.sources import read_recordings

    recordings = read_recordings(paths)
    model = Detector.of(base).model
    with stage_bars(("judging",)) as progress:
        judged, short = judged_devices(
            model, recordings, enrolment_min, lambda share, text: progress("judging", share, text)
        )
    names = [device.device_id for device in judged]
    if not any(device.judged.any() for device in judged):
        raise Misconfigured(
            f"none of {len(recordings)} recordings goes on for four hours after its enrolment: nothing is judged"
        )
    known = sorted(reference_names(base) & set(names))
    calibration = calibrated_site(judged, base.parameters.threshold, budget, may_lower=not known)
    return calibration, SiteDevices(names, short, known)


def _show(calibration: SiteCalibration, devices: SiteDevices, record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        from experiments.report.numbers import json_bytes
        from fedsecure.bundle_cards import full_record

        sys.stdout.write(json_bytes(full_record(calibration, record)).decode())
        return

    from fedsecure.tables.site import site_tables

    typer.echo(
        f"bundle {str(record['base'])[:12]}: {len(devices.judged)} devices, {calibration.days:.1f} device-days judged after "
        f"the enrolment, budget {calibration.budget:g} false exclusions a device-week"
    )
    Console().print(site_tables(calibration, devices))
