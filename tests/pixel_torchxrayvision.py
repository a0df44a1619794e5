"""Run in the reference environment: what TorchXRayVision makes of files.

Usage: python pixel_torchxrayvision.py FOLDER. For each ``NAME.dcm`` in it this writes
``NAME.npy``, the pixels, and ``NAME.224.npy``, the network's input; or ``NAME.txt``, the
error. Knows nothing of hilum.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from torchxrayvision_reference import import_torchxrayvision


def main(folder: Path) -> None:
    """Read every DICOM file of `folder`."""
    xrv = import_torchxrayvision()
    crop, resize = xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(224)
    for path in sorted(folder.glob("*.dcm")):
        try:
            pixels = xrv.utils.read_xray_dcm(path)
        except Exception as exc:  # noqa: BLE001  whatever it raises is the answer
            path.with_suffix(".txt").write_text(f"{type(exc).__name__}: {exc}")
            continue
        np.save(path.with_suffix(".npy"), pixels)
        if pixels.ndim == 2:
            np.save(path.with_suffix(".224.npy"), resize(crop(pixels[None]))[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
