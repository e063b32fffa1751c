"""Pages of docs/ that say how to add something are followed here, and the page of settings is the one that the settings give."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from contracts.configuration.describe import SECTIONS, page
from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from replay.attacks import AttackSpec, inject
from replay.attacks.own import own_attack
from replay.recording import Recording
from replay.sources import read_recordings, read_sources
from replay.sources.formats import formats_said
from replay.sources.source import all_sources

DOCS = Path(__file__).parents[2] / "docs"


def example(name: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
    return code


@pytest.fixture
def json_lines(monkeypatch, tmp_path) -> Path:
    """A folder beside `replay/sources` that holds the page's example as a file of the package."""
    (tmp_path / "json_lines.py").write_text(example("adding-a-source.md"))
    package = import_module("replay.sources")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    return tmp_path


def test_the_example_source_is_found_and_read(json_lines):
    file = json_lines / "bed-7.jsonl"
    file.write_text(
        '{"at": "2183-04-28T17:47:00Z", "hr": 80.1, "rr": 15}\n\n{"at": "2183-04-28T17:49:10+00:00", "hr": 82}\n'
    )
    (recording,) = read_recordings([file])
    assert recording.device_id == "bed-7"
    np.testing.assert_array_equal(recording.heart_rate_bpm, [80.1, np.nan, 82])
    np.testing.assert_array_equal(recording.resp_rate_bpm, [15, np.nan, np.nan])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("{", "a line is"),
        ('{"at": "2183-04-28T17:47:00", "hr": 80, "rr": 15}', "zone"),
        ('{"at": "1970-01-01T00:00:00Z", "hr": 80}\n{"at": "2999-01-01T00:00:00Z", "rr": 15}', "wrong dates"),
        ('{"at": "2183-04-28T17:47:00Z", "hr": 80}', "never measured"),
    ],
)
def test_what_the_example_source_cannot_read_is_said_in_a_sentence(json_lines, text, said):
    file = json_lines / "bed-8.jsonl"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=said):
        read_recordings([file])


def test_a_file_that_nobody_reads_is_refused_with_every_source_named(json_lines):
    (json_lines / "x.edf").write_text("?")
    with pytest.raises(Misconfigured, match=r"\.edf files are not read; `fedsecure inspect` lists"):
        read_recordings([json_lines / "x.edf"])
    assert "  JSON lines of a bedside gateway: .jsonl, a minute a line" in formats_said().splitlines()


def test_the_example_attack_changes_every_kth_minute_and_the_truth_is_what_changed(tmp_path):
    file = tmp_path / "cadence.py"
    file.write_text(example("adding-an-attack.md"))
    name = f"{file}:ATTACK"
    assert own_attack(name).summary == "every k-th minute is an average"
    rng = np.random.default_rng(0)
    clean = Recording("d1", 10_000, np.round(rng.normal(80, 5, 300), 1), np.round(rng.normal(16, 3, 300), 1))
    injection = inject(clean, AttackSpec(name, "d1", onset_min=100, duration_min=100, level="strong", seed=1))
    changed = injection.recording.heart_rate_bpm != clean.heart_rate_bpm
    assert not changed[:100].any()
    assert 40 <= changed[100:200].sum() <= 50
    assert (injection.poisoned >= changed).all()


def test_the_page_of_settings_is_up_to_date():
    assert (DOCS / "configuration.md").read_text() == page(), "run: python -m contracts.configuration.describe"


def test_every_setting_is_on_the_page_and_says_what_it_is():
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize("file", sorted([*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")]), ids=lambda file: file.name)
def test_every_link_of_a_page_leads_somewhere(file):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", file.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (file.parent / target).exists(), f"{file.name} -> {target}"


def blocks_of(page: str, language: str) -> list[str]:
    """The page's fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.mark.parametrize(("language", "suffix"), [("csv", ".csv"), ("json", ".ndjson")])
def test_every_example_of_a_format_is_read_as_that_format(tmp_path: Path, language: str, suffix: str) -> None:
    (tmp_path / "83404654.hea").write_text("83404654/2 6 62.4725/512 100000 17:47:00 28/04/2183\n")
    seen = []
    for index, text in enumerate(blocks_of("sources.md", language)):
        path = tmp_path / ("83404654n.csv" if "HR [bpm]" in text else f"example{index}{suffix}")
        path.write_text(text)
        reading = read_sources([path])
        assert reading.recordings, text
        seen += reading.formats
    told = {source.name for source in all_sources() if language == "csv" and source.header is not None}
    assert set(seen) == (told or {"FHIR R4 Observations"})
