"""What TorchXRayVision itself gives, for the parity tests. Runs in the reference environment.

    .reference/bin/python scripts/reference_outputs.py FOLDER [RADIOGRAPH.dcm...]

FOLDER holds, for each architecture, ``NAME.images.npy`` (images of its input size) and
``NAME.state.npz`` (a seeded state dict whose classifier is not scaled yet). The script

1. scales the classifier so that the logits of these images spread by 1 around each label's
   published operating point, because a test on saturated scores is blind;
2. saves the network as torch does, module and state dict, legacy and ZIP container;
3. loads it through TorchXRayVision's own code, from a file under its published name;
4. writes logits, scores with every published set of thresholds, and class activation maps to
   ``NAME.outputs.npz``, together with the radiographs as TorchXRayVision's reader gives them.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchxrayvision_reference import import_torchxrayvision

NAMES = {"densenet121-res224": "densenet121-res224-all", "resnet50-res512": "resnet50-res512-all"}
"""Graph → the published weights whose network it is."""

MAPS_EVERY = 8
"""Class activation maps are written for one image in so many: they are large."""


WHOLE_EVERY = 8
"""One image in so many also goes through the model's own ``forward``, as a check."""


def read_radiographs(xrv: Any, paths: list[str], size: int) -> np.ndarray:
    """Return radiographs as TorchXRayVision's own reader, crop and resizer give them."""
    crop, resize = xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(size)
    read = [resize(crop(xrv.utils.read_xray_dcm(path)[None]))[0] for path in paths]
    return np.array(read, np.float32).reshape(-1, size, size)


def load(xrv: Any, name: str, network: Any, folder: Path) -> Any:
    """Load a network through TorchXRayVision, as if it were the published file."""
    file = folder / Path(xrv.models.model_urls[name]["weights_url"]).name
    torch.save(network, file)
    kind = xrv.models.ResNet if name.startswith("resnet") else xrv.models.DenseNet
    model = kind(weights=name, cache_dir=str(folder))
    file.unlink()
    return model.eval()


def network_of(xrv: Any, name: str, state: dict[str, torch.Tensor]) -> Any:
    """Return the torch network that the published file of this name holds."""
    if name.startswith("densenet"):
        network = xrv.models.DenseNet()
    else:
        network = sys.modules["torchvision.models"].resnet50(num_classes=18, weights=None)
        network.conv1 = torch.nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    missing, surplus = network.load_state_dict(state, strict=False)
    if surplus or any(not key.endswith("num_batches_tracked") for key in missing):
        raise SystemExit(f"{name}: {missing} {surplus}")
    return network.eval()


def feature_maps(name: str, network: Any, image: torch.Tensor) -> torch.Tensor:
    """Return the last feature map, rectified: what global average pooling sees."""
    if name.startswith("densenet"):
        return torch.relu(network.features(image))
    parts = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    for part in parts:
        image = getattr(network, part)(image)
    return image


def calibrate(network: Any, means: torch.Tensor, points: np.ndarray) -> dict[str, np.ndarray]:
    """Scale the classifier: logits spread by 1 around a point near each label's threshold.

    Parameters
    ----------
    network
        Its classifier is changed.
    means
        Pooled features of the images, shape ``(images, features)``.
    points
        Operating point of each label, NaN where there is none, shape ``(labels,)``.
    """
    layer = network.classifier if hasattr(network, "classifier") else network.fc
    logits = means @ layer.weight.T
    scale = 1.0 / logits.std(0)
    finite = torch.tensor(np.nan_to_num(points, nan=0.1), dtype=torch.float32)
    target = torch.logit(finite) + torch.linspace(-1, 1, len(points))
    with torch.no_grad():
        layer.weight.mul_(scale[:, None])
        layer.bias.copy_(target - logits.median(0).values * scale)
    return {"scale": scale.detach().numpy(), "bias": layer.bias.detach().numpy()}


def save_all(network: Any, folder: Path, graph: str) -> None:
    """Save a network in both containers, as module and as state dict."""
    for kind, contents in (("module", network), ("state", network.state_dict())):
        for container in ("legacy", "zip"):
            torch.save(
                contents,
                folder / f"{graph}.{kind}.{container}.pt",
                _use_new_zipfile_serialization=container == "zip",
            )


def outputs(xrv: Any, graph: str, folder: Path, radiographs: list[str]) -> dict[str, np.ndarray]:
    """Do steps 1 to 4 for one architecture."""
    name = NAMES[graph]
    published = xrv.models.model_urls[name]
    made = np.load(folder / f"{graph}.images.npy")
    read = read_radiographs(xrv, radiographs, made.shape[-1])
    images = torch.from_numpy(np.concatenate([made, read]))[:, None]
    with np.load(folder / f"{graph}.state.npz") as arrays:
        state = {key: torch.from_numpy(arrays[key].copy()) for key in arrays.files}
    network = network_of(xrv, name, state)
    points = np.array(published["op_threshs"])
    with torch.inference_mode():
        maps = [feature_maps(name, network, image[None]) for image in images]
    features = torch.cat(maps).clone()
    result = calibrate(network, features[: len(made)].mean((2, 3)), points)
    save_all(network, folder, graph)
    model = load(xrv, name, network if graph.startswith("dense") else network.state_dict(), folder)
    layer = model.classifier if hasattr(model, "classifier") else model.model.fc
    with torch.inference_mode():
        result["cam"] = torch.einsum("kc,nchw->nkhw", layer.weight, features[::MAPS_EVERY]).numpy()
        logits = layer(features.mean((2, 3)))
        result["logit"] = logits.numpy()
        for key, thresholds in (("default", "op_threshs"), ("ppv80", "ppv80_thres")):
            model.op_threshs = torch.tensor(published[thresholds])
            scores = xrv.models.op_norm(torch.sigmoid(logits), model.op_threshs)
            whole = torch.cat([model(image[None]) for image in images[::WHOLE_EVERY]])
            if not torch.allclose(whole, scores[::WHOLE_EVERY], atol=1e-6):
                raise SystemExit(f"{name}: its parts do not give what the whole gives")
            result[f"score_{key}"] = scores.numpy()
    return result | {"radiographs": read}


def main() -> None:
    """Write the outputs of every architecture that the folder has images for."""
    folder, radiographs = Path(sys.argv[1]), sys.argv[2:]
    xrv = import_torchxrayvision()
    torch.set_num_threads(1)  # two that wait for each other on a busy machine are slower
    for graph in NAMES:
        np.savez(
            folder / f"{graph}.outputs.npz",
            version=np.array(f"torchxrayvision {xrv.__version__}, torch {torch.__version__}"),
            **outputs(xrv, graph, folder, radiographs),
        )
    shutil.rmtree(folder / "cache", ignore_errors=True)


if __name__ == "__main__":
    main()
