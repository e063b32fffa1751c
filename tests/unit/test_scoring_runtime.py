"""The compiled chain gives what Keras gives, whatever the batch, and swaps weights without compiling again."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from random_bundle import random_bundle

from detectors.autoencoders import blind_spot, bottleneck
from detectors.bundle import save_bundle
from detectors.plain_reconstruction import reconstruct
from detectors.preprocessing import calendar_features
from detectors.scoring.batches import parts_of
from detectors.scoring.compiled_chain import compiled_chain, fill_in
from detectors.scoring.runtime import Reconstructor

BUNDLE = random_bundle(1)


@pytest.fixture(scope="module")
def windows():
    rng = np.random.default_rng(3)
    z = np.clip(np.cumsum(rng.normal(0, 0.4, (21, 60, 2)), axis=1), -8, 8).astype(np.float32)
    z[0] = 8.0
    z[1] = 0.0
    minute = (10_000_000 + 977 * np.arange(21))[:, None] + np.arange(60)
    return z, minute.astype(np.int64), rng.uniform(0.1, 1.0, (21, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def reconstructor():
    return Reconstructor(BUNDLE.autoencoder, BUNDLE.blind_spot, buckets=(1, 8))


def rebuilt_by_keras(z, minute):
    """What both autoencoders make of the windows, each float32[B, 60, 2]."""
    models = bottleneck.build_bottleneck(), blind_spot.build_blind_spot()
    bottleneck.load_weights(models[0], BUNDLE.autoencoder)
    blind_spot.load_weights(models[1], BUNDLE.blind_spot)
    return [model(np.concatenate([z, calendar_features(minute)], axis=-1)).numpy() for model in models]


def test_the_compiled_autoencoders_agree_with_keras(reconstructor, windows):
    z, minute, rms = windows
    found = reconstructor.residuals(z, minute, rms)
    expected = [np.square(z - rebuilt).mean(axis=1) for rebuilt in rebuilt_by_keras(z, minute)]
    np.testing.assert_allclose(found.mean_square, np.concatenate(expected, axis=1), atol=1e-4, rtol=0)


def test_the_plain_bottleneck_rebuilds_what_keras_does(windows):
    z, minute, _ = windows
    np.testing.assert_allclose(reconstruct(BUNDLE.autoencoder, z, minute), rebuilt_by_keras(z, minute)[0], atol=1e-5)


def test_each_autoencoders_features_are_of_its_own_residuals(reconstructor, windows, reference_residual_features):
    z, minute, rms = windows
    found = reconstructor.residuals(z, minute, rms)
    for place, rebuilt in enumerate(rebuilt_by_keras(z, minute)):
        expected = reference_residual_features(z - rebuilt, rms[:, 2 * place : 2 * place + 2])
        np.testing.assert_allclose(found.features[:, 15 * place : 15 * place + 15], expected, atol=1e-3)


def test_weights_come_back_from_keras_by_name():
    for module, build, weights in (
        (bottleneck, bottleneck.build_bottleneck, BUNDLE.autoencoder),
        (blind_spot, blind_spot.build_blind_spot, BUNDLE.blind_spot),
    ):
        model = build()
        module.load_weights(model, weights)
        kept = module.named_weights(model)
        assert kept.keys() == weights.keys()
        for name in weights:
            np.testing.assert_array_equal(kept[name], weights[name])


@pytest.mark.parametrize("minute", [0, 1, 30, 59])
def test_the_blind_spot_does_not_see_the_minute_that_it_guesses(minute):
    model = blind_spot.build_blind_spot()
    blind_spot.load_weights(model, BUNDLE.blind_spot)
    window = np.random.default_rng(4).normal(0, 1, (1, 60, 6)).astype(np.float32)
    changed = window.copy()
    changed[0, minute] += 3.0
    difference = np.abs(model(changed).numpy() - model(window).numpy())[0].max(axis=1)
    assert difference[minute] == 0
    assert (np.delete(difference, minute)[max(0, minute - 2) : minute + 2] > 1e-4).all()


def test_neither_does_its_compiled_form(reconstructor):
    z = np.random.default_rng(5).normal(0, 1, (1, 60, 2)).astype(np.float32)
    window = np.ones((60, 7, 2), np.float32)
    window[:, :2] = z.transpose(1, 2, 0)
    window[:, 2:6] = 0.0
    window[17, :2, 1] += 2.5
    guessed = fill_in(reconstructor._blind_spot, window).numpy()
    assert (guessed[17, :, 0] == guessed[17, :, 1]).all()
    assert (guessed[16, :, 0] != guessed[16, :, 1]).any()


def test_a_windows_residuals_do_not_depend_on_its_company(reconstructor, windows):
    together = reconstructor.residuals(*windows)
    alone = [reconstructor.residuals(*(part[i : i + 1] for part in windows)) for i in range(21)]
    np.testing.assert_allclose(np.concatenate([one.features for one in alone]), together.features, atol=1e-4)


def test_no_windows_have_no_residuals(reconstructor, windows):
    found = reconstructor.residuals(*(part[:0] for part in windows))
    assert (found.mean_square.shape, found.features.shape) == ((0, 4), (0, 30))


def test_swapped_weights_rebuild_at_once_and_compile_nothing(windows):
    other = random_bundle(2)
    swapped = Reconstructor(BUNDLE.autoencoder, BUNDLE.blind_spot, buckets=(32,))
    fresh = Reconstructor(other.autoencoder, other.blind_spot, buckets=(32,))
    before = swapped.residuals(*windows).mean_square
    swapped.swap(other.autoencoder, other.blind_spot)
    after = swapped.residuals(*windows).mean_square
    assert (np.abs(after - before).max(axis=0) > 1e-3).all()
    np.testing.assert_array_equal(after, fresh.residuals(*windows).mean_square)
    assert compiled_chain(32).experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [32]), (33, [32, 32]), (127, [32] * 4), (128, [512]), (512, [512]), (540, [512, 32]), (1024, [512, 512])],
)
def test_windows_are_cut_into_batches_that_are_worth_their_padding(count, sizes):
    parts = list(parts_of(count, (32, 512)))
    assert [bucket for _, bucket in parts] == sizes
    assert [minute for part, _ in parts for minute in range(count)[part]] == list(range(count))


def test_tensorflow_starts_silently_with_one_thread():
    code = (
        "from detectors.scoring.tensorflow_runtime import limit_threads, tf\n"
        "limit_threads()\n"
        "assert tf.constant(1.0).numpy() == 1.0\n"
        "limit_threads()\n"
        "assert tf.config.threading.get_intra_op_parallelism_threads() == 1\n"
        "assert tf.config.threading.get_inter_op_parallelism_threads() == 1\n"
        "from threadpoolctl import threadpool_info\n"
        "import numpy\n"
        'assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}\n'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_scoring_loads_no_keras_and_training_still_can(tmp_path):
    save_bundle(BUNDLE, tmp_path)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from detectors import Detector\n"
        "Detector.load(Path(sys.argv[1]))\n"
        "assert 'keras' not in sys.modules\n"
        "from detectors.scoring.tensorflow_runtime import tf\n"
        "tf.keras.layers.Dense(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
