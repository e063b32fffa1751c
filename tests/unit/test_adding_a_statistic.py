"""docs/adding-a-statistic.md is followed word by word: the file is found, laid out, computed, scored and explained."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from detectors.statistics import lattice
from detectors.statistics.registry import statistics

DOCS = Path(__file__).parents[2] / "docs"

FOLLOWED = """
import sys
import detectors.statistics
detectors.statistics.__path__.append(sys.argv[1])
import numpy as np
from detectors.minutes.cleaning import clean
from detectors.baseline.profile import profile_of
from detectors.scoring.components import GROUPS, group_values
from detectors.scoring.tails import fast_columns
from detectors.scoring.classifier import input_sizes
from detectors.statistics.registry import columns
from detectors.statistics.windows import blocks_of, stream_statistics
from detectors.statistics.windows import rows_of_stream
from detectors.explanations.words import in_words

rng = np.random.default_rng(0)
slow = np.cumsum(rng.standard_normal((1500, 2)), 0) * 0.3
slow[1000:, :] += np.where(np.arange(500) % 2, 3.0, -3.0)[:, None]
minutes = clean(0, *np.round(slow - slow.min(0) + (60, 12), 1).T)
values = stream_statistics(blocks_of(rows_of_stream(minutes.values, minutes.weight, profile_of(minutes, 600)), None))
own = [column for column in columns() if column.statistic == "reversals"]
print("columns", len(own), values.shape[1] == len(columns()))
hour = values[:, columns().index(own[0])]
print("rises", hour[-1] > 0.95 > hour[30])
tails = [column for column in fast_columns() if column.statistic == "reversals"]
print("tails", len(tails), sorted({column.group for column in tails}))
print("read", input_sizes()["fast"] > len(fast_columns()))
u = np.zeros(len(fast_columns()))
u[fast_columns().index(tails[0])] = 9.0
print("said", in_words(np.full(len(columns()), 3.0), u))
"""


def test_the_example_statistic_is_found_by_everything(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "adding-a-statistic.md").read_text(), re.DOTALL)
    assert len(code.splitlines()) <= 40
    (tmp_path / "reversals.py").write_text(code)
    command = [sys.executable, "-c", FOLLOWED, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert told.splitlines() == [
        "columns 4 True",
        "rises True",
        "tails 2 ['noise']",
        "read True",
        "said heart rate and breathing jumping up and down from minute to minute (last hour)",
    ]


def test_every_statistic_has_a_line_in_the_docs():
    page = (DOCS / "detection.md").read_text()
    table = page[page.index("## Statistics") :].split("\n## ")[0]
    for name in [*(statistic.name for statistic in statistics()), lattice.NAME]:
        assert f"| {name} |" in table, name
