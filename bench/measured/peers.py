"""What others spend on the same minutes, one event at a time as a stream brings them, in one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from bench.measured.judging import judging_us
from bench.row import Row
from bench.ward import BEFORE_MIN, ENROLMENT_MIN, Ward, ward_of

WINDOW_MIN: Final = 60


def measure(*, quick: bool) -> list[Row]:
    """Return microseconds of processor time a minute of ours, and of peers that are installed (`--group bench`)."""
    ward = ward_of(8, BEFORE_MIN + 512)
    events = 50 if quick else 200
    rows = [Row("ours, a minute a message, 8 devices at once", float(np.median(judging_us(ward, 1, 2, 240))), "us")]
    for name, peer in PEERS.items():
        judge = peer(ward)
        minutes = range(BEFORE_MIN, BEFORE_MIN + events)
        judge(BEFORE_MIN - 1)
        began = time.process_time()
        for minute in minutes:
            judge(minute)
        rows.append(Row(name, (time.process_time() - began) / events * 1e6, "us"))
    return rows


Judge = Callable[[int], object]


def _keras(ward: Ward) -> Judge:
    """The paper's chain as its authors would write it: `model.predict` of both networks on each minute's window."""
    from experiments.paper.fit import PAPER_FEATURES, build_error_classifier, build_per_step

    rebuild, classify = build_per_step(), build_error_classifier()
    windows = np.random.default_rng(0).normal(size=(1, WINDOW_MIN, len(PAPER_FEATURES))).astype(np.float32)

    def judge(minute: int) -> object:
        windows[0, :, 0] = ward.heart_rate_bpm[0, minute - WINDOW_MIN + 1 : minute + 1]
        error = np.square(rebuild.predict(windows, verbose=0) - windows).mean(keepdims=True)[:, :, 0]
        return classify.predict(error, verbose=0)

    return judge


def _half_space_trees(ward: Ward) -> Judge:
    from river.anomaly import HalfSpaceTrees
    from river.preprocessing import MinMaxScaler

    forest: Any = HalfSpaceTrees(seed=0)
    scaler: Any = MinMaxScaler()

    def judge(minute: int) -> object:
        seen = {"heart": float(ward.heart_rate_bpm[0, minute]), "breath": float(ward.resp_rate_bpm[0, minute])}
        scaler.learn_one(seen)
        scaled = scaler.transform_one(seen)
        score = forest.score_one(scaled)
        forest.learn_one(scaled)
        return score

    for minute in range(BEFORE_MIN - 1):
        judge(minute)
    return judge


def _ecod(ward: Ward) -> Judge:
    from numpy.lib.stride_tricks import sliding_window_view
    from pyod.models.ecod import ECOD

    windows = sliding_window_view(np.nan_to_num(ward.heart_rate_bpm[0]), WINDOW_MIN)
    fitted = ECOD().fit(windows[: ENROLMENT_MIN - WINDOW_MIN])
    return lambda minute: fitted.decision_function(windows[minute - WINDOW_MIN + 1][None])


PEERS: Final = {
    "Keras predict, the paper's two networks": _keras,
    "river, half-space trees": _half_space_trees,
    "PyOD, ECOD on windows": _ecod,
}
