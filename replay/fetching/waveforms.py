"""Which numerics records of PhysioNet's MIMIC waveform databases to fetch: by patients or by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from contracts.errors import Misconfigured
from replay.fetching.catalogue import listed_names, named
from replay.fetching.errors import NotThere
from replay.fetching.server import Server
from replay.sources.wfdb_numerics import RECORD_LIST

RECORD_NAME: Final = re.compile(r"([A-Za-z0-9_-]+/)+[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Database:
    """A database on a server. A record lies `levels` folders below its patient's."""

    base_url: str
    record_list: str
    example: str
    levels: int


MIMIC3: Final = Database(
    "https://physionet.org/files/mimic3wdb-matched/1.0/", RECORD_LIST, "p00/p000020/p000020-2183n", 0
)
MIMIC4: Final = Database(
    "https://physionet.org/files/mimic4wdb/0.1.0/", "RECORDS", "waves/p100/p10014354/81739927/81739927", 1
)


def database_records(server: Server, database: Database, patients: int, wanted: Sequence[str] = ()) -> list[str]:
    """Return the records of the first `patients` patients of the database, or those that are `wanted` by name instead.

    Blocks. Raises Misconfigured for a wrong address or a name that is not listed, Unavailable without network.
    """
    try:
        text = server.text(database.record_list)
    except NotThere:
        raise Misconfigured(
            f"{server.base_url} has no {database.record_list}; --base-url names the folder that holds it"
        ) from None
    if not text.strip():
        raise Misconfigured(f"{server.base_url}{database.record_list} is empty; --base-url names another folder")
    if wanted:
        return named(listed_names(text, database.record_list, database.example, RECORD_NAME), wanted)
    return first_patients(text, database, patients)


def first_patients(record_list: str, database: Database, patients: int) -> list[str]:
    """Return the records of the first `patients` patients of a list, in its order.

    Raises Misconfigured for a line that is no record name: it would become a path on this machine.
    """
    names = listed_names(record_list, database.record_list, database.example, RECORD_NAME)
    of_patient = {name: PurePosixPath(name).parents[database.levels] for name in names}
    first = list(dict.fromkeys(of_patient.values()))[:patients]
    return [name for name, patient in of_patient.items() if patient in first]
