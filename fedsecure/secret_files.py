"""Secrets as files: each file of the folder FEDSECURE_SECRETS_DIR stands for the variable that it is named after."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from contracts.errors import Misconfigured

FOLDER = "FEDSECURE_SECRETS_DIR"


def take_secrets(environ: MutableMapping[str, str]) -> None:
    """Put what the files hold into `environ`, where a variable does not stand already; without the folder's variable do nothing.

    Raises Misconfigured, without a word of what they hold, for a folder or file that cannot be read and for a name that is no setting.
    """
    if not (folder := environ.get(FOLDER)):
        return
    from contracts.settings import Settings, variable_of

    known = {variable_of(name) for name in Settings.model_fields}
    try:
        found = {path.name: path.read_text().strip() for path in sorted(Path(folder).iterdir()) if path.is_file()}
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{FOLDER}: {getattr(error, 'strerror', None) or 'no text'}: {folder}") from None
    if unknown := sorted(set(found) - known):
        raise Misconfigured(f"{FOLDER}: no setting is named {', '.join(unknown)} (docs/configuration.md has them all)")
    for name, value in found.items():
        environ.setdefault(name, value)
