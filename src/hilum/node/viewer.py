"""Install the viewer OHIF: its package from npm's registry, or a file of it, known by its hash."""

import shutil
import tarfile
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

from hilum.errors import ProgramNotInstalled, WeightsMissing, WeightsUntrusted
from hilum.language import Message
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


MARK: Final = ".package"
"""File of an installed build that has the SHA-256 of its package."""


def install(data_folder: Path, file: Path | None, progress: Progress) -> Path:
    """Put OHIF's build into the data folder, in place of what was there, and return where it is.

    What is there already is not fetched again; a download that broke off goes on.

    Parameters
    ----------
    file
        The package, where it is on this machine already.

    Raises
    ------
    AlreadyRunning
        Another process is at it.
    ProgramNotInstalled
        It cannot be had or written, or is another one than expected.
    SettingInvalid
        The data folder cannot be written to.
    """
    from hilum.jobs.lock import locked  # noqa: PLC0415  `hilum bundle` is of use without Linux's locks

    expected, folder = Expected(SIZE, SHA256), data_folder / INSTALLED
    with locked(data_folder, f"{INSTALLED}.lock"):
        try:
            if file is not None:
                expected.check(file)
            if _is_installed(folder):
                return folder
            package = file or data_folder / f"{INSTALLED}.tgz"
            if file is None:
                Download(PACKAGE, package, expected, progress).run()
            try:
                _put(package, folder)
            finally:
                if file is None:
                    package.unlink()
        except WeightsUntrusted as exc:
            raise ProgramNotInstalled(
                "This is not the package of OHIF {version}: its size or SHA-256 differs.",
                "Get {url} on another machine, and name that file with --file.",
                version=VERSION,
                url=PACKAGE,
            ) from exc
        except WeightsMissing as exc:
            again = Message(
                "Run the same command again, which goes on where this stopped; or get {url} on "
                "another machine, and name that file with --file.",
                url=PACKAGE,
            )
            raise ProgramNotInstalled(exc.problem, again) from exc
        except (OSError, tarfile.TarError, zlib.error) as exc:
            raise ProgramNotInstalled(
                "OHIF cannot be installed in {folder}: {why}.",
                "Check the file, the folder and the free space.",
                folder=folder,
                why=system_error(exc) if isinstance(exc, OSError) else str(exc),
            ) from exc
    return folder


def _is_installed(folder: Path) -> bool:
    with suppress(FileNotFoundError):
        return (folder / MARK).read_text(encoding="ascii") == SHA256
    return False


def _put(package: Path, folder: Path) -> None:
    """Unpack aside, then change the names: a node serves the one build or the other."""
    new, old = folder.with_suffix(".new"), folder.with_suffix(".old")
    try:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
        _unpack(package, new)
        (new / MARK).write_text(SHA256, encoding="ascii")
        with suppress(FileNotFoundError):
            folder.replace(old)
        new.replace(folder)
    finally:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)


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
