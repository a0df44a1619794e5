"""Write the weightless graph of CXAS, a U-Net on ResNet-50, as TorchXRayVision builds it.

    .reference/bin/python scripts/export_cxas.py

The graph takes an image in [-1024, 1024] and gives the logits of 159 masks; it is written only
when they are the module's own, with seeded weights. The published weights are not free for
every use (CC BY-NC-SA 4.0); the graph holds none of them.
"""

import json
from typing import Any, Final

import torch
from export_graphs import Builder, in_colours, lower
from export_segmentation import (
    SIZE,
    convolution,
    enlarged,
    graph_of,
    image,
    seeded,
    write,
)
from torchxrayvision_reference import import_torchxrayvision

NAME: Final = "cxas-res512"

BODY: Final = "backbone.backbone"
"""What the backbone's tensors begin with in the module; in the authors' files it is once less."""


SIDES: Final = (128, 128, 64, 32, 16)
CHANNELS: Final = (64, 256, 512, 1024, 2048)
"""Of what each layer of the backbone gives."""


def layers(builder: Builder, module: Any, name: str, x: str) -> str:
    """Append convolutions with bias, and what follows each."""
    for number, layer in module.named_children():
        at = f"{name}.{number}"
        bears = isinstance(layer, torch.nn.Conv2d)
        x = (convolution if bears else lower)(builder, layer, at, x)
    return x


def lowered(builder: Builder, network: Any) -> None:
    """Append the whole network (``BackboneUNet._forward``)."""
    x, seen = in_colours(builder, "image"), []
    for number in range(len(SIDES)):
        part = getattr(network.backbone.backbone, f"layer{number}")
        x = lower(builder, part, f"{BODY}.layer{number}", x)
        seen.append(x)
    head = network.head
    x = layers(builder, head.up1.conv1.conv, "head.up1.conv1.conv", x)
    for number, fine in ((1, 3), (2, 2), (3, 1), (4, 0)):
        block = getattr(head, f"up{number}")
        name, double = ("conv2", block.conv2) if number == 1 else ("conv", block.conv)
        channels = double.double_conv[0].in_channels - CHANNELS[fine]
        shape = builder.constant(f"size{number}", [1, channels, SIDES[fine], SIDES[fine]])
        x = builder.node("Concat", [seen[fine], enlarged(builder, x, shape)], axis=1)
        x = layers(builder, double.double_conv, f"head.up{number}.{name}.double_conv", x)
    whole = builder.constant("whole", [1, head.out.conv.in_channels, SIZE, SIZE])
    x = enlarged(builder, x, whole)
    masks = convolution(builder, head.out.conv, "head.out.conv", x)
    builder.node("Identity", [masks], "masks")


def main() -> None:
    """Write the graph, and how its weights file is laid out."""
    xrv = import_torchxrayvision()
    module = xrv.baseline_models.chestx_anatomy.UNetResNet50(weights=False)
    seeded(module)
    for name, part in module.named_modules():
        if name.endswith("bn3"):  # the sum of 16 residual blocks would explode
            part.weight.data.mul_(0.2)
    with torch.inference_mode():
        expected = module(image()).numpy()
    builder = Builder()
    lowered(builder, module)
    model = graph_of(builder, len(module.targets), NAME)
    renamed = {"backbone.layer": f"{BODY}.layer"}
    write(model, builder, module.state_dict(), expected, xrv, renamed=renamed)
    share = (expected > 0).mean((0, 2, 3))
    print(f"{((share > 0.001) & (share < 0.999)).sum()} masks are neither empty nor whole")  # noqa: PLR2004
    print(json.dumps(module.targets))


if __name__ == "__main__":
    main()
