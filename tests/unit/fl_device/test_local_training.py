from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

from contracts.errors import InvalidMessage
from detectors.training.tensorflow import tf
from fl_device.tasks.layers import squared_error as each_squared_error
from fl_device.tasks.task import Examples
from fl_device.training.course import Course, LocalResult
from fl_device.training.local import LocalTrainer, programs_of

COURSE = Course(epochs=2, batch_size=4, learning_rate=1e-2, seed=7)


class Line:
    """The smallest network that learns: three inputs, one output."""

    name = "line"
    shapes = MappingProxyType({"kernel": (3, 1), "bias": (1,)})

    def output(self, weights, inputs):
        return inputs @ weights["kernel"] + weights["bias"]

    def loss(self, weights, inputs, targets):
        return each_squared_error(self.output(weights, inputs), targets)

    def examples(self, hours):
        raise AssertionError


BASE = {"kernel": np.float32([[0.1], [0.2], [0.3]]), "bias": np.float32([0.0])}


def examples(count: int, seed: int = 0) -> Examples:
    inputs = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    return Examples(inputs, inputs @ np.float32([[1.0], [-1.0], [0.5]]))


def squared_error(weights, data: Examples) -> float:
    return float(np.mean((data.inputs @ weights["kernel"] + weights["bias"] - data.targets) ** 2))


@pytest.fixture(scope="module")
def trainer() -> LocalTrainer:
    trainer = LocalTrainer(Line())
    trainer.warm(examples(1), COURSE.batch_size)
    return trainer


def test_training_lowers_the_loss_and_tells_both_for_any_number_of_windows(trainer):
    for count in (1, 4, 10):
        data = examples(count)
        result = trainer.train(BASE, data, COURSE)
        assert result.sample_count == count
        assert result.loss_before == pytest.approx(squared_error(BASE, data), rel=1e-5)
        assert result.loss_after == pytest.approx(squared_error(result.weights, data), rel=1e-5)
        assert result.loss_after < result.loss_before
        assert result.is_finite()


def test_nothing_of_one_device_reaches_the_next(trainer):
    alone = trainer.train(BASE, examples(10, seed=1), COURSE)
    trainer.train(BASE, examples(10, seed=2), Course(epochs=5, batch_size=4, learning_rate=0.5, seed=3))
    after_another = trainer.train(BASE, examples(10, seed=1), COURSE)
    for name, array in alone.weights.items():
        np.testing.assert_array_equal(after_another.weights[name], array)


def test_a_proximal_term_holds_training_to_the_global_model_and_zero_changes_no_bit(trainer):
    def distance(mu: float) -> float:
        course = Course(epochs=40, batch_size=4, learning_rate=1e-2, seed=7, proximal_mu=mu)
        found = trainer.train(BASE, examples(10), course).weights
        return float(sum(np.square(found[name] - BASE[name]).sum() for name in BASE))

    free, held, fixed = distance(0.0), distance(1.0), distance(100.0)
    assert free > 2 * held > 20 * fixed
    np.testing.assert_array_equal(
        trainer.train(BASE, examples(10), Course(2, 4, 1e-2, 7, 0.0)).weights["kernel"],
        trainer.train(BASE, examples(10), COURSE).weights["kernel"],
    )


def test_one_proximal_step_is_that_of_the_gradient_worked_by_hand(trainer):
    # At the global model itself the term's gradient is zero: the first step is that of plain training.
    step = {"epochs": 1, "batch_size": 10, "learning_rate": 1e-2, "seed": 7}
    plain, proximal = (trainer.train(BASE, examples(10), Course(**step, proximal_mu=mu)) for mu in (0.0, 5.0))
    np.testing.assert_allclose(proximal.weights["kernel"], plain.weights["kernel"], rtol=1e-6)


def test_the_rows_that_fill_up_a_batch_have_no_weight(trainer):
    one_step = Course(epochs=1, batch_size=4, learning_rate=1e-2, seed=7)
    data = examples(3)
    exact = trainer.train(BASE, data, Course(epochs=1, batch_size=3, learning_rate=1e-2, seed=7))
    filled = trainer.train(BASE, data, one_step)
    np.testing.assert_allclose(filled.weights["kernel"], exact.weights["kernel"], rtol=1e-5)


def test_a_warm_trainer_compiles_nothing_in_a_round_nor_does_the_next_of_its_task():
    task = Line()
    LocalTrainer(task).warm(examples(1), COURSE.batch_size)
    programs = programs_of(task)
    trainer = LocalTrainer(task)
    trainer.train(BASE, examples(9), COURSE)
    trainer.train(BASE, examples(2), Course(epochs=1, batch_size=4, learning_rate=0.5, seed=1))
    assert programs.step.experimental_get_tracing_count() == 1
    assert programs.measure.experimental_get_tracing_count() == 1


def test_the_steps_are_those_of_adam_in_keras(trainer):
    model = tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(1)])
    model.set_weights([BASE["kernel"], BASE["bias"]])
    model.compile(tf.keras.optimizers.Adam(COURSE.learning_rate), "mse")
    data = examples(4)
    model.fit(data.inputs, data.targets, batch_size=4, epochs=30, shuffle=False, verbose=0)
    ours = trainer.train(BASE, data, Course(30, 4, COURSE.learning_rate, seed=0)).weights
    for name, array in zip(("kernel", "bias"), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours[name], array, rtol=1e-4)
        assert np.abs(array - BASE[name]).max() > 0.1


@pytest.mark.parametrize("weights", [{"kernel": BASE["kernel"]}, {**BASE, "bias": np.zeros(2, np.float32)}])
def test_a_global_model_that_does_not_fit_is_refused(trainer, weights):
    with pytest.raises(InvalidMessage, match="does not fit"):
        trainer.train(weights, examples(4), COURSE)


def test_a_training_that_diverged_is_known_by_its_numbers():
    broken = LocalResult({"w": np.float32([np.nan])}, 1, 1.0, 1.0, 0.1)
    assert not broken.is_finite()
