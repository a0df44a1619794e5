"""Where to send: every form that is understood, and what is wrong with the others."""

import pytest

from hilum.errors import SettingInvalid
from hilum.pacs.send import DicomTarget, WebTarget, parse_target


@pytest.mark.parametrize(
    ("text", "url", "dicomweb"),
    [
        ("http://pacs:8042", "http://pacs:8042", False),
        ("http://pacs:8042/", "http://pacs:8042", False),
        ("https://pacs/orthanc", "https://pacs/orthanc", False),
        ("http://pacs:8042/dicom-web", "http://pacs:8042/dicom-web", True),
        ("http://pacs:8042/dicom-web/", "http://pacs:8042/dicom-web", True),
        ("http://pacs:8042/dicom-web/studies", "http://pacs:8042/dicom-web", True),
        (
            "https://pacs/dcm4chee-arc/aets/A/rs/studies",
            "https://pacs/dcm4chee-arc/aets/A/rs",
            True,
        ),
        ("stow+https://pacs/rs", "https://pacs/rs", True),
        ("STOW+http://pacs", "http://pacs", True),
        ("http://[::1]:8042", "http://[::1]:8042", False),
    ],
)
def test_web_addresses(text: str, url: str, dicomweb: bool):
    """REST or DICOMweb is told by the address alone."""
    assert WebTarget(url, dicomweb=dicomweb) == parse_target(text)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("PACS@host:104", DicomTarget("PACS", "host", 104)),
        ("MY PACS@10.0.0.1:11112", DicomTarget("MY PACS", "10.0.0.1", 11112)),
        (" PACS @host:104", DicomTarget("PACS", "host", 104)),
        ("PACS@[::1]:104", DicomTarget("PACS", "::1", 104)),
    ],
)
def test_dicom_addresses(text: str, target: DicomTarget):
    """AE title, host, port; insignificant spaces of the title are left out (PS3.5 6.2)."""
    assert target == parse_target(text)


def test_credentials_of_an_address_are_taken_out_of_it():
    """They are used, and shown nowhere."""
    target = parse_target("http://anna:p%40ss@pacs:8042/dicom-web")

    assert isinstance(target, WebTarget)
    assert ("anna", "p@ss") == (target.username, target.secret)
    assert "p@ss" not in f"{target} {target!r}"
    assert "http://pacs:8042/dicom-web" == str(target)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pacs", "not the address of a PACS"),
        ("", "not the address of a PACS"),
        ("PACS@host", "not the address of a PACS"),
        ("PACS@host:", "not the address of a PACS"),
        ("PACS@:104", "not the address of a PACS"),
        ("host:104", "not the address of a PACS"),
        ("PACS@host:dicom", "not the address of a PACS"),
        ("PACS@host:0", "not a port"),
        ("PACS@host:65536", "not a port"),
        ("@host:104", "not an AE title"),
        ("SEVENTEEN_LETTERS@host:104", "not an AE title"),
        ("BACK\\SLASH@host:104", "not an AE title"),
        ("PÁCS@host:104", "not an AE title"),
        ("ftp://pacs", "ftp:// is not a supported scheme"),
        ("http://", "names no host"),
        ("http://:8042", "names no host"),
        ("http://pacs:0", "names no host or port"),
        ("http://pacs:99999", "cannot be understood"),
        ("http://[::1", "cannot be understood"),
        ("http://pacs/?a=b", "must not contain \\? or #"),
    ],
)
def test_mistakes_are_named(text: str, said: str):
    """One line, with the forms that are understood."""
    with pytest.raises(SettingInvalid, match=said):
        parse_target(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://anna:secret@pacs:99999",
        "ftp://anna:secret@pacs",
        "http://anna:secret@",
        "anna:secret@pacs:8042x",
        "http://anna:secret@pacs/?x",
    ],
)
def test_mistakes_never_repeat_a_password(text: str):
    """Not even when the address cannot be used."""
    with pytest.raises(SettingInvalid) as caught:
        parse_target(text)

    assert "secret" not in str(caught.value)
