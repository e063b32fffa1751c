"""Exports of monitors, shirts and data bases are read with the traps that each of them has."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from replay.recording import Recording
from replay.sources import read_recordings, read_sources

NAN = np.nan


def read(path: Path, text: str) -> Recording:
    path.write_text(text)
    (recording,) = read_recordings([path])
    return recording


def begins(recording: Recording) -> str:
    return f"{from_event_minute(recording.first_event_minute):%Y-%m-%d %H:%M}"


def refusal(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(Misconfigured) as refused:
        read_recordings([path])
    return str(refused.value)


def test_eicu_rows_of_five_minutes_stay_where_they_are(tmp_path: Path) -> None:
    rows = ["20,141,10,84,18", "21,141,-5,80,16", "22,141,5,82,", "23,242,5,0,20", "24,242,10,60,20"]
    path = tmp_path / "vitalPeriodic.csv"
    path.write_text("vitalperiodicid,patientunitstayid,observationoffset,heartrate,respiration\n" + "\n".join(rows))
    first, second = read_recordings([path])
    assert (first.device_id, first.minutes, begins(first)) == ("eicu-141", 16, "2099-12-31 23:55")
    assert first.heart_rate_bpm[[0, 10, 15]].tolist() == [80, 82, 84]
    assert np.isnan(first.heart_rate_bpm).sum() == 13
    assert (second.device_id, second.resolution_bpm) == ("eicu-242", 1.0)
    assert "line 2, column observationoffset: '5.5' is not a whole number" in refusal(
        path, "patientunitstayid,observationoffset,heartrate,respiration\n1,5.5,80,15\n"
    )


@pytest.mark.parametrize("columns", ["'Time and date','HR','RESP','PULSE'", "'Elapsed time','RESP','HR'"])
def test_rdsamp_csv_is_read_in_any_order_of_columns(tmp_path: Path, columns: str) -> None:
    is_dated = "date" in columns
    times = [f"'[10:{minute:02d}:00 01/02/2150]'" if is_dated else f"{minute}:00.000" for minute in range(3)]
    rates = [("80.5", "15"), ("0.000", "16"), ("-", "17")]
    rows = [f"{at},{hr},{rr},81" if is_dated else f"{at},{rr},{hr}" for at, (hr, rr) in zip(times, rates, strict=True)]
    units = "'hh:mm:ss dd/mm/yyyy','bpm','pm','bpm'" if is_dated else "'mm:ss','pm','bpm'"
    recording = read(tmp_path / "a40439n.csv", "\n".join([columns, units, *rows]))
    assert (recording.device_id, begins(recording)) == (
        "a40439",
        "2150-02-01 10:00" if is_dated else "2100-01-01 00:00",
    )
    np.testing.assert_array_equal(recording.heart_rate_bpm, [80.5, NAN, NAN])
    assert recording.resp_rate_bpm.tolist() == [15, 16, 17]
    assert (recording.resolution_bpm, recording.resp_resolution_bpm) == (0.1, 1.0)


def test_a_hexoskin_says_seventy_and_ten_until_it_measures(tmp_path: Path) -> None:
    start = 256 * 1_700_000_040  # 22:14:00
    rows = [f"{start + 256 * second},{'70,10' if second < 40 else '90,20'}" for second in range(120)]
    header = "time [s/256](/api/),heart_rate [bpm](/api/datatype/19/),breathing_rate [rpm](/api/datatype/33/)"
    recording = read(tmp_path / "Shirt 4.csv", "\n".join([header, *rows]))
    assert (recording.device_id, recording.label, begins(recording)) == ("shirt-4", "Shirt 4", "2023-11-14 22:14")
    np.testing.assert_array_equal(recording.heart_rate_bpm, [NAN, 90])
    np.testing.assert_array_equal(recording.resp_rate_bpm, [NAN, 20])


def test_a_zephyrs_numbers_for_nothing_stay_out_of_the_mean(tmp_path: Path) -> None:
    def rates(second: int) -> str:
        return "0,6553.5" if second % 2 else "80,15.5"

    rows = [f"28/04/2183 17:47:{second:02d}.123,{rates(second)},-3276.8" for second in range(60)]
    recording = read(tmp_path / "summary.csv", "\n".join(["Time,HR,BR,SkinTemp", *rows]))
    assert begins(recording) == "2183-04-28 17:47"
    assert (recording.heart_rate_bpm.tolist(), recording.resp_rate_bpm.tolist()) == ([80], [15.5])


def test_vscapture_prefers_the_impedance_and_takes_carbon_dioxide_without_it(tmp_path: Path) -> None:
    names = ["Time", "RelativeTime", "NOM_ECG_CARD_BEAT_RATE", "NOM_AWAY_RESP_RATE", "NOM_PLETH_PULS_RATE"]
    rows = [f"28-04-2183 17:{47 + second // 60}:{second % 60:02d}.000,{second},80,14,79" for second in range(0, 120, 5)]
    co2 = read(tmp_path / "bed.csv", "\n".join([",".join(names), *rows]))
    assert (co2.resp_rate_bpm.tolist(), co2.pulse_bpm.tolist()) == ([14, 14], [79, 79])  # type: ignore[union-attr]
    with_both = "\n".join(
        [",".join([*names, "NOM_RESP_RATE"]), *(f"{row},{'-' if i % 2 else 16}" for i, row in enumerate(rows))]
    )
    both = read(tmp_path / "bed.csv", with_both)
    assert both.resp_rate_bpm.tolist() == [16, 16]


def numerics(
    folder: Path, rows: list[str], header: str = "83404654/3 6 62.4725/999.56 76000000 10:30:15.500 01/02/2150"
) -> Path:
    """Write a record of MIMIC-IV numerics; times count from the header's."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "83404654.hea").write_text(f"{header}\n83404654_0000 3123625\n# subject_id 10014354\n")
    path = folder / "83404654n.csv.gz"
    path.write_bytes(
        gzip.compress("\n".join(["time,HR [bpm],RR [rpm],Pulse (SpO2) [bpm],btbHR [bpm]", *rows]).encode())
    )
    return path


def test_mimic4_ticks_are_those_of_the_counter_and_a_value_holds_for_a_minute(tmp_path: Path) -> None:
    seconds_and_rates = [(44.5, "80,,79,"), (50, ",15,,"), (104.5, "90,,,70"), (344.5, "70,20,,")]
    rows = [f"{seconds * 999.56:.0f},{rates}" for seconds, rates in seconds_and_rates]
    (recording,) = read_recordings([numerics(tmp_path, rows)])
    assert (recording.device_id, begins(recording)) == ("p10014354", "2150-02-01 10:30")
    # 80 from 10:31:00 to 10:32:00, 90 for the minute after it, then nothing until 10:36:00
    np.testing.assert_array_equal(recording.heart_rate_bpm, [NAN, 80, 90, NAN, NAN, NAN, 70])
    np.testing.assert_array_equal(recording.resp_rate_bpm, [NAN, 15, NAN, NAN, NAN, NAN, 20])
    assert recording.pulse_bpm is not None


def test_mimic4_without_its_header_says_what_is_needed(tmp_path: Path) -> None:
    path = numerics(tmp_path, ["0,80,15,,"])
    (tmp_path / "83404654.hea").unlink()
    with pytest.raises(Misconfigured, match=r"83404654\.hea is not beside it; the master header says how many ticks"):
        read_recordings([path])
    numerics(tmp_path, ["0,80,15,,"], header="83404654/3 6 62.4725 76000000 10:30:15 01/02/2150")
    with pytest.raises(Misconfigured, match=r"83404654\.hea: not the master header"):
        read_recordings([path])


def test_the_subject_of_mimic4_may_be_a_folders_name(tmp_path: Path) -> None:
    path = numerics(
        tmp_path / "p100" / "p10014354" / "83404654", [f"{second * 999.56},80,15,," for second in range(60)]
    )
    (path.with_name("83404654.hea")).write_text("83404654/3 6 62.4725/999.56(500) 76000000 10:30:15 01/02/2150\n")
    (recording,) = read_recordings([tmp_path / "p100"])
    assert recording.device_id == "p10014354"


def test_vitaldb_csv_takes_carbon_dioxide_and_never_the_ventilators_setting(tmp_path: Path) -> None:
    rows = [f"{2.5 * step},80,14,12" for step in range(48)]
    recording = read(tmp_path / "0001.csv", "\n".join(["Time,Solar8000/HR,Primus/RR_CO2,Primus/SET_RR_IPPV", *rows]))
    assert (recording.device_id, recording.resp_rate_bpm.tolist()) == ("vitaldb-0001", [14, 14])
    only_set = "Time,Solar8000/HR,Primus/SET_RR_IPPV\n0,80,12\n"
    assert "no column of the respiratory rate" in refusal(tmp_path / "0001.csv", only_set)


def test_a_vital_file_is_read_and_a_cut_one_refused(tmp_path: Path) -> None:
    vitaldb = pytest.importorskip("vitaldb")
    case = vitaldb.VitalFile()
    start = 1_700_000_040
    for name, value in (("Solar8000/HR", 80.0), ("Solar8000/RR", 15.0), ("Primus/SET_RR_IPPV", 12.0)):
        records = [{"dt": start + 2.0 * step, "val": value} for step in range(90)]
        case.add_track(name, records)
    path = tmp_path / "0007.vital"
    case.to_vital(str(path))
    (recording,) = read_recordings([path])
    assert (recording.device_id, begins(recording)) == ("vitaldb-0007", "2023-11-14 22:14")
    assert (recording.heart_rate_bpm.tolist(), recording.resp_rate_bpm.tolist()) == ([80] * 3, [15] * 3)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Misconfigured, match=r"0007\.vital: damaged or cut off"):
        read_recordings([path])


def observation(code: str = "8867-4", value: object = 80, minute: int = 0, **changes: object) -> dict[str, object]:
    return {
        "resourceType": "Observation", "status": "final",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "78564009"}, {"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/Bed_3"}, "effectiveDateTime": f"2150-01-01T10:{minute:02d}:30+02:00",
        "valueQuantity": {"value": value, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min"},
    } | changes  # fmt: skip


BREATH = "9279-1"


def ndjson(*observations: object) -> str:
    return "\n".join(json.dumps(each) for each in ({"resourceType": "Patient"}, *observations))


def test_fhir_observations_become_minutes_of_their_subject(tmp_path: Path) -> None:
    panel = {
        "code": {"coding": [{"system": "http://loinc.org", "code": BREATH}]},
        "valueQuantity": {"value": 16, "unit": "per minute"},
    }
    absent = observation(minute=2)
    del absent["valueQuantity"]
    resources = [
        observation(), observation(BREATH, 15, valueQuantity={"value": 15, "unit": "{breaths}/min"}),
        observation("85353-1", component=[panel], effectiveDateTime=None, effectivePeriod={"start": "2150-01-01T08:01:10Z"}),
        absent | {"dataAbsentReason": {"text": "error"}}, observation(value=300, status="entered-in-error", minute=3),
        observation("8310-5", 37, effectiveDateTime="never"), observation(value=82, minute=4),
    ]  # fmt: skip
    recording = read(tmp_path / "export.ndjson", ndjson(*resources))
    assert (recording.device_id, recording.label, begins(recording)) == ("bed-3", "Bed_3", "2150-01-01 08:00")
    np.testing.assert_array_equal(recording.heart_rate_bpm, [80, NAN, NAN, NAN, 82])
    np.testing.assert_array_equal(recording.resp_rate_bpm, [15, 16, NAN, NAN, NAN])
    bundle = {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]}
    again = read(tmp_path / "bundle.json", json.dumps(bundle))
    np.testing.assert_array_equal(again.resp_rate_bpm, recording.resp_rate_bpm)


def test_the_device_of_an_observation_counts_before_its_subject(tmp_path: Path) -> None:
    device = {"reference": "https://fhir.example/Device/Monitor-7"}
    pair = [observation(device=device), observation(BREATH, 15, device=device)]
    assert read(tmp_path / "x.ndjson", ndjson(*pair)).device_id == "monitor-7"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"effectiveDateTime": "2150-01-01"}, "line 2, effective time: '2150-01-01' is a date without a time of day"),
        ({"effectiveDateTime": "2150-01-01T10:00:00"}, "line 2, effective time: .* has no time zone"),
        ({"effectiveDateTime": None}, "line 2: no effectiveDateTime and no start of an effectivePeriod"),
        ({"subject": None}, "line 2: no reference to a device or a subject"),
        ({"valueQuantity": {"value": 1.3, "unit": "Hz"}}, "line 2: its unit 'hz' is not per minute"),
        ({"valueQuantity": {"value": "80"}}, "line 2: the value of its valueQuantity is not a number"),
        ({"valueQuantity": {"value": 2**80 * 10**300}}, "line 2: the value of its valueQuantity is not a number"),
        ({"valueQuantity": None, "valueInteger": 10**400}, "line 2: the value of its valueInteger is not a number"),
        ({"status": ["final"], "subject": None}, "line 2: no reference to a device or a subject"),
        ({"valueQuantity": None, "valueString": "fast"}, "line 2: the rate is no valueQuantity"),
    ],
)
def test_an_observation_that_is_wanted_and_wrong_is_named(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    (tmp_path / "x.ndjson").write_text(ndjson(observation(**changes)))
    with pytest.raises(Misconfigured, match=words):
        read_recordings([tmp_path / "x.ndjson"])


def test_the_format_that_was_seen_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_text(ndjson(observation(), observation(BREATH, 15)))
    assert read_sources([tmp_path / "x.ndjson"]).formats == ("FHIR R4 Observations",)
    for text, words in (("{", "line 1 is not JSON"), ("{}", "has no Observation of heart or respiratory rate")):
        assert words in refusal(tmp_path / "x.ndjson", text)
