"""Private keys of devices as files that only their owner can read."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id
from contracts.signing import from_pem, to_pem
from transport.atomic_write import write_temporary

FOLDER_MODE = 0o700


class KeyFolder:
    """Reads a key anew each time it is asked for, so that a replaced file counts at once. Blocks. Raises Misconfigured.

    A file is written whole under another name and then takes its place, so that nobody ever reads half a key. A rotation
    waits in `<device>.pem.new` until its public half is registered: whatever is interrupted, no registered key is lost.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, device_id: str) -> Path:
        """Return where a device's key lies, or would. An id is never a path (contracts.identifiers)."""
        return self.folder / f"{check_device_id(device_id)}.pem"

    def has(self, device_id: str) -> bool:
        """Whether there is a key file for this device."""
        return self.path(device_id).is_file()

    def load(self, device_id: str) -> Ed25519PrivateKey:
        """Return the device's key. Says how to make one when there is none."""
        if not self.has(device_id):
            raise Misconfigured(
                f"{device_id} has no key in {self.folder}: `fedsecure device register {device_id}` makes and registers one"
            )
        return _read(self.path(device_id))

    def load_or_create(self, device_id: str) -> Ed25519PrivateKey:
        """Return the device's key, made now if there is none."""
        if not self.has(device_id):
            written = self._write(Ed25519PrivateKey.generate())
            try:
                # A link, not a rename: of two that create at once, the first stays.
                with contextlib.suppress(FileExistsError):
                    os.link(written, self.path(device_id))
            except OSError as error:
                raise self._unwritable(error) from None
            finally:
                written.unlink()
        return self.load(device_id)

    def prepare_rotation(self, device_id: str) -> Ed25519PrivateKey:
        """Return a new key that waits beside the present one. One that waits already is replaced."""
        key = Ed25519PrivateKey.generate()
        self._write(key).replace(self._waiting(device_id))
        return key

    def prepared(self, device_id: str) -> Ed25519PrivateKey | None:
        """Return the key that waits, if a rotation was begun and not finished."""
        waiting = self._waiting(device_id)
        return _read(waiting) if waiting.is_file() else None

    def finish_rotation(self, device_id: str) -> None:
        """Put the key that waits in the place of the present one, in one step."""
        try:
            self._waiting(device_id).replace(self.path(device_id))
        except OSError as error:
            raise self._unwritable(error) from None

    def _waiting(self, device_id: str) -> Path:
        return self.path(device_id).with_suffix(".pem.new")

    def _write(self, key: Ed25519PrivateKey) -> Path:
        """Write a key to a file of its own and return it. The file is never readable by others, not even at first."""
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            return write_temporary(self.folder, to_pem(key), prefix=".")
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> Misconfigured:
        return Misconfigured(
            f"cannot write to {self.folder} ({error.strerror}): choose another folder with --key-dir or "
            "FEDSECURE_DEVICE_KEY_DIR"
        )


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            pem = file.read()
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror})") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Misconfigured(
            f"{path} is open to others than its owner (mode {mode:04o}): `chmod 600 {path}`, or better "
            "`fedsecure device rotate`, as somebody may have read it"
        )
    try:
        return from_pem(pem)
    except Misconfigured as error:
        raise Misconfigured(f"{path}: {error}") from None
