"""Fetch a record whose bytes are known beforehand: once, into a folder that keeps it, never other bytes than those."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pooch
import requests

from contracts.errors import Misconfigured, Unavailable
from replay.fetching.errors import NotAvailable
from replay.fetching.server import check_address

CONNECT_S: Final = 5.0
READ_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class PinnedRecord:
    """A record of one subject: a server, the record's folder there, and the SHA-256 of its files, the header first."""

    device_id: str
    server: str
    folder: str
    sha256: Mapping[str, str]

    def is_kept(self, kept: Path) -> bool:
        """Say whether every file is in `kept` already, whatever it holds. Fetching looks at that."""
        return all((kept / self.folder / name).is_file() for name in self.sha256)


def fetch_pinned(record: PinnedRecord, kept: Path, server: str | None = None) -> Path:
    """Return the record's header below `kept`, where its files are as pinned. What is missing or changed is fetched.

    `server`: another one that is laid out the same. Blocks: 5 s at most to connect, 10 s for each answer. Raises NotAvailable
    when a file does not come, Unavailable when other bytes come twice, Misconfigured for a wrong address or folder.
    """
    folder = check_address(server or record.server) + record.folder
    pooch.get_logger().setLevel(logging.WARNING)
    files = pooch.create(kept / record.folder, folder, registry=dict(record.sha256), retry_if_failed=1)
    header, *_ = [_file(files, name) for name in record.sha256]
    return header


def _file(files: pooch.Pooch, name: str) -> Path:
    try:
        return Path(files.fetch(name, downloader=_download))
    except requests.RequestException as error:
        raise _not_available(files.get_url(name), error) from None
    except ValueError:
        raise Unavailable(
            f"{files.get_url(name)} holds other bytes than this version knows, twice, and is not used: it was changed on "
            "the way (a proxy?), or there; --offline goes on with synthetic patients"
        ) from None
    except OSError as error:
        raise Misconfigured(
            f"cannot write to {files.path}: {error.strerror or error}; set FEDSECURE_STATE_DIR to a folder that can be written to"
        ) from None


def _download(url: str, output_file: str, pooch: pooch.Pooch) -> None:
    """Download as pooch does, which tries once more, but not without a connection or for a file that is not there."""
    try:
        _HTTP(url, output_file, pooch)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _not_available(url, error) from None
    except requests.HTTPError as error:
        if error.response is not None and error.response.status_code < 500:
            raise _not_available(url, error) from None
        raise


_HTTP: Final = pooch.HTTPDownloader(timeout=(CONNECT_S, READ_S), headers={"User-Agent": "fedsecure"})


def _not_available(url: str, error: requests.RequestException) -> NotAvailable:
    return NotAvailable(f"{url} does not come ({_reason(error)})")


def _reason(error: requests.RequestException) -> str:
    """Return what went wrong in a few words: a library's own text holds addresses of objects."""
    if error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not connect"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "no connection" if isinstance(error, requests.ConnectionError) else "the answer cannot be read"
