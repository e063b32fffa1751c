"""Models, releases, canaries and keys as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from contracts.errors import Misconfigured
from contracts.messages.federation import DeviceKey
from contracts.messages.releases import BundleRelease
from contracts.signing import key_id_of, public_bytes_of
from detectors.training.canaries.verdict import CanaryResult
from fedsecure.tables import plain_table
from fl_coordinator.models.lineage import ModelLine
from fl_device.keys.folder import KeyFolder

SHORT: Final = 8
CHANGE: Final = ": change"
STYLES: Final = {"current": "green", "earlier": "", "rejected": "red", "never committed": "yellow"}


def model_table(lines: Sequence[ModelLine]) -> Table:
    """Return one row a model, in the order given. Narrow enough for 80 columns, the rest is for `--json`.

    Behind a model's standing: by how much higher the devices found its loss than that of the model before.
    """
    numbers = ("round", "devices", "loss")
    table = plain_table(("round", "model", "from", "made (UTC)", "devices", "loss", ""), right=numbers)
    for line in lines:
        table.add_row(
            str(line.round),
            line.sha256[:SHORT],
            (line.parent_sha256 or "-")[:SHORT],
            "-" if line.made_at is None else utc_text(line.made_at),
            str(len(line.devices) or "-"),
            "-" if line.loss is None else f"{line.loss:.4f}",
            Text(line.state if line.change is None else f"{line.state} {line.change:+.1%}", style=STYLES[line.state]),
        )
    return table


def release_table(releases: Sequence[BundleRelease]) -> Table:
    """Return one row a release, the last of which counts. Narrow enough for 80 columns, the rest is for `--json`."""
    table = plain_table(("release", "kind", "bundle", "over", "model", "when (UTC)"), right=("release",))
    table.add_column("why")
    for release in releases:
        is_current = release is releases[-1]
        table.add_row(
            str(release.release),
            str(release.kind),
            Text(release.bundle_sha256[:SHORT], style="green" if is_current else ""),
            (release.parent_sha256 or "-")[:SHORT],
            (release.model_sha256 or "-")[:SHORT],
            utc_text(release.released_at),
            _why(release),
        )
    return table


def _why(release: BundleRelease) -> str:
    """The reason, and for a promotion by how much each figure of its canary changed."""
    changes = [
        f"{name.removesuffix(CHANGE)} {value:+.3f}" for name, value in release.canary.items() if name.endswith(CHANGE)
    ]
    return "; ".join([release.reason, *changes])


def canary_table(result: CanaryResult) -> Table:
    """Return one row a figure, for 80 columns: the value now and with the new bundle, the change with its interval, the amount."""
    numbers = ("now", "new", "change", "95 % interval", "n")
    table = plain_table(("figure", *numbers, ""), right=numbers)
    table.columns[0].no_wrap = False
    for figure in result.figures:
        verdict = Text("ok", style="green") if figure.holds else Text("worse", style="red")
        interval = f"{figure.low:+.3f} to {figure.high:+.3f}"
        cells = (f"{figure.current:.3f}", f"{figure.candidate:.3f}", f"{figure.change:+.3f}", interval, f"{figure.n:g}")
        table.add_row(figure.name, *cells, verdict)
    return table


def key_table(keys: Sequence[DeviceKey], folder: KeyFolder) -> Table:
    """Return one row a device. The last column says what `folder` holds of its key. Reads the files of the folder."""
    table = plain_table(("device", "key", "registered (UTC)", "state", "private key here"))
    for key in keys:
        table.add_row(
            key.device_id, key.key_id, utc_text(key.registered_at), _key_state(key), _private_key_here(key, folder)
        )
    return table


def _key_state(key: DeviceKey) -> Text:
    if key.revoked_at is None:
        return Text("valid", style="green")
    return Text(f"revoked {utc_text(key.revoked_at)}", style="red")


def _private_key_here(key: DeviceKey, folder: KeyFolder) -> str:
    if not folder.has(key.device_id):
        return "no"
    try:
        key_id = key_id_of(public_bytes_of(folder.load(key.device_id)))
    except Misconfigured:
        return "not readable"
    return "yes" if key_id == key.key_id else f"another one, {key_id}"


def utc_text(at: float) -> str:
    """Return epoch seconds as date and time in UTC, to the second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
