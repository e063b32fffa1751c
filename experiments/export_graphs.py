"""The autoencoders as ONNX graphs, made straight from their named weights; float32, or with the LSTMs' weights in int8.

Keras orders an LSTM's gates input, forget, cell, output, ONNX input, output, forget, cell; Keras has one bias, ONNX two. In the
int8 form ONNX Runtime's `DynamicQuantizeLSTM` multiplies in eight bits: weights with a scale a gate row, inputs and states with a
scale found at each call. The small dense layers stay in float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from detectors.preprocessing import WINDOW_MIN
from detectors.weight_layout import AUTOENCODERS, CHANNELS, INPUTS, REACH_Z

INPUT: Final = "window"
OUTPUT: Final = "rebuilt"
OPSET: Final = 17  # old enough for ONNX Runtime 1.12 and later
IR_VERSION: Final = 8
PRECISIONS: Final = ("float32", "int8")

Weights = Mapping[str, NDArray[np.float32]]
Constants = dict[str, NDArray[Any]]


def float32_model(name: str, weights: Weights) -> bytes:
    """Return the ONNX model of the autoencoder of that name (see `weight_layout.AUTOENCODERS`), of as many units as its weights have.

    It maps `window` float32[batch, 60, 6] (HR z, RR z, calendar) to `rebuilt` float32[batch, 60, 2] (HR z, RR z).
    """
    nodes, constants = _PARTS[name](weights)
    nodes = [_node("Transpose", ["window"], "steps_first", perm=[1, 0, 2]), *nodes, *_head()]
    constants |= {"output_kernel": weights["output/kernel"], "output_bias": weights["output/bias"]}
    constants |= {"reach": np.float32(REACH_Z).reshape(1), "joined": np.array([0, 0, -1], np.int64)}
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", WINDOW_MIN, INPUTS])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", WINDOW_MIN, CHANNELS])],
        [numpy_helper.from_array(np.ascontiguousarray(array), key) for key, array in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="fedsecure"
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def int8_model(float32: bytes) -> bytes:
    """Return the same model with its LSTMs in int8."""
    with tempfile.TemporaryDirectory() as folder:
        source, prepared, quantised = (Path(folder) / name for name in ("float32.onnx", "prepared.onnx", "int8.onnx"))
        source.write_bytes(float32)
        quant_pre_process(str(source), str(prepared), skip_optimization=True, skip_symbolic_shape=True)
        quantize_dynamic(
            prepared, quantised, op_types_to_quantize=["LSTM"], per_channel=True, weight_type=QuantType.QInt8
        )
        return quantised.read_bytes()


def _bottleneck(weights: Weights) -> tuple[list[Any], Constants]:
    nodes = [
        _lstm("encoder", "steps_first", ["", "last_states"], weights),
        _node("Transpose", ["last_states"], "last_batch_first", perm=[1, 0, 2]),
        _node("Reshape", ["last_batch_first", "flat"], "state"),
        _node("MatMul", ["state", "latent_kernel"], "latent_product"),
        _node("Add", ["latent_product", "latent_bias"], "z"),
        _node("Expand", ["z", "every_minute"], "z_steps"),
        _lstm("decoder", "z_steps", ["states"], weights),
    ]
    constants: Constants = {
        **_lstm_constants("encoder", weights),
        **_lstm_constants("decoder", weights),
        "latent_kernel": weights["latent/kernel"],
        "latent_bias": weights["latent/bias"],
        "flat": np.array([0, -1], np.int64),
        "every_minute": np.array([WINDOW_MIN, 1, 1], np.int64),
    }
    return nodes, constants


def _blind_spot(weights: Weights) -> tuple[list[Any], Constants]:
    """Minute t reads the forward state at t - 1 and the backward one at t + 1; nought where there is none."""
    nodes = [
        _lstm("sides", "steps_first", ["sides_states"], weights),
        helper.make_node("Split", ["sides_states"], ["forward", "backward"], axis=1),
        _node("Slice", ["forward", "first", "last"], "forward_cut"),
        _node("Slice", ["backward", "second", "end"], "backward_cut"),
        _node("Pad", ["forward_cut", "one_before"], "before"),
        _node("Pad", ["backward_cut", "one_after"], "after"),
        _node("Concat", ["before", "after"], "states", axis=1),
    ]
    places = {"first": [0], "last": [-1], "second": [1], "end": [WINDOW_MIN]}
    places |= {"one_before": [1, *[0] * 7], "one_after": [*[0] * 4, 1, *[0] * 3]}
    constants = {key: np.array(value, np.int64) for key, value in places.items()}
    return nodes, {**_lstm_constants("sides", weights), **constants}


_PARTS: Final[Mapping[str, Callable[[Weights], tuple[list[Any], Constants]]]] = dict(
    zip(AUTOENCODERS, (_bottleneck, _blind_spot), strict=True)
)


def _head() -> list[Any]:
    """From `states` [60, 2, batch, units] to `rebuilt`."""
    return [
        _node("Transpose", ["states"], "states_by_window", perm=[0, 2, 1, 3]),
        _node("Reshape", ["states_by_window", "joined"], "both_states"),
        _node("MatMul", ["both_states", "output_kernel"], "output_product"),
        _node("Add", ["output_product", "output_bias"], "output_sum"),
        _node("Tanh", ["output_sum"], "bounded"),
        _node("Mul", ["bounded", "reach"], "rebuilt_steps"),
        _node("Transpose", ["rebuilt_steps"], OUTPUT, perm=[1, 0, 2]),
    ]


def _node(kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs, [output], **attributes)


def _lstm(block: str, steps: str, outputs: Sequence[str], weights: Weights) -> Any:
    units = weights[f"{block}/forward/recurrent_kernel"].shape[0]
    inputs = [steps, f"{block}_W", f"{block}_R", f"{block}_B"]
    return helper.make_node("LSTM", inputs, outputs, name=block, direction="bidirectional", hidden_size=units)


def _lstm_constants(block: str, weights: Weights) -> Constants:
    both = [f"{block}/{direction}" for direction in ("forward", "backward")]
    biases = [_reordered(weights[f"{one}/bias"]) for one in both]
    return {
        f"{block}_W": np.stack([_reordered(weights[f"{one}/kernel"]).T for one in both]),
        f"{block}_R": np.stack([_reordered(weights[f"{one}/recurrent_kernel"]).T for one in both]),
        f"{block}_B": np.stack([np.concatenate([bias, np.zeros_like(bias)]) for bias in biases]),
    }


def _reordered(gates: NDArray[np.float32]) -> NDArray[np.float32]:
    take_in, forget, content, give_out = np.split(gates, 4, axis=-1)
    return np.concatenate([take_in, give_out, forget, content], axis=-1)
