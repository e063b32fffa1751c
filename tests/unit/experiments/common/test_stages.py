"""The jobs of a study: what is finished is read, the rest is carried out and kept as it is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.common.stages import Stages, completed


@dataclass(frozen=True)
class Result:
    values: np.ndarray


@dataclass(frozen=True)
class Job:
    names: tuple[str, ...]

    @property
    def stages(self) -> dict[str, type[Result]]:
        return dict.fromkeys(self.names, Result)

    @property
    def label(self) -> str:
        return self.names[0]


def test_only_unfinished_jobs_are_carried_out_and_each_is_kept(tmp_path: Path) -> None:
    folder, progress, worked = Stages(tmp_path), [], []
    folder.begin({})
    folder.keep("a", Result(np.array([1.0])))

    def work(job: Job) -> list[Result]:
        worked.append(job.label)
        return [Result(np.array([float(len(name))])) for name in job.names]

    jobs = [Job(("a",)), Job(("bb", "ccc"))]
    results = completed(jobs, work, folder, map, lambda *how: progress.append(how))
    assert worked == ["bb"]
    assert {name: result.values.tolist() for name, result in results.items()} == {"a": [1.0], "bb": [2.0], "ccc": [3.0]}
    assert progress == [(2, 2, "bb")]
    assert completed(jobs, work, folder, map, lambda *_: None).keys() == results.keys()
    assert worked == ["bb"]
