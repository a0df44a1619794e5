"""Write the weightless graph of TorchXRayVision's segmentation network (PSPNet, ChestX-Det).

    .reference/bin/python scripts/export_segmentation.py
    .reference/bin/python scripts/export_segmentation.py --live FOLDER

The graph takes an image in [-1024, 1024] and gives the logits of 14 masks; what the network does
to its input is part of it. With ``--live`` nothing is written to the source: FOLDER gets a weights
file as its authors wrote theirs, an image, and the masks that TorchXRayVision gives for both.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from export_graphs import (
    GRAPHS,
    IR_VERSION,
    OPSET,
    Builder,
    lower,
    lower_pooling,
    run_filled,
)
from onnx import TensorProto, helper
from torchxrayvision_reference import import_torchxrayvision

NAME: Final = "pspnet-res512"
PUBLISHED: Final = "pspnet_chestxray_best_model_4.pth"
"""Name of the published weights file."""

SIZE: Final = 512
CELLS: Final = 64
"""Side of the input, and of the last feature map."""

UNUSED: Final = ("convbnrelu4_aux.", "aux_cls.")
"""Beginnings of tensors that served the training alone."""

MOST_WRONG: Final = 1e-4
"""Share of mask pixels that may differ from the module's."""


def seeded(module: Any) -> None:
    """Give a network weights that keep the spread of what goes through it, and each its own."""
    torch.manual_seed(22)
    for part in module.modules():
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                part.bias.data.normal_(0, 0.1)
        elif isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
            part.weight.data.uniform_(0.5, 1.0)
            part.bias.data.normal_(0, 0.1)
    for name, part in module.named_modules():
        if name.endswith("cb3"):  # the sum of 33 residual blocks would explode
            part.cb_unit[1].weight.data.mul_(0.2)


def image() -> torch.Tensor:
    """Return one image in [-1024, 1024]: blobs of all sizes, shape ``(1, 1, SIZE, SIZE)``."""
    torch.manual_seed(23)
    layers = [
        torch.nn.functional.interpolate(torch.randn(1, 1, side, side), (SIZE, SIZE), mode="bicubic")
        for side in (4, 16, 64)
    ]
    return (400 * sum(layers)).clamp(-1024, 1024)


def in_colours(builder: Builder, x: str) -> str:
    """Append what TorchXRayVision does to its input: to [0, 1], three channels, normalised."""
    mean, spread = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    numbers = {"contrast": 1 / (2048 * spread), "brightness": (0.5 - mean) / spread}
    for name, values in numbers.items():
        tensor = helper.make_tensor(name, TensorProto.FLOAT, [1, 3, 1, 1], values)
        builder.constants.append(tensor)
    colours = builder.node("Concat", [x] * 3, axis=1)
    return builder.node("Add", [builder.node("Mul", [colours, "contrast"]), "brightness"])


def unit(builder: Builder, module: Any, name: str, x: str) -> str:
    """Append convolution, normalisation and what else is in one of the network's units."""
    for inner, layers in module.named_children():  # cb_unit or cbr_unit
        for number, layer in layers.named_children():
            at = f"{name}.{inner}.{number}"
            if isinstance(layer, torch.nn.Conv2d):
                x = convolution(builder, layer, at, x)
            else:
                x = lower(builder, layer, at, x)
    return x


def convolution(builder: Builder, module: Any, name: str, x: str) -> str:
    """Append a convolution, with dilation and bias where it has them."""
    inputs = [x, builder.weight(f"{name}.weight", module.weight)]
    if module.bias is not None:
        inputs.append(builder.weight(f"{name}.bias", module.bias))
    return builder.node(
        "Conv",
        inputs,
        kernel_shape=list(module.kernel_size),
        strides=list(module.stride),
        dilations=list(module.dilation),
        pads=list(module.padding) * 2,
    )


def block(builder: Builder, module: Any, name: str, x: str) -> str:
    """Append one residual block."""
    y = x
    for part in ("cbr1", "cbr2", "cb3"):
        y = unit(builder, getattr(module, part), f"{name}.{part}", y)
    if hasattr(module, "cb4"):
        x = unit(builder, module.cb4, f"{name}.cb4", x)
    return builder.node("Relu", [builder.node("Add", [y, x])])


def enlarged(builder: Builder, x: str, sides: str, output: str = "") -> str:
    """Append a bilinear resize to the size that a constant names."""
    return builder.node("Resize", [x, "", "", sides], output, mode="linear")


def pyramid(builder: Builder, module: Any, name: str, x: str) -> str:
    """Append the features beside their averages over squares of four sizes."""
    cells = builder.constant("cells", [1, 512, CELLS, CELLS])
    parts = [x]
    for number, (path, size) in enumerate(
        zip(module.path_module_list, module.pool_sizes, strict=True)
    ):
        pooled = lower_pooling(builder, torch.nn.AvgPool2d(CELLS // size, CELLS // size), x)
        told = unit(builder, path, f"{name}.path_module_list.{number}", pooled)
        parts.append(enlarged(builder, told, cells))
    return builder.node("Concat", parts, axis=1)


def lowered(builder: Builder, network: Any) -> None:
    """Append the whole network (``pspnet.forward``)."""
    x = in_colours(builder, "image")
    for number in (1, 2, 3):
        part = f"convbnrelu1_{number}"
        x = unit(builder, getattr(network, part), part, x)
    x = lower_pooling(builder, torch.nn.MaxPool2d(3, 2, 1), x)
    for number in (2, 3, 4, 5):
        part = f"res_block{number}"
        for index, layer in enumerate(getattr(network, part).layers):
            x = block(builder, layer, f"{part}.layers.{index}", x)
    x = pyramid(builder, network.pyramid_pooling, "pyramid_pooling", x)
    x = unit(builder, network.cbr_final, "cbr_final", x)
    x = convolution(builder, network.classification, "classification", x)
    whole = builder.constant("whole", [1, network.n_classes, SIZE, SIZE])
    enlarged(builder, x, whole, "masks")


def graph_of(builder: Builder, structures: int, name: str = NAME) -> Any:
    """Return the ONNX model of what was built."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        builder.nodes,
        name,
        [value("image", TensorProto.FLOAT, [1, 1, SIZE, SIZE])],
        [value("masks", TensorProto.FLOAT, [1, structures, SIZE, SIZE])],
        initializer=[*builder.constants, *builder.weights],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="hilum"
    )
    model.ir_version = IR_VERSION
    return model


def live(xrv: Any, folder: Path) -> Any:
    """Write a weights file, an image and its masks by TorchXRayVision; return the module."""
    path = folder / PUBLISHED
    inner = xrv.baseline_models.chestx_det.pspnet(
        len(xrv.baseline_models.chestx_det.PSPNet.targets)
    )
    seeded(inner)
    torch.save({f"module.{name}": value for name, value in inner.state_dict().items()}, path)
    module = xrv.baseline_models.chestx_det.PSPNet(cache_dir=str(folder))
    with torch.inference_mode():
        masks = module(image())
    np.savez(folder / "masks.npz", image=image().numpy(), masks=masks.numpy())
    return module


def write(model: Any, builder: Builder, state: Any, expected: Any, xrv: Any, **more: Any) -> None:
    """Write the graph and how its weights file is laid out, if its masks are the expected ones."""
    name = model.graph.name
    (got,) = run_filled(model, builder, state, {"image": image().numpy()})
    wrong = float(((got > 0) != (expected > 0)).mean())
    if not wrong <= MOST_WRONG:
        raise SystemExit(f"{name}: {wrong:.2e} of the mask pixels differ")
    (GRAPHS / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    manifest = {
        "name": name,
        "input_size": SIZE,
        "features": 0,
        "classifier": "",
        **more,
        "weights_size": builder.end,
        "made_from": f"torchxrayvision {xrv.__version__}",
        "tensors": builder.manifest,
    }
    lines = json.dumps(manifest, indent=1).replace("\n   ", " ").replace("\n  }", "}")
    (GRAPHS / f"{name}.json").write_text(lines + "\n")
    print(f"{name}: {len(builder.nodes)} nodes, {builder.end} bytes of weights, {wrong:.1e} differ")


def main() -> None:
    """Write the graph, or what a test compares it with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", type=Path, metavar="FOLDER")
    chosen = parser.parse_args()
    xrv = import_torchxrayvision()
    if chosen.live is not None:
        live(xrv, chosen.live)
        return
    with tempfile.TemporaryDirectory() as folder:
        module = live(xrv, Path(folder))
        with np.load(Path(folder) / "masks.npz") as file:
            expected = file["masks"]
    builder = Builder()
    lowered(builder, module.model)
    model = graph_of(builder, len(module.targets))
    write(model, builder, module.model.state_dict(), expected, xrv, unused=list(UNUSED))
    print(f"share of pixels inside: {(expected > 0).mean((0, 2, 3)).round(2)}")


if __name__ == "__main__":
    main()
