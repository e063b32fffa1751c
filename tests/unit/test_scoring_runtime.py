"""The compiled chain gives what Keras gives, whatever the batch, and swaps bundles without compiling again."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from detectors.autoencoders.bottleneck import build_bottleneck, load_weights
from detectors.bundle import Bundle
from detectors.preprocessing import calendar_features
from detectors.scoring.runtime import WindowScorer


@pytest.fixture(scope="module")
def windows():
    rng = np.random.default_rng(3)
    z = np.clip(np.cumsum(rng.normal(0, 0.4, (21, 60, 2)), axis=1), -8, 8).astype(np.float32)
    z[0] = 8.0
    z[1] = 0.0
    minute = (10_000_000 + 977 * np.arange(21))[:, None] + np.arange(60)
    return z, minute.astype(np.int64), rng.uniform(0.1, 1.0, (21, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def scorer(untrained_bundle: Bundle):
    return WindowScorer(untrained_bundle(1), buckets=(1, 8))


def expected(bundle, windows, residual_features):
    z, minute, rms = windows
    keras_model = build_bottleneck()
    load_weights(keras_model, bundle.autoencoder)
    rebuilt = keras_model(np.concatenate([z, calendar_features(minute)], axis=-1)).numpy()
    hidden = residual_features(z - rebuilt, rms)
    w = bundle.classifier
    for name in ("hidden_0", "hidden_1"):
        hidden = np.maximum(hidden @ w[f"{name}/kernel"] + w[f"{name}/bias"], 0)
    logit = hidden @ w["logit/kernel"] + w["logit/bias"]
    return ((z - rebuilt) ** 2).mean(1), logit[:, 0]


def test_the_compiled_chain_agrees_with_keras_and_the_reference_features(
    scorer, untrained_bundle, windows, reference_residual_features
):
    scores = scorer.score(*windows)
    mean_square, logit = expected(untrained_bundle(1), windows, reference_residual_features)
    np.testing.assert_allclose(scores.mean_squared_residual, mean_square, atol=1e-4, rtol=0)
    np.testing.assert_allclose(scores.logit, logit, atol=1e-4, rtol=0)


def test_a_windows_score_does_not_depend_on_its_company(scorer, windows):
    together = scorer.score(*windows)
    alone = [scorer.score(*(part[i : i + 1] for part in windows)) for i in range(21)]
    np.testing.assert_allclose(np.concatenate([s.logit for s in alone]), together.logit, atol=1e-5)


def test_no_windows_give_no_scores(scorer, windows):
    scores = scorer.score(*(part[:0] for part in windows))
    assert scores.logit.shape == (0,)
    assert scores.mean_squared_residual.shape == (0, 2)


def test_a_swapped_bundle_scores_at_once_and_compiles_nothing(untrained_bundle, windows):
    swapped, fresh = (WindowScorer(untrained_bundle(seed), buckets=(32,)) for seed in (1, 2))
    before = swapped.score(*windows).logit
    program = swapped._batches._programs[32].run
    swapped.swap(untrained_bundle(2))
    after = swapped.score(*windows).logit
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_array_equal(after, fresh.score(*windows).logit)
    assert program.experimental_get_tracing_count() == 1


def test_tensorflow_starts_silently_with_one_thread():
    code = (
        "from detectors.scoring.tensorflow_runtime import limit_threads, tf\n"
        "limit_threads()\n"
        "assert tf.constant(1.0).numpy() == 1.0\n"
        "limit_threads()\n"
        "assert tf.config.threading.get_intra_op_parallelism_threads() == 1\n"
        "assert tf.config.threading.get_inter_op_parallelism_threads() == 1\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_scoring_loads_no_keras_and_training_still_can():
    code = (
        "import sys\n"
        "from detectors import Detector\n"
        "Detector.load()\n"
        "assert 'keras' not in sys.modules\n"
        "from detectors.scoring.tensorflow_runtime import tf\n"
        "tf.keras.layers.Dense(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
