"""Write ``tests/predict/tiny.onnx``, the smallest network as docs/models.md wants one.

    .reference/bin/python scripts/tiny_network.py

It averages the image over squares of 8 × 8 pixels and has three labels: bright, nothing, dark.
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def main() -> None:
    """Build, check and write it."""
    value = helper.make_tensor_value_info
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1, 3, 1, 1], [1 / 1024, 0.0, -1 / 1024])
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[8, 8], strides=[8, 8]),
            helper.make_node("Mul", ["p", "w"], ["class_activation_maps"]),
            helper.make_node(
                "ReduceMean", ["class_activation_maps"], ["logits"], axes=[2, 3], keepdims=0
            ),
        ],
        "tiny",
        [value("x", TensorProto.FLOAT, ["n", 1, 32, 32])],
        [
            value("logits", TensorProto.FLOAT, ["n", 3]),
            value("class_activation_maps", TensorProto.FLOAT, ["n", 3, 4, 4]),
        ],
        initializer=[weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    path = Path(__file__).parents[1] / "tests" / "predict" / "tiny.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
