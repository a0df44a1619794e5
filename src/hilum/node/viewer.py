"""Install the viewer OHIF: its package from npm's registry, or a file of it, known by its hash."""

import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Final

from hilum.errors import ModelError, ProgramNotInstalled
from hilum.files.private import make_private
from hilum.language.system import system_error
from hilum.predict.download import Download, Expected, Progress
from hilum.web.ohif_files import INSTALLED

VERSION: Final = "3.13.2"
PACKAGE: Final = f"https://registry.npmjs.org/@ohif/app/-/app-{VERSION}.tgz"
SIZE: Final = 49_906_651
SHA256: Final = "b189d3963bfc58e9394a9db8c7be75d07beb029ec211dbb126d47b62969dd3f1"
"""The release that the browser tests hold, where it is, and what it must be."""

INSIDE: Final = PurePosixPath("package/dist")
"""Where its build is in the package."""

LEFT_OUT: Final = frozenset({"ort", "dicom-microscopy-viewer"})
"""155 of its 204 MB: for artificial segmentation and for microscopy."""


def install(data_folder: Path, file: Path | None, progress: Progress) -> Path:
    """Put OHIF's build into the data folder, in place of what was there, and return where it is.

    Parameters
    ----------
    file
        The package, where it is on this machine already.

    Raises
    ------
    ProgramNotInstalled
        It cannot be had or written, or is another one than expected.
    """
    expected, folder = Expected(SIZE, SHA256), data_folder / INSTALLED
    try:
        make_private(data_folder)
        with tempfile.TemporaryDirectory(dir=data_folder, prefix="ohif-") as aside:
            package = file
            if package is None:
                package = Path(aside) / "app.tgz"
                Download(PACKAGE, package, expected, progress).run()
            else:
                expected.check(package)
            new = Path(aside) / "dist"
            _unpack(package, new)
            shutil.rmtree(folder, ignore_errors=True)
            new.replace(folder)
    except ModelError as exc:
        raise ProgramNotInstalled(
            "OHIF {version} could not be downloaded, or the file is a different one.",
            "Get {url} on another machine, and name that file with --file.",
            version=VERSION,
            url=PACKAGE,
        ) from exc
    except (OSError, tarfile.TarError) as exc:
        raise ProgramNotInstalled(
            "OHIF cannot be installed in {folder}: {why}.",
            "Check the file, the folder and the free space.",
            folder=folder,
            why=system_error(exc) if isinstance(exc, OSError) else str(exc),
        ) from exc
    return folder


def _unpack(package: Path, target: Path) -> None:
    """Write the files of the build; nothing but files, and none outside of `target`."""
    with tarfile.open(package, "r:gz") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isfile() or not path.is_relative_to(INSIDE) or ".." in path.parts:
                continue
            inner = path.relative_to(INSIDE)
            content = archive.extractfile(member)
            if content is None or inner.parts[0] in LEFT_OUT:
                continue
            (target / inner).parent.mkdir(parents=True, exist_ok=True)
            with (target / inner).open("wb") as written:
                shutil.copyfileobj(content, written)
