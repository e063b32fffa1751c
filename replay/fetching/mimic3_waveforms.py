"""Which numerics records of PhysioNet's MIMIC-III waveform database, matched subset, to fetch: by patients or by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from contracts.errors import Misconfigured
from replay.fetching.catalogue import listed_names, named
from replay.fetching.errors import NotThere
from replay.fetching.server import Server
from replay.sources.wfdb_numerics import RECORD_LIST

BASE_URL: Final = "https://physionet.org/files/mimic3wdb-matched/1.0/"
RECORD_NAME: Final = re.compile(r"([A-Za-z0-9_-]+/)+[A-Za-z0-9_-]+")
EXAMPLE: Final = "p00/p000020/p000020-2183n"


def matched_records(server: Server, patients: int, wanted: Sequence[str] = ()) -> list[str]:
    """Return the records of the first `patients` patients of the database, or those that are `wanted` by name instead.

    Blocks. Raises Misconfigured for a wrong address or a name that is not listed, Unavailable without network.
    """
    try:
        record_list = server.text(RECORD_LIST)
    except NotThere:
        raise Misconfigured(
            f"{server.base_url} has no {RECORD_LIST}; --base-url names the folder that holds it"
        ) from None
    if not record_list.strip():
        raise Misconfigured(f"{server.base_url}{RECORD_LIST} is empty; --base-url names another folder")
    if wanted:
        return named(_names(record_list), wanted)
    return choose_records(record_list, patients)


def choose_records(record_list: str, patients: int) -> list[str]:
    """Return the records of the first `patients` patients (folders) of a RECORDS-numerics, in its order.

    Raises Misconfigured for a line that is no record name: it would become a path on this machine.
    """
    chosen: dict[str, list[str]] = {}
    for name in _names(record_list):
        patient = str(PurePosixPath(name).parent)
        if patient not in chosen and len(chosen) == patients:
            break
        chosen.setdefault(patient, []).append(name)
    return [name for names in chosen.values() for name in names]


def _names(record_list: str) -> Iterator[str]:
    return listed_names(record_list, RECORD_LIST, EXAMPLE, RECORD_NAME)
