"""One small valid file of every format that is read, written by us: what a test damages."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from vitaldb import VitalFile

START = datetime(2150, 1, 1, tzinfo=UTC)
MINUTES = 12
HEART = [80 + index % 5 for index in range(MINUTES)]
BREATH = [15 + index % 3 for index in range(MINUTES)]


@dataclass(frozen=True)
class ValidFile:
    """`name` is read, `parts` are all files that belong to it; `rows` says that its lines below `head` may come in any order."""

    name: str
    parts: dict[str, bytes]
    head: int | None = None


def text(name: str, header: str, row: Callable[[int], str], head: int = 1, count: int = MINUTES) -> ValidFile:
    body = "\n".join([header, *(row(index) for index in range(count))]) + "\n"
    return ValidFile(name, {name: body.encode()}, head)


def at(minute: int, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    return (START + timedelta(minutes=minute)).strftime(form)


def wfdb() -> ValidFile:
    lines = [
        f"p7 2 0.0166666666667 {MINUTES} 10:30:00 01/01/2150",
        "p7.dat 16 10/bpm 16 0 0 0 0 HR",
        "p7.dat 16 10/pm 16 0 0 0 0 RESP",
    ]
    values = 10 * np.stack([HEART, BREATH], axis=1)
    return ValidFile("p7.hea", {"p7.hea": "\n".join(lines).encode(), "p7.dat": values.astype("<i2").tobytes()})


def parquet() -> ValidFile:
    times = pa.array([START + timedelta(minutes=minute) for minute in range(MINUTES)], pa.timestamp("ms", "UTC"))
    columns = {"device_id": ["bed-1"] * MINUTES, "observed_at": times, "heart_rate_bpm": HEART, "resp_rate_bpm": BREATH}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return ValidFile("ward.parquet", {"ward.parquet": file.getvalue()})


def vital(folder: Path) -> ValidFile:
    case = VitalFile()
    for name, values in (("Solar8000/HR", HEART), ("Solar8000/RR", BREATH)):
        case.add_track(
            name, [{"dt": 1_700_000_040 + 60.0 * index, "val": float(value)} for index, value in enumerate(values)]
        )
    case.to_vital(str(folder / "0001.vital"))
    return ValidFile("0001.vital", {"0001.vital": (folder / "0001.vital").read_bytes()})


def mimic4() -> ValidFile:
    rows = text("834n.csv", "time,HR [bpm],RR [rpm]", lambda i: f"{20 * 100 * i},{HEART[i]},{BREATH[i]}")
    body = gzip.compress(rows.parts["834n.csv"], mtime=0)
    return ValidFile("834n.csv.gz", {"834n.csv.gz": body, "834.hea": b"834/1 2 62.5/100 9000 10:30:00 01/01/2150\n"})


def observation(code: str, minute: int, value: int) -> dict[str, object]:
    return {
        "resourceType": "Observation", "status": "final", "device": {"reference": "Device/bed-1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "effectiveDateTime": at(minute),
        "valueQuantity": {"value": value, "code": "/min"},
    }  # fmt: skip


def fhir() -> tuple[ValidFile, ValidFile]:
    both = [
        observation(code, i, rates[i])
        for i in range(MINUTES)
        for code, rates in (("8867-4", HEART), ("9279-1", BREATH))
    ]
    lines = "\n".join(map(json.dumps, both)) + "\n"
    bundle = {"resourceType": "Bundle", "entry": [{"resource": each} for each in both]}
    return (
        ValidFile("x.ndjson", {"x.ndjson": lines.encode()}, 0),
        ValidFile("x.json", {"x.json": json.dumps(bundle, indent=1).encode()}),
    )


def tables() -> list[ValidFile]:
    """The formats that are one text table; the seconds of those that average are a minute apart, so that each row is a minute."""
    day_first = "%d-%m-%Y %H:%M:%S.000"
    return [
        text("ward.csv", "device_id,observed_at,heart_rate_bpm,resp_rate_bpm", lambda i: f"bed-1,{at(i)},{HEART[i]},{BREATH[i]}"),
        text("CHARTEVENTS.csv", "SUBJECT_ID,ITEMID,CHARTTIME,VALUENUM,ERROR",
             lambda i: f"7,{211 if i % 2 else 618},{at(30 * (i // 2), '%Y-%m-%d %H:%M:%S')},{HEART[i] if i % 2 else BREATH[i]},0"),
        text("vitalPeriodic.csv", "patientunitstayid,observationoffset,heartrate,respiration", lambda i: f"7,{5 * i},{HEART[i]},{BREATH[i]}"),
        text("a7n.csv", "'Time','HR','RESP'\n'hh:mm:ss dd/mm/yyyy','bpm','pm'",
             lambda i: f"'[{at(i, '%H:%M:%S %d/%m/%Y')}]',{HEART[i]},{BREATH[i]}", head=2),
        text("0001.csv", "Time,Solar8000/HR,Solar8000/RR", lambda i: f"{60 * i},{HEART[i]},{BREATH[i]}"),
        text("bed.csv", "Time,NOM_ECG_CARD_BEAT_RATE,NOM_RESP_RATE", lambda i: f"{at(i, day_first)},{HEART[i]},{BREATH[i]}"),
        text("shirt.csv", "time [s/256],heart_rate [bpm],breathing_rate [rpm]", lambda i: f"{256 * 60 * i},{HEART[i]},{BREATH[i]}"),
        text("zephyr.csv", "Time,HR,BR", lambda i: f"{at(i, '%d/%m/%Y %H:%M:%S')},{HEART[i]},{BREATH[i]}"),
        text("bidmc_01_Numerics.csv", "Time [s], HR, RESP", lambda i: f"{60 * i},{HEART[i]},{BREATH[i]}"),
        text("7.txt", "Time,Parameter,Value", lambda i: f"{i // 2:02d}:00,{'HR' if i % 2 else 'RespRate'},{HEART[i] if i % 2 else BREATH[i]}"),
    ]  # fmt: skip


def all_valid_files(folder: Path) -> list[ValidFile]:
    """Return a valid file of every format; `folder` is room for making one."""
    plain = tables()
    zipped = ValidFile("ward.csv.gz", {"ward.csv.gz": gzip.compress(plain[0].parts["ward.csv"], mtime=0)})
    return [*plain, zipped, wfdb(), parquet(), mimic4(), vital(folder), *fhir()]
