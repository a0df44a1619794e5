"""Encrypted connections by settings: DICOM to the Orthanc that hilum starts, HTTPS to another."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from certificates import Authority, Signed
from hilum.cli.main import main
from hilum.errors import FileTooLarge, PacsUnavailable, SettingInvalid
from hilum.pacs import credentials
from hilum.pacs.credentials import load_or_generate
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.pacs.orthanc.process import OrthancProcess
from hilum.pacs.tls import TlsFiles
from hilum.settings import Settings
from orthanc_server import OrthancServer, free_ports, require
from radiographs import dicom_file, make_radiograph
from tls_front import tls_front

pytestmark = pytest.mark.orthanc


@pytest.fixture
def hospital(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "hospital")


@pytest.fixture
def node(hospital: Authority) -> Signed:
    return hospital.sign("node")


@pytest.fixture
def modality(hospital: Authority) -> Signed:
    return hospital.sign("modality")


@pytest.fixture
def stranger(tmp_path: Path) -> Signed:
    return Authority(tmp_path, "elsewhere").sign("stranger")


@pytest.fixture
def settings(tmp_path: Path, hospital: Authority, node: Signed) -> Settings:
    require("Orthanc")
    http_port, dicom_port = free_ports(2)
    return Settings.load(data_folder=tmp_path / "data").changed(
        "pacs",
        http_port=http_port,
        dicom_port=dicom_port,
        dicom_tls=True,
        ca_file=hospital.file,
        certificate_file=node.certificate,
        key_file=node.key,
    )


@pytest.fixture
def running(settings: Settings) -> Iterator[OrthancProcess]:
    with OrthancProcess(settings, load_or_generate(settings)) as process:
        process.start(threading.Event())
        yield process


def storescu(settings: Settings, image: Path, *options: object) -> int:
    """Send with DCMTK; return the exit status."""
    require("storescu")
    where = ("127.0.0.1", str(settings.pacs.dicom_port), str(image))
    command = ["storescu", *map(str, options), *where]
    return subprocess.run(command, capture_output=True, check=False, timeout=50).returncode


def send(settings: Settings, image: Path, *options: object) -> Result:
    """Send with hilum."""
    target = f"HILUM@127.0.0.1:{settings.pacs.dicom_port}"
    return CliRunner().invoke(main, ["send", str(image), "--to", target, *map(str, options)])


@pytest.mark.usefixtures("running")
def test_dicom_is_taken_encrypted_only(settings, hospital, modality, stranger, radiograph_file):
    """A sender with a certificate of our authority may store; plain, unknown and anonymous not."""
    trusted = ("+cf", hospital.file)

    assert 0 == storescu(
        settings, radiograph_file, "+tls", modality.key, modality.certificate, *trusted
    )
    assert 0 != storescu(settings, radiograph_file)
    assert 0 != storescu(
        settings, radiograph_file, "+tls", stranger.key, stranger.certificate, *trusted
    )
    assert 0 != storescu(settings, radiograph_file, "+tla", *trusted)


def test_senders_without_a_certificate_can_be_let_in(settings, hospital, radiograph_file):
    """By setting: the connection is encrypted all the same."""
    opened = settings.changed("pacs", dicom_tls_any_sender=True)
    with OrthancProcess(opened, load_or_generate(opened)) as process:
        process.start(threading.Event())

        assert 0 == storescu(opened, radiograph_file, "+tla", "+cf", hospital.file)
        assert 0 != storescu(opened, radiograph_file)


@pytest.mark.usefixtures("running")
def test_hilum_send_speaks_tls(settings, hospital, modality, radiograph_file):
    """With --tls and the files of the command line."""
    files = ("--certificate-file", modality.certificate, "--key-file", modality.key)

    done = send(settings, radiograph_file, "--tls", "--ca-file", hospital.file, *files)

    assert 0 == done.exit_code, done.output
    assert "1 file: 1 stored" in done.output


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("case", ["plain", "untrusted"])
def test_hilum_send_says_why_there_is_no_connection(settings, modality, radiograph_file, case):
    """Plain against TLS, and a server whose authority nobody knows, end in one line each."""
    files = ("--certificate-file", modality.certificate, "--key-file", modality.key)
    options = () if case == "plain" else ("--tls", *files)

    done = send(settings, radiograph_file, *options)

    assert 1 == done.exit_code
    said = "closed the connection before" if case == "plain" else "over TLS that we trust"
    assert said in done.stderr, done.output
    assert "Traceback" not in done.output


def test_tls_without_its_files_is_one_clear_line(settings):
    """Orthanc would say it in its log only."""
    with pytest.raises(SettingInvalid, match=r"pacs\.dicom_tls needs pacs\.ca_file"):
        OrthancProcess(settings.changed("pacs", key_file=None), load_or_generate(settings)).start(
            threading.Event()
        )


def test_key_of_another_certificate_is_one_clear_line(node, modality, hospital):
    """What the library says about it has no place in front of a person."""
    with pytest.raises(SettingInvalid, match="are not a certificate and its key"):
        TlsFiles(hospital.file, node.certificate, modality.key).context()


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_authority_that_is_none_is_one_clear_line(tmp_path, content):
    """An empty file, or one that is cut off."""
    (tmp_path / "ca.crt").write_text(content)

    with pytest.raises(SettingInvalid, match=r"pacs\.ca_file"):
        TlsFiles(tmp_path / "ca.crt").context()


@pytest.fixture
def https_port(orthanc: OrthancServer, hospital: Authority, node: Signed) -> Iterator[int]:
    """Encrypt an Orthanc for clients with a certificate of the hospital."""
    with tls_front(orthanc.http_port, shows=node, trusts=hospital.file) as port:
        yield port


def connect(orthanc: OrthancServer, port: int, files: TlsFiles) -> OrthancArchive:
    """Return a client of the PACS as the settings give it."""
    changes = {
        "url": f"https://127.0.0.1:{port}",
        "username": orthanc.username,
        "password": orthanc.password,
        "ca_file": files.ca,
        "certificate_file": files.certificate,
        "key_file": files.key,
    }
    return credentials.load(Settings.load().changed("pacs", **changes)).orthanc(timeout_s=20)


def test_https_pacs_of_the_settings_is_asked_with_our_certificate(
    orthanc, https_port, hospital, modality
):
    """With the authority and the certificate of the settings, it answers."""
    files = TlsFiles(hospital.file, modality.certificate, modality.key)
    with connect(orthanc, https_port, files) as pacs:
        assert orthanc.aet == pacs.system()["DicomAet"]


@pytest.mark.parametrize("wrong", ["no certificate", "a stranger's", "unknown authority"])
def test_https_pacs_that_is_not_trusted_or_does_not_trust_us_is_away(
    *, orthanc, https_port, hospital, modality, stranger, wrong
):
    """Nothing is sent, not even the password."""
    files = {
        "no certificate": TlsFiles(hospital.file),
        "a stranger's": TlsFiles(hospital.file, stranger.certificate, stranger.key),
        "unknown authority": TlsFiles(None, modality.certificate, modality.key),
    }
    with (
        connect(orthanc, https_port, files[wrong]) as pacs,
        pytest.raises(PacsUnavailable, match=r"did not answer.*certificates"),
    ):
        pacs.system()


def test_hilum_send_speaks_https(orthanc, https_port, hospital, modality, radiograph_file):
    """To an address with https, with the files of the command line."""
    files = ("--certificate-file", modality.certificate, "--key-file", modality.key)
    where = f"https://{orthanc.username}:{orthanc.password}@127.0.0.1:{https_port}"
    options = ("--to", where, "--ca-file", hospital.file, *files)

    done = CliRunner().invoke(main, ["send", str(radiograph_file), *map(str, options)])

    assert 0 == done.exit_code, done.output
    assert "1 file: 1 stored" in done.output
    assert orthanc.password not in done.output


def test_certificate_for_another_host_is_not_trusted(tmp_path, hospital, modality, running_wrong):
    """A certificate of the right authority for the wrong machine is somebody in between."""
    done = send(
        running_wrong,
        tmp_path / "image.dcm",
        *("--tls", "--ca-file", hospital.file),
        *("--certificate-file", modality.certificate, "--key-file", modality.key),
    )

    assert 1 == done.exit_code
    assert "over TLS that we trust" in done.stderr


@pytest.fixture
def running_wrong(settings: Settings, hospital: Authority, tmp_path, radiograph_file):
    """Run our Orthanc with a certificate for another address."""
    (tmp_path / "image.dcm").write_bytes(radiograph_file.read_bytes())
    other = hospital.sign("other", host="192.0.2.9")
    wrong = settings.changed("pacs", certificate_file=other.certificate, key_file=other.key)
    with OrthancProcess(wrong, load_or_generate(wrong)) as process:
        process.start(threading.Event())
        yield wrong


def test_dicomweb_archive_is_reached_with_our_certificate(
    *, orthanc, https_port, hospital, modality, stranger, tmp_path
):
    """Files and searches; somebody without a certificate of the hospital has nothing."""
    image = make_radiograph()
    for shown, known in ((modality, True), (stranger, False)):
        settings = Settings.load(
            data_folder=tmp_path,
            pacs={
                "kind": "dicomweb",
                "url": f"https://127.0.0.1:{https_port}/dicom-web",
                "username": orthanc.username,
                "password": orthanc.password,
                "ca_file": hospital.file,
                "certificate_file": shown.certificate,
                "key_file": shown.key,
            },
        )
        with closing(credentials.load(settings).connect()) as archive:
            if not known:
                with pytest.raises(PacsUnavailable):
                    archive.capabilities()
                continue
            reference = archive.store(dicom_file(image)).reference
            assert image.PixelData in archive.fetch(reference, max_bytes=10**6)
            with pytest.raises(FileTooLarge):
                archive.fetch(reference, max_bytes=1000)
