"""Released bundles as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from contracts.releases import BundleRelease
from fedsecure.wall_time import utc_text

SHORT: Final = 8
CHANGE: Final = ": change"


def release_table(releases: Sequence[BundleRelease]) -> Table:
    """Return one row a release, the last of which counts; narrow enough for 80 columns, the rest is for `--json`."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("release", "kind", "bundle", "over", "model", "when (UTC)"):
        table.add_column(name, no_wrap=True, justify="right" if name == "release" else "left")
    table.add_column("why")
    for one in releases:
        is_current = one is releases[-1]
        table.add_row(
            str(one.release),
            str(one.kind),
            Text(one.bundle_sha256[:SHORT], style="green" if is_current else ""),
            (one.parent_sha256 or "-")[:SHORT],
            (one.model_sha256 or "-")[:SHORT],
            utc_text(one.released_at),
            _why(one),
        )
    return table


def _why(release: BundleRelease) -> str:
    """The reason, and for a promotion by how much each figure of its canary changed."""
    changes = [
        f"{name.removesuffix(CHANGE)} {value:+.3f}" for name, value in release.canary.items() if name.endswith(CHANGE)
    ]
    return "; ".join([release.reason, *changes])
