"""TorchXRayVision's own way from file to scores, as a child process of ``bench/reading.py``.

Runs in the reference environment only. Each line on standard input is the path of a
DICOM file; each line on standard output is a JSON object with the milliseconds that it
took and the process's peak memory in MiB. A network with random weights takes the same
time as one with published weights.
"""

import json
import sys
import warnings
from pathlib import Path
from time import perf_counter

import torch
from torchxrayvision_reference import import_torchxrayvision

xrv = import_torchxrayvision()
import torchvision  # noqa: E402  needs the operators that the line above defines


def main() -> None:
    """Read files as TorchXRayVision's ``scripts/process_image.py`` does, until input ends."""
    model = xrv.models.DenseNet(weights=None).eval()
    transform = torchvision.transforms.Compose(
        [xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(224)]
    )
    print("ready", flush=True)
    for line in sys.stdin:
        start = perf_counter()
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # MONOCHROME1: said for each file
            image = transform(xrv.utils.read_xray_dcm(line.strip())[None])
            torch.sigmoid(model(torch.from_numpy(image)[None]))
        spent = (perf_counter() - start) * 1000
        status = Path("/proc/self/status").read_text(encoding="ascii")
        peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
        print(json.dumps({"ms": spent, "mib": peak}), flush=True)


if __name__ == "__main__":
    main()
