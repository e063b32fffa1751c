"""Registered keys as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from contracts.errors import Misconfigured
from contracts.federation import DeviceKey
from contracts.signing import key_id_of, public_bytes_of
from fedsecure.wall_time import utc_text
from fl_device.keys.folder import KeyFolder


def key_table(keys: Sequence[DeviceKey], folder: KeyFolder) -> Table:
    """Return one row a device; the last column says what `folder` holds of its key. Reads the files of the folder."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("device", "key", "registered (UTC)", "state", "private key here"):
        table.add_column(name, no_wrap=True)
    for key in keys:
        table.add_row(key.device_id, key.key_id, utc_text(key.registered_at), _state(key), _here(key, folder))
    return table


def _state(key: DeviceKey) -> Text:
    if key.revoked_at is None:
        return Text("valid", style="green")
    return Text(f"revoked {utc_text(key.revoked_at)}", style="red")


def _here(key: DeviceKey, folder: KeyFolder) -> str:
    if not folder.has(key.device_id):
        return "no"
    try:
        found = key_id_of(public_bytes_of(folder.load(key.device_id)))
    except Misconfigured:
        return "not readable"
    return "yes" if found == key.key_id else f"another one, {found}"
