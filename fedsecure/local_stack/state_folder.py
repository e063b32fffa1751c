"""Which folder holds the local stack's data, logs and records."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_state_path


def default_state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return `FEDSECURE_STATE_DIR`, else `.state` of the checkout around the current folder, else the user's state folder."""
    if given := environ.get("FEDSECURE_STATE_DIR"):
        return Path(given).absolute()
    here = Path.cwd()
    checkout = next((folder for folder in (here, *here.parents) if _is_checkout(folder)), None)
    # Elsewhere one folder for all: a stack that was started in one folder is found from any other.
    return user_state_path("fedsecure", appauthor=False) if checkout is None else checkout / ".state"


def _is_checkout(folder: Path) -> bool:
    try:
        with (folder / "pyproject.toml").open("rb") as file:
            return bool(tomllib.load(file).get("project", {}).get("name") == "fedsecure")
    except (OSError, ValueError):
        return False
