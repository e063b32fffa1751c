"""The `fedsecure` command: collects the commands and turns our errors into one clear sentence."""

from __future__ import annotations

import errno
import io
import os
import sys
from importlib import import_module
from typing import Final, NoReturn

import typer

from contracts.configuration.secret_files import take_secrets
from contracts.errors import FedSecureError, Misconfigured, Unavailable
from fedsecure.extras import lacking

COMMANDS = (
    "demo", "stack", "secure", "topics", "replay", "attacks", "ingest", "worker", "coordinator", "device", "status", "gate", "console",
    "models", "promote", "bundles", "rollback", "score", "train", "calibrate", "evaluate", "fetch", "cohort", "inspect", "synthetic", "paper", "federate", "export",
)  # fmt: skip

_MENDED_BY_ANOTHER_PATH: Final = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST, errno.ENOTEMPTY,
}  # fmt: skip
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
_PORTS: Final = {errno.EADDRINUSE, errno.EADDRNOTAVAIL}

app = typer.Typer(
    name="fedsecure",
    help="Keeps poisoned medical devices out of federated models: streams vitals, judges devices, gates rounds.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name in COMMANDS:
    _command = getattr(import_module(f"fedsecure.commands.{_name}"), _name)
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name)
    else:
        app.command(_name)(_command)


def main() -> None:
    """Run the command line. Exit 2 for a wrong call, 1 for a failure, 130 for Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal may know fewer letters, and a file's name may be no text.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        try:
            take_secrets(os.environ)
            app()
        finally:
            sys.stdout.flush()  # else a full disk or a reader that has gone is noticed when nobody can say so any more
    except FedSecureError as error:
        _end(error)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except (OSError, MemoryError) as error:
        if (refusal := refusal_of(error)) is None:
            raise
        _end(refusal)
    except ModuleNotFoundError as error:
        if (missing := lacking(error)) is None:
            raise
        _end(missing)
    except KeyboardInterrupt:
        sys.exit(130)


def _end(error: FedSecureError) -> NoReturn:
    typer.secho(f"fedsecure: {error}", fg="red", err=True)
    sys.exit(2 if isinstance(error, Misconfigured) else 1)


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
