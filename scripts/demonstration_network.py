"""The demonstration model's network: a small CNN whose heatmaps explain its logits exactly.

For the reference environment, which has torch; hilum itself never imports this.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

INPUT: Final = 224
"""Side of the square that the network sees, pixels."""

WIDTH: Final = 12
"""Channels after the first layer; each halving of the resolution doubles them."""

GAIN: Final = 8.0
"""Factor on the classifier: a small finding fills few of the cells that are averaged."""


def layer(into: int, out: int, *, side: int = 3, stride: int = 1, dilation: int = 1) -> nn.Module:
    """Return convolution, normalisation and rectifier."""
    return nn.Sequential(
        nn.Conv2d(into, out, side, stride, side // 2 * dilation, dilation, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """One layer, added to what it was given."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.layer = layer(channels, channels, dilation=dilation)

    def forward(self, features: Tensor) -> Tensor:
        """Return ``features + layer(features)``, shape kept."""
        return features + self.layer(features)


class Network(nn.Module):
    """Pixels in [-1024, 1024] to logits and class activation maps.

    The logit is the mean of its map plus a bias: nothing else is between them.
    """

    def __init__(self, labels: int, width: int = WIDTH) -> None:
        super().__init__()
        self.features = nn.Sequential(
            layer(1, width, side=5, stride=2),  # 112
            layer(width, 2 * width, stride=2),  # 56
            Residual(2 * width),
            layer(2 * width, 4 * width, stride=2),  # 28
            Residual(4 * width),
            Residual(4 * width),
            layer(4 * width, 8 * width, stride=2),  # 14
            Residual(8 * width),
            Residual(8 * width),
            Residual(8 * width, dilation=2),
        )
        self.classifier = nn.Conv2d(8 * width, labels, 1, bias=False)
        self.bias = nn.Parameter(torch.full((labels,), -1.5))
        nn.init.normal_(self.classifier.weight, std=0.01)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits ``(n, labels)`` and maps ``(n, labels, 14, 14)`` of square pictures."""
        return self.judged(self.features(image * (1 / 512)))

    def judged(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and maps of the last feature map."""
        maps = self.classifier(seen) * GAIN
        return maps.mean(dim=(2, 3)) + self.bias, maps


class Exported(nn.Module):
    """A network that also gives what its classifier saw, pooled."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, maps and features ``(n, features)``."""
        seen = self.network.features(image * (1 / 512))
        return *self.network.judged(seen), seen.mean(dim=(2, 3))


OUTPUTS: Final = ("logits", "class_activation_maps", "features")
"""Of an `Exported` network."""


def export(
    network: nn.Module, path: Path, size: int = INPUT, outputs: Sequence[str] = OUTPUTS
) -> None:
    """Write a network as an ONNX file with hilum's names of input and outputs."""
    network.eval().to(memory_format=torch.contiguous_format)
    torch.onnx.export(
        network,
        (torch.zeros(1, 1, size, size),),
        str(path),
        input_names=["image"],
        output_names=list(outputs),
        opset_version=17,
        dynamo=False,
    )
