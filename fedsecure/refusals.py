"""The last resort of the command line: what the operating system refuses for a reason that people cause and can mend, as one sentence."""

from __future__ import annotations

import errno
from typing import Final

from contracts.errors import FedSecureError, Misconfigured, Unavailable

_MENDED_BY_ANOTHER_PATH: Final = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST, errno.ENOTEMPTY,
}  # fmt: skip
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
_PORTS: Final = {errno.EADDRINUSE, errno.EADDRNOTAVAIL}


def refusal_of(error: OSError | MemoryError) -> FedSecureError | None:
    """Return the sentence for a refusal that is no bug of ours, or None: then the traceback is wanted."""
    if isinstance(error, MemoryError):
        return Unavailable("there is not enough memory for that: give less at once, or use a larger machine")
    what = f"{error.strerror}: {error.filename}" if error.filename is not None else f"{error.strerror}"
    if error.errno in _MENDED_BY_ANOTHER_PATH:
        return Misconfigured(f"{what}; choose another file or folder, or change who may use it")
    if error.errno in _PORTS:
        return Misconfigured(f"{what}; choose another port or address")
    if error.errno in _FULL:
        return Unavailable(f"{what}; make room and try again")
    if error.errno in _EXHAUSTED:
        return Unavailable(f"{what}; the machine has no more of it to give, or its disk fails")
    return None
