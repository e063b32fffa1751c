"""Settings that files hold, a file each, as orchestrators mount secrets."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from contracts.configuration.settings import Settings, variable_of
from contracts.errors import Misconfigured

SECRETS_FOLDER = "FEDSECURE_SECRETS_DIR"


def take_secrets(environ: MutableMapping[str, str]) -> None:
    """Put what the files hold into `environ`, where a variable does not stand already. Without the folder's variable do nothing.

    Raises Misconfigured, without a word of what they hold, for a folder or file that cannot be read and for a name that is no setting.
    """
    if not (folder := environ.get(SECRETS_FOLDER)):
        return
    known = {variable_of(name) for name in Settings.model_fields}
    try:
        values = {path.name: path.read_text().strip() for path in sorted(Path(folder).iterdir()) if path.is_file()}
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{SECRETS_FOLDER}: {getattr(error, 'strerror', None) or 'no text'}: {folder}") from None
    if unknown := sorted(set(values) - known):
        raise Misconfigured(
            f"{SECRETS_FOLDER}: no setting is named {', '.join(unknown)} (docs/configuration.md has them all)"
        )
    for name, value in values.items():
        environ.setdefault(name, value)
