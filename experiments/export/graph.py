"""The detector's network as an ONNX graph, made straight from its named weights. Float32, or with its LSTMs in int8.

Keras orders an LSTM's gates input, forget, cell, output, ONNX input, output, forget, cell; Keras has one bias, ONNX
two. In the int8 form ONNX Runtime's `DynamicQuantizeLSTM` multiplies in eight bits: weights with a scale a gate row,
inputs and states with a scale found at each call. The small dense layers stay in float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from detectors.array_types import Weights
from detectors.minutes.windows import WINDOW_MIN
from detectors.network.density import LEAST_PROBABILITY, LOG_WIDTH_RANGE, NEIGHBOUR_SHARE
from detectors.network.layout import CHANNELS, COMPONENTS, CONTEXT_REACH, CONTEXT_SIZE, EMITTED, LEAST_CONTEXT_SD, UNITS
from detectors.network.runtime import VALUE_SHARE

INPUTS: Final[dict[str, tuple[int, ...]]] = {
    "z": (WINDOW_MIN, CHANNELS),
    "weight": (WINDOW_MIN, CHANNELS),
    "context": (CONTEXT_SIZE,),
    "half_cell": (CHANNELS,),
}
OUTPUT: Final = "below"
OPSET: Final = 17  # old enough for ONNX Runtime 1.12 and later
IR_VERSION: Final = 8
PRECISIONS: Final = ("float32", "int8")
_FIRST, _END = EMITTED.start, EMITTED.stop
_FORWARD: Final = _END - 1
_BACKWARD: Final = WINDOW_MIN - _FIRST - 1


class _Graph:
    """Nodes and constants as they are added. Every method returns the name of a node's output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def add(self, kind: str, *inputs: str, into: str = "", **attributes: Any) -> str:
        """Add an operator of one output."""
        output = into or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"node_{output}", **attributes))
        return output

    def constant(self, values: Any, kind: type[np.generic] = np.float32) -> str:
        """Add a constant."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.ascontiguousarray(values, kind)
        return name

    def part(self, of: str, first: int, end: int, step: int = 1) -> str:
        """Cut along the first axis."""
        ends = (self.constant([value], np.int64) for value in (first, end, 0, step))
        return self.add("Slice", of, *ends)

    def shaped(self, of: str, shape: Sequence[int]) -> str:
        """Reshape. 0 keeps a size, -1 finds one."""
        return self.add("Reshape", of, self.constant(shape, np.int64))

    def dense(self, of: str, weights: Weights, layer: str) -> str:
        """Multiply by a layer's kernel and add its bias."""
        product = self.add("MatMul", of, self.constant(weights[f"{layer}/kernel"]))
        return self.add("Add", product, self.constant(weights[f"{layer}/bias"]))

    def repeated(self, of: str, minutes: int) -> str:
        """Repeat [batch, n] for every minute: [minutes, batch, n]."""
        return self.add("Expand", of, self.constant([minutes, 1, 1], np.int64))


def float32_model(weights: Weights) -> bytes:
    """Return the ONNX model of the network: inputs float32 [batch, ...] as in `INPUTS`, output `below` [batch, 15, 2].

    `below` is the probability below the middle of a value's grid cell, of the minutes 38..52; the normal score of
    `detectors.network.runtime` is its normal quantile.
    """
    graph = _Graph()
    embedded = _embedded(graph, weights)
    z, weight = (graph.add("Transpose", name, perm=[1, 0, 2]) for name in ("z", "weight"))
    near = {shift: graph.part(z, _FIRST + shift, _END + shift) for shift in (-2, -1, 0, 1, 2)}
    states = _states(graph, weights, z, weight, embedded)
    seen = [*states, *(near[shift] for shift in (-1, -2, 1, 2)), graph.repeated(embedded, len(EMITTED))]
    features = graph.add("Concat", *seen, axis=-1)
    hidden = graph.add("Tanh", graph.dense(features, weights, "location_hidden"))
    middle = graph.add("Mul", graph.add("Add", near[-1], near[1]), graph.constant(NEIGHBOUR_SHARE))
    location = graph.add("Add", middle, graph.dense(hidden, weights, "location"))
    _probability(graph, weights, embedded, location, near)
    return _model(graph)


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


def _embedded(graph: _Graph, weights: Weights) -> str:
    deviation = np.maximum(weights["context_sd"], np.float32(LEAST_CONTEXT_SD))
    above = graph.add("Sub", "context", graph.constant(weights["context_mean"]))
    standard = graph.add("Div", above, graph.constant(deviation))
    limits = (graph.constant(limit) for limit in (-CONTEXT_REACH, CONTEXT_REACH))
    return graph.add("Tanh", graph.dense(graph.add("Clip", standard, *limits), weights, "embedding"))


def _states(graph: _Graph, weights: Weights, z: str, weight: str, embedded: str) -> list[str]:
    """Return for each emitted minute the forward state of the minute before and the backward state of the one after."""
    backwards = [graph.part(name, -1, -WINDOW_MIN - 1, -1) for name in (z, weight)]
    forward = _lstm(graph, weights, "forward", (z, weight), embedded, _FORWARD)
    backward = _lstm(graph, weights, "backward", backwards, embedded, _BACKWARD)
    count = len(EMITTED)
    return [
        graph.part(forward, _FORWARD - count, _FORWARD),
        graph.part(backward, _BACKWARD - 1, _BACKWARD - 1 - count, -1),
    ]


def _lstm(graph: _Graph, weights: Weights, direction: str, series: Sequence[str], embedded: str, steps: int) -> str:
    """Return the states [steps, batch, units] of one direction, whose series come in its own order."""
    z, weight = (graph.part(name, 0, steps) for name in series)
    moved = graph.add("Sub", graph.part(z, 1, steps), graph.part(z, 0, steps - 1))
    first = graph.add("Mul", graph.part(z, 0, 1), graph.constant(0.0))
    step = graph.add("Concat", first, moved, axis=0)
    half = graph.add("Mul", z, graph.constant(VALUE_SHARE))
    read = graph.add("Concat", half, step, weight, graph.repeated(embedded, steps), axis=-1)
    bias = _reordered(weights[f"{direction}/bias"])
    constants = (
        graph.constant(_reordered(weights[f"{direction}/kernel"]).T[None]),
        graph.constant(_reordered(weights[f"{direction}/recurrent_kernel"]).T[None]),
        graph.constant(np.concatenate([bias, np.zeros_like(bias)])[None]),
    )
    states = graph.add("LSTM", read, *constants, hidden_size=UNITS)  # [steps, 1, batch, units]
    return graph.shaped(states, [0, -1, UNITS])


def _probability(graph: _Graph, weights: Weights, embedded: str, location: str, near: dict[int, str]) -> None:
    """Add the probability below the middle of each value's cell."""
    hidden = graph.add("Tanh", graph.dense(embedded, weights, "shape_hidden"))
    parts = graph.shaped(graph.dense(hidden, weights, "shape"), [0, CHANNELS, 3 * COMPONENTS + 2])
    logs, offset, log_width = (f"shape_{name}" for name in ("logs", "offset", "log_width"))
    sizes = graph.constant([COMPONENTS + 2, COMPONENTS, COMPONENTS], np.int64)
    graph.nodes.append(helper.make_node("Split", [parts, sizes], [logs, offset, log_width], axis=-1))
    masses, before, after = "share_components", "share_before", "share_after"
    share = graph.add("Softmax", logs, axis=-1)
    sizes = graph.constant([COMPONENTS, 1, 1], np.int64)
    graph.nodes.append(helper.make_node("Split", [share, sizes], [masses, before, after], axis=-1))
    limits = (graph.constant(limit) for limit in LOG_WIDTH_RANGE)
    narrow = graph.add("Exp", graph.add("Neg", graph.add("Clip", log_width, *limits)))
    steepness = graph.add("Mul", narrow, graph.constant(0.5))
    at_neighbours = [(graph.shaped(name, [0, CHANNELS]), near[shift]) for name, shift in ((before, -1), (after, 1))]

    def below(edge: str) -> str:
        last = graph.constant([-1], np.int64)
        reach = graph.add("Sub", graph.add("Unsqueeze", graph.add("Sub", edge, location), last), offset)
        risen = graph.add("Add", graph.add("Tanh", graph.add("Mul", reach, steepness)), graph.constant(1.0))
        smooth = graph.add("Mul", graph.add("Mul", risen, masses), graph.constant(0.5))
        total = graph.add("ReduceSum", smooth, last, keepdims=0)
        for mass, value in at_neighbours:
            passed = graph.add("Cast", graph.add("Less", value, edge), to=TensorProto.FLOAT)
            total = graph.add("Add", total, graph.add("Mul", mass, passed))
        return total

    edges = [graph.add(kind, near[0], "half_cell") for kind in ("Sub", "Add")]
    middle = graph.add("Mul", graph.add("Add", *map(below, edges)), graph.constant(0.5))
    limits = (graph.constant(limit) for limit in (LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))
    graph.add("Transpose", graph.add("Clip", middle, *limits), into=OUTPUT, perm=[1, 0, 2])


def _model(graph: _Graph) -> bytes:
    def described(name: str, shape: Sequence[int]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    made = helper.make_graph(
        graph.nodes,
        "network",
        [described(name, shape) for name, shape in INPUTS.items()],
        [described(OUTPUT, (len(EMITTED), CHANNELS))],
        [numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="fedsecure"
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _reordered(gates: NDArray[np.float32]) -> NDArray[np.float32]:
    take_in, forget, content, give_out = np.split(gates, 4, axis=-1)
    return np.concatenate([take_in, give_out, forget, content], axis=-1)
