"""``hilum send``, as a person uses it, against the real Orthanc."""

import os
import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydicom import Dataset

from hilum.cli import main
from orthanc_server import OrthancServer, free_ports
from radiographs import dicom_file

MIDDLE = "it ends in the middle of the data element at byte X."

pytestmark = pytest.mark.orthanc


def send(*arguments: object, **variables: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["send", *map(str, arguments)], env=variables)


def with_password(server: OrthancServer, path: str = "") -> str:
    """Return the address of a server with its credentials in it."""
    return server.url.replace("://", f"://{server.username}:{server.password}@") + path


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    (tmp_path / "settings").mkdir()
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "settings"))


@pytest.fixture
def folder(tmp_path: Path, radiograph: Dataset) -> Path:
    """Return a folder with a radiograph, a text and a broken file, and an archive."""
    content = dicom_file(radiograph)
    path = tmp_path / "in"
    path.mkdir()
    (path / "a.dcm").write_bytes(content)
    (path / "b.txt").write_text("hello")
    (path / "c.dcm").write_bytes(content[:1000])
    with zipfile.ZipFile(path / "d.zip", "w") as archive:
        archive.writestr("again.dcm", content)
    return path


def test_each_file_has_its_line_and_the_end_its_sum(empty_orthanc: OrthancServer, folder: Path):
    """Outcomes in order; what failed makes the exit status 1."""
    result = send(folder, "--to", with_password(empty_orthanc), "--at-once", 1)

    assert 1 == result.exit_code
    assert [
        f"stored         {folder}/a.dcm",
        f"not DICOM      {folder}/b.txt: not a DICOM file",
        f"failed         {folder}/c.dcm: is truncated: {MIDDLE} Copy or export it again.",
        f"already there  {folder}/d.zip!again.dcm",
        f"4 files: 1 stored, 1 already there, 1 not DICOM, 1 failed -> {empty_orthanc.url}",
    ] == re.sub(r"byte [\d,]+", "byte X", result.stdout).splitlines()


@pytest.mark.parametrize("path", ["", "/dicom-web"])
def test_all_stored_is_status_0(empty_orthanc: OrthancServer, radiograph_file: Path, path: str):
    """The first time and the second."""
    for _ in range(2):
        assert 0 == send(radiograph_file, "--to", with_password(empty_orthanc, path)).exit_code


def test_c_store_by_its_address(empty_orthanc: OrthancServer, chest_path: Path):
    """A real radiograph to AET@HOST:PORT."""
    to = f"{empty_orthanc.aet}@127.0.0.1:{empty_orthanc.dicom_port}"
    result = send(chest_path, "--to", to)

    assert 0 == result.exit_code
    assert f"1 file: 1 stored -> {to}" in result.stdout
    with empty_orthanc.client() as client:
        assert 1 == len(client.find("Study", {"StudyDescription": "THORAX"}))


def test_pacs_of_the_settings_is_the_default(empty_orthanc: OrthancServer, radiograph_file: Path):
    """With its credentials."""
    result = send(
        radiograph_file,
        HILUM_PACS__URL=empty_orthanc.url,
        HILUM_PACS__USERNAME=empty_orthanc.username,
        HILUM_PACS__PASSWORD=empty_orthanc.password,
    )

    assert 0 == result.exit_code


def test_password_from_the_environment(empty_orthanc: OrthancServer, radiograph_file: Path):
    """So that it is in no list of processes."""
    result = send(
        radiograph_file,
        *("--to", empty_orthanc.url, "--user", empty_orthanc.username),
        HILUM_SEND_PASSWORD=empty_orthanc.password,
    )

    assert 0 == result.exit_code


def test_password_is_asked_for(empty_orthanc: OrthancServer, radiograph_file: Path):
    """When it is nowhere; what is typed is not shown."""
    arguments = ["send", str(radiograph_file), "--to", empty_orthanc.url]
    result = CliRunner().invoke(
        main, [*arguments, "--user", empty_orthanc.username], input=f"{empty_orthanc.password}\n"
    )

    assert 0 == result.exit_code
    assert empty_orthanc.password not in result.output


def test_password_is_never_printed(orthanc: OrthancServer, radiograph_file: Path):
    """Neither in the sum nor in an error."""
    (port,) = free_ports(1)
    for to in (
        with_password(orthanc),
        f"http://anna:{orthanc.password}@127.0.0.1:{port}",
        f"http://anna:{orthanc.password}@127.0.0.1:{orthanc.http_port}",
        f"http://anna:{orthanc.password}@127.0.0.1:99999",
    ):
        assert orthanc.password not in send(radiograph_file, "--to", to).output


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.dcm", "--to", "nonsense"],
        ["x.dcm", "--to", "PACS@host"],
        ["x.dcm", "--to", "PACS@host:104", "--user", "anna"],
        ["x.dcm", "--to", "PACS@host:104", "--from", "MORE_THAN_SIXTEEN_LETTERS"],
        ["x.dcm", "--at-once", "0"],
        ["x.dcm", "--nonsense"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str]):
    """With the usage, and no traceback."""
    result = send(*arguments)

    assert 2 == result.exit_code
    assert "Usage:" in result.stderr


def test_no_pacs_is_one_line(radiograph_file: Path):
    """Nothing set, nothing started."""
    result = send(radiograph_file)

    assert 1 == result.exit_code
    assert 1 == len(result.stderr.splitlines())
    assert result.stderr.startswith("hilum: No PACS is configured")


def test_missing_path_does_not_stop_the_others(
    empty_orthanc: OrthancServer, radiograph_file: Path, tmp_path: Path
):
    """It is failed, with its line; the next one is stored."""
    result = send(tmp_path / "gone", radiograph_file, "--to", with_password(empty_orthanc))

    assert 1 == result.exit_code
    assert "gone: does not exist" in result.stdout
    assert f"stored         {radiograph_file}" in result.stdout


def test_nothing_to_send_is_not_a_success(empty_orthanc: OrthancServer, tmp_path: Path):
    """A folder without any DICOM file: status 1, though no file went wrong."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("hello")
    result = send(tmp_path / "notes", "--to", with_password(empty_orthanc))

    assert 1 == result.exit_code
    assert "1 file: 1 not DICOM" in result.stdout
