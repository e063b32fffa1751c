"""The two recordings of the demo: fetched from PhysioNet once, or synthetic patients where they cannot be had."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from contracts.errors import Misconfigured
from replay.attacks import AttackSpec
from replay.fetching.errors import NotAvailable
from replay.fetching.pinned import PinnedRecord, fetch_pinned
from replay.recording import Recording
from replay.sources.synthetic import synthetic_recording
from replay.sources.wfdb_numerics import RECORD_LIST, read_wfdb_numerics

ALL: Final = "demo"
RECORDS: Final = (
    PinnedRecord(
        "p000020",
        "https://physionet.org/files/",
        "mimic3wdb-matched/1.0/p00/p000020/",
        {
            "p000020-2183-04-28-17-47n.hea": "c30e1b9e99da36eca1b67b297d08cb7281c733e4a12bd63616287275ac4f1a2b",
            "3544749n.dat": "b0808651fb543dd7eb5923bdd1f44a8ff40ec0b6e9c877ae51fe3abf683d3f9e",
        },
    ),
    PinnedRecord(
        "s00001",
        "https://archive.physionet.org/physiobank/database/",
        "mimic2wdb/matched/s00001/",
        {
            "s00001-2896-10-10-00-31n.hea": "37ef4981e71893163fef88644b0833371a5b789816a063ef09546ac276671266",
            "3975656n.dat": "0b6a76fd2473e0582735ed24751f225064a244ce51ec50fd55cc2dfaecb08db1",
        },
    ),
)
SOURCES: Final = {
    "p000020": "MIMIC-III Waveform Database Matched Subset 1.0, https://doi.org/10.13026/c2294b, Moody et al. 2020, under the "
    "Open Database License 1.0",
    "s00001": "MIMIC-II Waveform Database Matched Subset, open access",
}
CITE: Final = "cite PhysioNet: Goldberger et al., Circulation 2000;101(23):e215-e220"

STAND_IN_SEED: Final = 18
STAND_IN_MINUTES: Final = {"p000020": 1315, "s00001": 1936}  # as long as the records: what fits them fits these
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoRecords:
    """Where the records' headers are, and which synthetic patient is in whose place, both by the record's device id.

    A synthetic patient has an id of its own: a device whose profile was learnt from one patient never goes on as another.
    """

    headers: Mapping[str, Path]
    stand_ins: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """The records' own device ids, in their order."""
        return [record.device_id for record in RECORDS if record.device_id in {*self.headers, *self.stand_ins}]

    @property
    def device_ids(self) -> list[str]:
        """The devices that will stream, in the records' order."""
        return [self.device_of(name) for name in self.names]

    def recordings(self) -> list[Recording]:
        """Return the recordings in the records' order. Reads files."""
        return [
            stand_in(name) if name in self.stand_ins else read_wfdb_numerics(self.headers[name]) for name in self.names
        ]

    def device_of(self, name: str) -> str:
        """Return the device in the place of a record, or of one of its repetitions (`-r2`). Other names stay as they are."""
        record = re.sub(r"-r\d+$", "", name)
        return self.stand_ins.get(record, record) + name.removeprefix(record)

    def redirected(self, attacks: Sequence[AttackSpec]) -> list[AttackSpec]:
        """Return the attacks, those on a record that could not be had on the patient in its place."""
        return [
            replace(attack, device=self.device_of(attack.device), donor=attack.donor and self.device_of(attack.donor))
            for attack in attacks
        ]


def wanted_records(names: Sequence[str]) -> list[PinnedRecord]:
    """Return the records that are asked for by id, or all by `demo`. Raises Misconfigured for another name."""
    known = [record.device_id for record in RECORDS]
    for name in names:
        if name not in {ALL, *known}:
            raise Misconfigured(f"there is no demo record {name!r}: use {ALL}, {', '.join(known)}")
    return [record for record in RECORDS if ALL in names or record.device_id in names]


def demo_records(
    records: Sequence[PinnedRecord], kept: Path, *, server: str | None = None, offline: bool = False, say: Say
) -> DemoRecords:
    """Return the records, fetched into `kept` where they are not yet, or synthetic patients in their place.

    `say` is told of what was fetched, and in one line of what could not be. Blocks (see `fetch_pinned`, the records at
    once). `offline`: nothing is fetched, all are synthetic. Raises Unavailable for a record that is not as pinned.
    """
    if offline:
        replacements = all_synthetic(records)
        if records:
            say(f"offline: {_in_place(replacements.stand_ins)}")
        return replacements
    new = [record.device_id for record in records if not record.is_kept(kept)]
    headers, failures = _fetched(records, kept, server)
    if fetched := [name for name in new if name in headers]:
        _list_records(kept)
        say(f"fetched {' and '.join(f'{name} ({SOURCES[name]})' for name in fetched)}; {CITE}")
    stand_ins = all_synthetic([record for record in records if record.device_id in failures]).stand_ins
    if failures:
        say(f"{next(iter(failures.values()))}: {_in_place(stand_ins)}")
    return DemoRecords(headers, stand_ins)


def all_synthetic(records: Sequence[PinnedRecord] = RECORDS) -> DemoRecords:
    """Return a synthetic patient in the place of each record."""
    return DemoRecords({}, {record.device_id: f"synthetic-{record.device_id}" for record in records})


def _fetched(records: Sequence[PinnedRecord], kept: Path, server: str | None) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the headers of the records that are here now, and why the others are not, both by device id."""
    headers: dict[str, Path] = {}
    failures: dict[str, str] = {}
    with ThreadPoolExecutor(len(RECORDS)) as pool:
        fetches = {record.device_id: pool.submit(fetch_pinned, record, kept, server) for record in records}
    for name, fetch in fetches.items():
        try:
            headers[name] = fetch.result()
        except NotAvailable as error:
            failures[name] = str(error)
    return headers, failures


def stand_in(name: str) -> Recording:
    """Return the synthetic patient in the place of a record: as long, on tenths as its monitor, under an id of its own.

    It has no pulse, so that attacks on its heart rate are found by network and statistics, not by the rule that compares them.
    """
    index = list(STAND_IN_MINUTES).index(name)
    made = synthetic_recording(STAND_IN_SEED, index, STAND_IN_MINUTES[name], resolution_bpm=0.1)
    return replace(made, device_id=f"synthetic-{name}", origin=f"synthetic patient in place of {name}", pulse_bpm=None)


def _list_records(kept: Path) -> None:
    """List what is kept whole, so that the folder can be read as one of WFDB records."""
    whole = [
        record.folder + next(iter(record.sha256)).removesuffix(".hea") for record in RECORDS if record.is_kept(kept)
    ]
    (kept / RECORD_LIST).write_text("\n".join(whole) + "\n", encoding="utf-8")


def _in_place(stand_ins: Mapping[str, str]) -> str:
    names, devices = (" and ".join(ids) for ids in (stand_ins, stand_ins.values()))
    if len(stand_ins) == 1:
        return f"a synthetic patient takes the place of {names} (device {devices})"
    return f"synthetic patients take the places of {names} (devices {devices})"
