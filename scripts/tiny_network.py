"""Write ``tests/predict/tiny.onnx``, the smallest network as docs/models.md wants one.

Beside it ``endless.onnx``, the same with a loop that does not end.

    .reference/bin/python scripts/tiny_network.py

It averages the image over squares of 8 × 8 pixels and has three labels: bright, nothing, dark.
"""

from pathlib import Path

import onnx
from onnx import NodeProto, TensorProto, helper


def main() -> None:
    """Build, check and write it."""
    write("tiny", [])
    write("endless", endless())


def endless() -> list[NodeProto]:
    """Return what makes ``x`` of ``x`` in 2^63 - 1 steps."""
    value, scalar = helper.make_tensor_value_info, helper.make_tensor
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Abs", ["v"], ["u"])],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("c", TensorProto.BOOL, []),
            value("v", TensorProto.FLOAT, ["n", 1, 32, 32]),
        ],
        [value("d", TensorProto.BOOL, []), value("u", TensorProto.FLOAT, ["n", 1, 32, 32])],
    )
    constant = helper.make_node
    return [
        constant("Constant", [], ["most"], value=scalar("m", TensorProto.INT64, [], [2**63 - 1])),
        constant("Constant", [], ["go"], value=scalar("g", TensorProto.BOOL, [], [True])),
        helper.make_node("Loop", ["most", "go", "x"], ["y"], body=body),
    ]


def write(name: str, before: list[NodeProto]) -> None:
    """Build, check and write a network that begins with these nodes."""
    value = helper.make_tensor_value_info
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1, 3, 1, 1], [1 / 1024, 0.0, -1 / 1024])
    pooled = "y" if before else "x"
    graph = helper.make_graph(
        [
            *before,
            helper.make_node("AveragePool", [pooled], ["p"], kernel_shape=[8, 8], strides=[8, 8]),
            helper.make_node("Mul", ["p", "w"], ["class_activation_maps"]),
            helper.make_node(
                "ReduceMean", ["class_activation_maps"], ["logits"], axes=[2, 3], keepdims=0
            ),
        ],
        name,
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
    path = Path(__file__).parents[1] / "tests" / "predict" / f"{name}.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
