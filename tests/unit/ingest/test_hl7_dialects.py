"""What five kinds of gateways send is read as what it says."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hl7_messages import HEART, NOON, PULSE, RESP, message, obx

from contracts.messages.ingest import Reading
from ingest.hl7.catalogue import Catalogue
from ingest.hl7.message import Rejected, read_groups, read_header
from ingest.hl7.observations import ObservationReader


def found(raw: bytes, *, device_from: str = "PV1-3", zone: str = "UTC", keep: bool = False, now: float = NOON):
    reader = ObservationReader(Catalogue(), device_from, ZoneInfo(zone), keep, lambda: now)
    header = read_header(raw)
    return reader.read(header, read_groups(raw, header))


def readings(raw: bytes, **options) -> dict[str, list[Reading]]:
    return {each.given: list(each.readings) for each in found(raw, **options).given}


def values(*rows: str) -> list[tuple[str, int, float | None]]:
    given = readings(message("PV1||I|ICU^^1", "OBR|1||||||20260912120000", *rows))
    return [(one.channel, one.source, one.value) for one in given.get("ICU 1", [])]


def test_a_hierarchy_with_one_time_and_flags_beside_the_values() -> None:
    raw = message(
        "PID|||77^^^H^MR||Doe^Jane", "PV1||I|ICU^^Bed 1",
        "OBR|1|||182777000^monitoring of patient^SCT|||20260912080000.496-0400|20260912080100",
        "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||0012AB^^0012ABFFFE34^EUI-64",
        obx(HEART, "80", unit="264864^MDC_DIM_BEAT_PER_MIN^MDC", flags="H~ALACT", status="F"),
        obx(RESP, "", flags="NAV", status="X"),
        obx(PULSE, "81", flags="QUES~EARLY", unit="264864^MDC_DIM_BEAT_PER_MIN^MDC"),
    )  # fmt: skip
    expected = [
        Reading("heart_rate_bpm", 0, NOON + 0.496, 80.0),
        Reading("resp_rate_bpm", 0, NOON + 0.496, None),
        Reading("pulse_bpm", 0, NOON + 0.496, 81.0),
    ]
    assert readings(raw) == {"ICU Bed 1": expected}
    assert readings(raw, device_from="OBX-18") == {"0012AB": expected}
    assert readings(raw, device_from="PID-3") == {"77": expected}


def test_a_time_a_row_and_two_respiratory_rates_that_stay_apart() -> None:
    time = "20260912173000.0000+0530"
    raw = message(
        "PV1||I|ICU^^B1&167772161&0&0", "OBR|1||||||20260101000000",
        obx(HEART, "70", time=time), obx("151578^MDC_TTHOR_RESP_RATE^MDC", "16", time=time),
        obx("151658^MDC_PULS_OXIM_PLETH_RESP_RATE^MDC", "18", time=time), obx("4711^HR^99MNDRY", "200", time=time),
        obx("147842^HR trend^99MNDRY", "200", time=time),
    )  # fmt: skip
    assert readings(raw) == {
        "ICU B1": [
            Reading("heart_rate_bpm", 0, NOON, 70.0),
            Reading("resp_rate_bpm", 1, NOON, 16.0),
            Reading("resp_rate_bpm", 4, NOON, 18.0),
        ]
    }


def test_times_without_a_zone_are_of_the_sites_zone_or_of_the_headers() -> None:
    raw = message("PV1||I|1", "OBR|1||||||20260912140000", obx(HEART, "70"))
    assert readings(raw, zone="Europe/Berlin")["1"][0].observed_at == NOON
    zoned = message("PV1||I|1", "OBR|1||||||20260912140000", obx(HEART, "70"), sent="20260912140001+0200")
    assert readings(zoned)["1"][0].observed_at == NOON
    only_header = message("PV1||I|1", obx(HEART, "70"), sent="202609121200")
    assert readings(only_header)["1"][0].observed_at == NOON


def test_of_the_hour_that_comes_twice_the_one_that_is_now_is_meant() -> None:
    raw = message("PV1||I|1", "OBR|1||||||20261025023000", obx(HEART, "70"))
    for now in (1792888200.0, 1792891800.0):  # 00:30 and 01:30 UTC
        assert readings(raw, zone="Europe/Berlin", now=now)["1"][0].observed_at == now


def test_a_small_vendor_without_patient_sends_names_numbers_as_text_and_pulse_only() -> None:
    raw = message(
        "PV1||I|Bed7", "OBR|1||||||20260912120000",
        obx("1^MDC_ECG_HEART_RATE^MDC", "75", kind="ST", unit="{beats}/min", status=""),
        "OBX||NM|151562^^MDC||14|{breaths}/min", obx("149522^MDC_BLD_PULS_RATE_INV^MDC", "76"),
        obx("149546^MDC_PULS_RATE_NON_INV^MDC", "74"), version="2.4",
    )  # fmt: skip
    assert [(one.channel, one.source, one.value) for one in readings(raw)["Bed7"]] == [
        ("heart_rate_bpm", 0, 75.0), ("resp_rate_bpm", 0, 14.0), ("pulse_bpm", 1, 76.0), ("pulse_bpm", 3, 74.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (obx(HEART, "80", status="X"), "no_result"), (obx(HEART, "80", status="D"), "no_result"),
        (obx(HEART, "80", status="W"), "no_result"), (obx(HEART, ""), "no_result"), (obx(HEART, '""'), "no_result"),
        (obx(HEART, "80", flags="INV"), "no_result"), (obx(HEART, "80", flags="QUES~OFF"), "no_result"),
        (obx(HEART, "", flags="NI"), "no_result"), (obx(HEART, "80", flags="TEST"), "test"),
        (obx(HEART, "80", flags="DEMO^demo data"), "test"), (obx(HEART, "80", flags="L~CAL"), "test"),
        (obx(HEART, "?"), "kind"), (obx(HEART, "80,5"), "kind"), (obx(HEART, "8e1"), "kind"), (obx(HEART, "80~81"), "kind"),
        (obx(HEART, "80", kind="CWE"), "kind"), (obx(HEART, "1.3", unit="Hz"), "unit"),
        (obx(HEART, "80", unit="264992^MDC_DIM_X_L_PER_MIN^MDC"), "unit"),
    ],
)  # fmt: skip
def test_a_row_without_a_usable_value_is_a_missing_reading_and_counted(row: str, outcome: str) -> None:
    result = found(message("PV1||I|1", row))
    assert [(one.channel, one.value) for one in result.given[0].readings] == [("heart_rate_bpm", None)]
    assert result.outcomes == Counter({outcome: 1})


@pytest.mark.parametrize("flag", ["TEST", "DEMO", "CAL"])
def test_test_data_can_be_kept(flag: str) -> None:
    raw = message("PV1||I|1", obx(HEART, "80", flags=flag))
    assert readings(raw, keep=True)["1"][0].value == 80.0


@pytest.mark.parametrize(
    "unit",
    ["", "/min", "{beats}/min", "{breaths}/min", "bpm", "1/min", "264864^MDC_DIM_BEAT_PER_MIN^MDC", "264928", "rpm",
     "{B}/min^beats^UCUM", "^beats/minute", "/min{beats}"],
)  # fmt: skip
def test_units_a_minute_are_taken(unit: str) -> None:
    assert values(obx(HEART, "80", unit=unit)) == [("heart_rate_bpm", 0, 80.0)]


def test_a_code_and_a_name_that_contradict_each_other_mean_nothing() -> None:
    assert values(obx("147842^MDC_RESP_RATE^MDC", "16")) == []
    assert values(obx("HR^pulse^99X^149530^MDC_PULS_OXIM_PULS_RATE^MDC", "60")) == [("pulse_bpm", 0, 60.0)]


@pytest.mark.parametrize(
    "time", ["20260912", "2026091212", "yesterday", "20261301120000", "20260912120061", "19690101120000"]
)
def test_a_row_whose_time_is_no_minute_is_counted_and_not_dated_otherwise(time: str) -> None:
    result = found(message("PV1||I|1", "OBR|1||||||20260912120000", obx(HEART, "80", time=time)))
    assert (result.given, result.outcomes) == ([], Counter(time=1))


def test_several_patients_and_groups_in_one_message() -> None:
    raw = message(
        "PID|||1", "PV1||I|A", "OBR|1||||||20260912120000", obx(HEART, "61"), "OBR|2||||||20260912120100", obx(HEART, "62"),
        "PID|||2", "PV1||I|B", "OBR|1||||||20260912120000", obx(HEART, "90"),
        "PID|||3", "OBR|1||||||20260912120000", obx(HEART, "99"),
    )  # fmt: skip
    by_bed = readings(raw)
    assert [(one.observed_at - NOON, one.value) for one in by_bed["A"]] == [(0, 61.0), (60, 62.0)]
    assert [one.value for one in by_bed["B"]] == [90.0]
    assert found(raw).outcomes == Counter(no_device=1)


def test_line_ends_character_sets_escapes_and_other_delimiters() -> None:
    raw = message("PV1||I|床 5", obx(HEART, "80")).replace(b"\r", b"\r\n")
    assert list(readings(raw)) == ["床 5"]
    latin = (
        message(r"PV1||I|K\S\rze^^3 \T\ 4", obx(HEART, "80")).decode().replace("K\\S\\rze", "Kürze").encode("latin-1")
    )
    assert list(readings(latin)) == ["Kürze 3 & 4"]
    other = message("PV1||I|A^^1", obx(HEART, "80")).replace(b"^", b"!").replace(b"|", b"#")
    assert list(readings(other)) == ["A 1"]


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00" * 50, b"MSH", b"MSH|||||||||", b"BHS|^~\\&|x", b"MSHABCDEFGH", b"PID|||1",
     message() + message(), message(*["OBX"] * 20_000)],
)  # fmt: skip
def test_what_is_no_message_is_rejected(raw: bytes) -> None:
    with pytest.raises(Rejected):
        read_groups(raw, read_header(raw))
