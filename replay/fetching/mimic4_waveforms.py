"""Which numerics of the MIMIC-IV Waveform Database to fetch: by patients or by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from contracts.errors import Misconfigured
from replay.fetching.catalogue import listed_names, named
from replay.fetching.errors import NotThere
from replay.fetching.server import Server

BASE_URL: Final = "https://physionet.org/files/mimic4wdb/0.1.0/"
RECORD_LIST: Final = "RECORDS"
RECORD_NAME: Final = re.compile(r"([A-Za-z0-9_-]+/)+[A-Za-z0-9_-]+")
EXAMPLE: Final = "waves/p100/p10014354/81739927/81739927"


def numerics_records(server: Server, patients: int, wanted: Sequence[str] = ()) -> list[str]:
    """Return the records of the first `patients` patients of the database, or those that are `wanted` by name instead.

    A record is `…/<patient>/<record>/<record>`. Blocks. Raises Misconfigured for a wrong address or a name that is not
    listed, Unavailable without network.
    """
    try:
        listed = list(listed_names(server.text(RECORD_LIST), RECORD_LIST, EXAMPLE, RECORD_NAME))
    except NotThere:
        raise Misconfigured(
            f"{server.base_url} has no {RECORD_LIST}; --base-url names the folder that holds it"
        ) from None
    if not listed:
        raise Misconfigured(f"{server.base_url}{RECORD_LIST} is empty; --base-url names another folder")
    if wanted:
        return named(listed, wanted)
    of_patient = {name: PurePosixPath(name).parent.parent for name in listed}
    first = list(dict.fromkeys(of_patient.values()))[:patients]
    return [name for name, patient in of_patient.items() if patient in first]
