"""Write the weightless ONNX graphs of ``hilum.predict`` from TorchXRayVision's own modules.

    .reference/bin/python scripts/export_graphs.py

Each graph takes an image and the classifier, and gives the logits and the class activation
map of every label in one pass. Its weights are external data in a file ``weights.bin`` that
hilum writes when a model is installed; the manifest beside the graph says which tensor lies
where. The classifier is an input, not a stored weight: one graph serves models of any number
of labels, and a head that was never trained is not computed.

The script fills each graph with random weights and compares it with the module it came from
before it writes anything.
"""

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from torchxrayvision_reference import import_torchxrayvision, published_file

GRAPHS: Final = Path(__file__).parents[1] / "src" / "hilum" / "predict" / "architectures"
OPSET: Final = 17
IR_VERSION: Final = 8
"""Read by ONNX Runtime since 1.13."""

ALIGNMENT: Final = 64
"""Tensors start at multiples of a cache line."""

TOLERANCE: Final = 2e-5
"""Largest relative difference between graph and module that is let through."""


RESNET: Final = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
"""Parts of a ResNet before its pooling, in order."""


class Builder:
    """An ONNX graph under construction, and the layout of its weights file."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.weights: list[Any] = []
        self.manifest: list[dict[str, Any]] = []
        self.end = 0

    def node(self, operator: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, name: str, values: list[int]) -> str:
        """Add a constant of the graph's own, e.g. a shape."""
        self.constants.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def channels(self, name: str, values: np.ndarray) -> str:
        """Add one number a channel."""
        shape = [1, len(values), 1, 1]
        self.constants.append(helper.make_tensor(name, TensorProto.FLOAT, shape, values))
        return name

    def weight(self, name: str, tensor: torch.Tensor) -> str:
        """Give a tensor its place in the weights file."""
        offset = math.ceil(self.end / ALIGNMENT) * ALIGNMENT
        shape = list(tensor.shape)
        length = math.prod(shape) * 4
        self.end = offset + length
        proto = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        proto.data_location = TensorProto.EXTERNAL
        places = (("location", "weights.bin"), ("offset", offset), ("length", length))
        for key, value in places:
            proto.external_data.add(key=key, value=str(value))
        self.weights.append(proto)
        self.manifest.append({"name": name, "offset": offset, "shape": shape})
        return name


def lower(builder: Builder, module: Any, name: str, x: str) -> str:
    """Append the nodes of one module, found under `name` in the state dict.

    Raises
    ------
    NotImplementedError
        The module is of a kind that these two architectures do not have.
    """
    kind = type(module).__name__
    if kind == "Conv2d":
        return lower_convolution(builder, module, name, x)
    if kind == "BatchNorm2d":
        parts = ("weight", "bias", "running_mean", "running_var")
        inputs = [builder.weight(f"{name}.{part}", getattr(module, part)) for part in parts]
        return builder.node("BatchNormalization", [x, *inputs], epsilon=module.eps)
    if kind == "ReLU":
        return builder.node("Relu", [x])
    if kind in {"MaxPool2d", "AvgPool2d"}:
        return lower_pooling(builder, module, x)
    if kind == "Bottleneck":
        return lower_bottleneck(builder, module, name, x)
    if isinstance(module, torch.nn.Sequential):
        y = x
        for child_name, child in module.named_children():
            y = lower(builder, child, f"{name}.{child_name}", y)
        return builder.node("Concat", [x, y], axis=1) if kind == "_DenseLayer" else y
    raise NotImplementedError(f"{name} is a {kind}")


def lower_convolution(builder: Builder, module: Any, name: str, x: str) -> str:
    """Append a convolution without bias."""
    if module.bias is not None or module.groups != 1 or module.dilation != (1, 1):
        raise NotImplementedError(f"{name}: a convolution with bias, groups or dilation")
    return builder.node(
        "Conv",
        [x, builder.weight(f"{name}.weight", module.weight)],
        kernel_shape=list(module.kernel_size),
        strides=list(module.stride),
        pads=list(module.padding) * 2,
    )


def pair(value: Any) -> list[int]:
    """Return torch's "one number or two" as two."""
    return [value, value] if isinstance(value, int) else list(value)


def lower_pooling(builder: Builder, module: Any, x: str) -> str:
    """Append a maximum or average pooling."""
    if module.ceil_mode:
        raise NotImplementedError("a pooling that rounds its size up")
    return builder.node(
        type(module).__name__.removesuffix("2d").replace("Avg", "Average"),
        [x],
        kernel_shape=pair(module.kernel_size),
        strides=pair(module.stride),
        pads=pair(module.padding) * 2,
    )


def lower_bottleneck(builder: Builder, module: Any, name: str, x: str) -> str:
    """Append a residual block of ResNet-50 (torchvision's ``Bottleneck.forward``)."""
    y = x
    for step in (1, 2, 3):
        y = lower(builder, getattr(module, f"conv{step}"), f"{name}.conv{step}", y)
        y = lower(builder, getattr(module, f"bn{step}"), f"{name}.bn{step}", y)
        if step < 3:  # noqa: PLR2004  the third is activated after the addition
            y = builder.node("Relu", [y])
    shortcut = x
    if module.downsample is not None:
        shortcut = lower(builder, module.downsample, f"{name}.downsample", x)
    return builder.node("Relu", [builder.node("Add", [y, shortcut])])


def head(builder: Builder, features: str, *, channels: int, side: int) -> None:
    """Append the classifier: the class activation maps, and the logits as their means.

    Global average pooling and a linear layer commute, so for these architectures the mean
    of a map plus the bias is the logit (Zhou et al., CVPR 2016, section 2).
    """
    flat = builder.node("Reshape", [features, builder.constant("flat", [0, channels, side * side])])
    maps = builder.node("MatMul", ["classifier_weight", flat])
    builder.node(
        "Reshape", [maps, builder.constant("square", [0, 0, side, side])], "class_activation_maps"
    )
    means = builder.node("ReduceMean", [maps], axes=[2], keepdims=0)
    builder.node("Add", [means, "classifier_bias"], "logits")
    builder.node("ReduceMean", [flat], "features", axes=[2], keepdims=0)


def finish(builder: Builder, name: str, *, size: int, channels: int, side: int) -> Any:
    """Return the checked ONNX model."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        builder.nodes,
        name,
        [
            value("image", TensorProto.FLOAT, ["n", 1, size, size]),
            value("classifier_weight", TensorProto.FLOAT, ["labels", channels]),
            value("classifier_bias", TensorProto.FLOAT, ["labels"]),
        ],
        [
            value("logits", TensorProto.FLOAT, ["n", "labels"]),
            value("class_activation_maps", TensorProto.FLOAT, ["n", "labels", side, side]),
            value("features", TensorProto.FLOAT, ["n", channels]),
        ],
        initializer=[*builder.constants, *builder.weights],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="hilum"
    )
    model.ir_version = IR_VERSION
    return model


def densenet121(builder: Builder, xrv: Any) -> tuple[Any, str, str]:
    """Lower DenseNet-121; return the module, its features and the classifier's name."""
    module = xrv.models.DenseNet()
    y = lower(builder, module.features, "features", "image")
    return module, builder.node("Relu", [y]), "classifier"


def resnet50(builder: Builder, xrv: Any) -> tuple[Any, str, str]:
    """Lower ResNet-50 as TorchXRayVision builds it, weights file and all."""
    name = "resnet50-res512-all"
    torchvision_models = sys.modules["torchvision.models"]
    empty = torchvision_models.resnet50(num_classes=18, weights=None)
    empty.conv1 = torch.nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(xrv.models.model_urls[name]["weights_url"]).name
        torch.save(empty.state_dict(), file)
        module = xrv.models.ResNet(weights=name, cache_dir=folder)
    module.op_threshs = None
    y = "image"
    for part in RESNET:
        y = lower(builder, getattr(module.model, part), part, y)
    return module, y, "fc"


def in_colours(builder: Builder, image: str) -> str:
    """Append what a network of ImageNet's sees of [-1024, 1024]: three channels, normalised.

    ``(x + 1024) / 2048`` and ``torchvision.transforms.Normalize``, as one product and one sum.
    """
    mean, spread = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    y = builder.node("Concat", [image] * 3, axis=1)
    y = builder.node("Mul", [y, builder.channels("contrast", 1 / (2048 * spread))])
    return builder.node("Add", [y, builder.channels("brightness", (0.5 - mean) / spread)])


def view(builder: Builder, xrv: Any) -> tuple[Any, str, str]:
    """Lower the ResNet-50 that tells frontal from lateral, with what it does to its input."""
    with published_file("xinario_chestViewSplit_resnet-50.pt", empty_view().state_dict()):
        module = xrv.baseline_models.xinario.ViewModel()
    y = in_colours(builder, "image")
    for part in RESNET:
        y = lower(builder, getattr(module.model, part), part, y)
    return module, y, "fc"


def empty_view() -> Any:
    """Return the network of the view model, untrained."""
    return sys.modules["torchvision.models"].resnet50(weights=None)


def randomise(module: Any) -> None:
    """Give every batch normalisation statistics of its own, so that none can be left out."""
    torch.manual_seed(20)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
            part.weight.data.uniform_(0.5, 1.5)
            part.bias.data.normal_(0, 0.1)


def run_filled(
    model: Any, builder: Builder, state: dict[str, Any], inputs: dict[str, np.ndarray]
) -> list[np.ndarray]:
    """Check a graph, fill it with weights, run it, and return its outputs."""
    with tempfile.TemporaryDirectory() as folder:
        weights = bytearray(builder.end)
        for entry in builder.manifest:
            raw = state[entry["name"]].numpy().astype("<f4").tobytes()
            weights[entry["offset"] : entry["offset"] + len(raw)] = raw
        (Path(folder) / "weights.bin").write_bytes(weights)
        (Path(folder) / "graph.onnx").write_bytes(model.SerializeToString())
        onnx.checker.check_model(str(Path(folder) / "graph.onnx"))
        session = onnxruntime.InferenceSession(str(Path(folder) / "graph.onnx"))
        outputs: list[np.ndarray] = session.run(None, inputs)
    return outputs


def difference(model: Any, builder: Builder, module: Any, classifier: str, size: int) -> float:
    """Return the largest relative difference of logits between graph and module."""
    state = {name.removeprefix("model."): value for name, value in module.state_dict().items()}
    image = torch.rand(2, 1, size, size) * 2048 - 1024
    with torch.inference_mode():
        expected = module.eval()(image).numpy()
    used = expected.shape[1]
    rows, bias = (state[f"{classifier}.{part}"][:used].numpy() for part in ("weight", "bias"))
    inputs = {"image": image.numpy(), "classifier_weight": rows, "classifier_bias": bias}
    logits, maps, features = run_filled(model, builder, state, inputs)
    if not np.allclose(maps.mean((2, 3)) + bias, logits, atol=1e-3):
        raise SystemExit("the maps do not average to the logits")
    again = features.astype(np.float64) @ rows.T + bias
    if not np.allclose(again, logits, rtol=1e-3, atol=1e-3 * np.abs(logits).max()):
        raise SystemExit("the features do not give the logits")
    return float(np.abs(logits - expected).max() / np.abs(expected).max())


def export(
    xrv: Any, name: str, lower_all: Any, *, size: int, channels: int, outputs: int = 0
) -> None:
    """Build, check and write one graph with its manifest.

    `outputs` are the rows of its classifier where only the first of them are used.
    """
    builder = Builder()
    module, features, classifier = lower_all(builder, xrv)
    side = size // 32
    head(builder, features, channels=channels, side=side)
    model = finish(builder, name, size=size, channels=channels, side=side)
    randomise(module)
    off = difference(model, builder, module, classifier, size)
    if not off < TOLERANCE:
        raise SystemExit(f"{name}: graph and module differ by {off}")
    GRAPHS.mkdir(exist_ok=True)
    (GRAPHS / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    manifest = {
        "name": name,
        "input_size": size,
        "map_side": side,
        "features": channels,
        "classifier": classifier,
        **({"outputs": outputs} if outputs else {}),
        "weights_size": builder.end,
        "made_from": f"torchxrayvision {xrv.__version__}",
        "tensors": builder.manifest,
    }
    lines = json.dumps(manifest, indent=1).replace("\n   ", " ").replace("\n  }", "}")
    (GRAPHS / f"{name}.json").write_text(lines + "\n")
    print(f"{name}: {len(builder.nodes)} nodes, {builder.end} bytes of weights, off by {off:.1e}")


def main() -> None:
    """Write every graph."""
    xrv = import_torchxrayvision()
    export(xrv, "densenet121-res224", densenet121, size=224, channels=1024)
    export(xrv, "resnet50-res512", resnet50, size=512, channels=2048)
    export(xrv, "resnet50-res224-view", view, size=224, channels=2048, outputs=1000)


if __name__ == "__main__":
    main()
