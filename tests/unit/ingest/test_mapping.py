"""A site's own codes are read, preferred, and refused in a sentence when they cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import Misconfigured
from ingest.hl7.catalogue import catalogue_with


def mapping(folder: Path, text: str) -> Path:
    file = folder / "vendor.yaml"
    file.write_text(text)
    return file


def test_codes_and_names_of_a_vendor_are_found_and_preferred(tmp_path: Path) -> None:
    catalogue = catalogue_with(mapping(tmp_path, "resp_rate_bpm: [4711, af_thorax]\nheart_rate_bpm: HR\n"))
    assert catalogue.find(["4711", "AF", "99X"]) == ("resp_rate_bpm", 0)
    assert catalogue.find(["x", "AF_Thorax", "99X"]) == ("resp_rate_bpm", 1)
    assert catalogue.find(["151562", "MDC_RESP_RATE", "MDC"]) == ("resp_rate_bpm", 2)
    assert catalogue.find(["12", "hr"]) == ("heart_rate_bpm", 0)
    assert catalogue.find(["12", "other", "HR"]) is None


def test_the_sites_word_goes_before_the_standards(tmp_path: Path) -> None:
    catalogue = catalogue_with(mapping(tmp_path, "pulse_bpm: ['147842']\n"))
    assert catalogue.find(["147842", "MDC_ECG_CARD_BEAT_RATE", "MDC"]) == ("pulse_bpm", 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no channels"), ("- a", "no channels"), ("a: [", "not YAML"), ("\x00", "not YAML"), ("heart: [HR]", "'heart'"),
        ("heart_rate_bpm: []", "list of codes"), ("heart_rate_bpm: [{a: b}]", "list of codes"),
        ("heart_rate_bpm: [yes]", "list of codes"), ("heart_rate_bpm: ['  ']", "list of codes"),
        ("heart_rate_bpm: [HR]\npulse_bpm: [hr]", "twice"), ("1: [HR]", "channels are"), ("? [a]\n: b", "not YAML|channels"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        catalogue_with(mapping(tmp_path, text))


def test_a_missing_file_a_folder_and_a_huge_one_are_refused(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "none.yaml", mapping(tmp_path, "#" * 1_100_000)):
        with pytest.raises(Misconfigured, match="the mapping"):
            catalogue_with(file)
