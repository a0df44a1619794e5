"""What TorchXRayVision's view model gives, for the parity test. Runs in the reference environment.

    .reference/bin/python scripts/reference_view.py FOLDER

FOLDER holds ``images.npy`` and ``state.npz``, a seeded state dict of ResNet-50. The script saves
it as torch does, in both containers (``legacy.pt``, ``zip.pt``), loads it through
TorchXRayVision's own class, and writes its logits and their softmax to ``outputs.npz``.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torchxrayvision_reference import import_torchxrayvision, published_file


def main() -> None:
    """Write what it gives."""
    folder = Path(sys.argv[1])
    xrv = import_torchxrayvision()
    torch.set_num_threads(1)
    with np.load(folder / "state.npz") as arrays:
        state = {key: torch.from_numpy(arrays[key].copy()) for key in arrays.files}
    network = sys.modules["torchvision.models"].resnet50(weights=None)
    missing, surplus = network.load_state_dict(state, strict=False)
    if surplus or any(not key.endswith("num_batches_tracked") for key in missing):
        raise SystemExit(f"{missing} {surplus}")
    for container in ("legacy", "zip"):
        how = {"_use_new_zipfile_serialization": container == "zip"}
        torch.save(network.state_dict(), folder / f"{container}.pt", **how)
    with published_file("xinario_chestViewSplit_resnet-50.pt", network.state_dict()):
        model = xrv.baseline_models.xinario.ViewModel().eval()
    images = torch.from_numpy(np.load(folder / "images.npy"))[:, None]
    with torch.inference_mode():
        logits = torch.cat([model(image[None]) for image in images])
    np.savez(
        folder / "outputs.npz",
        targets=np.array(model.targets),
        logits=logits.numpy(),
        softmax=torch.softmax(logits, dim=1).numpy(),
    )


if __name__ == "__main__":
    main()
