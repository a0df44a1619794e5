"""The configuration of the Orthanc that hilum starts."""

from pathlib import Path

import pytest

from certificates import Authority
from hilum.errors import NodeError, SettingInvalid
from hilum.pacs.credentials import load_or_generate
from hilum.pacs.orthanc import configuration as orthanc_configuration
from hilum.pacs.orthanc.configuration import LOCAL_AETS, configuration, modalities
from hilum.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(data_folder=tmp_path)


def configured(settings: Settings, **pacs: object) -> dict[str, object]:
    changed = settings.changed("pacs", **pacs)
    return configuration(changed.pacs, load_or_generate(changed), settings.data_folder)


def test_http_is_for_this_machine_with_a_password(settings):
    """The REST API answers this machine alone, and asks for the generated password."""
    address = load_or_generate(settings)
    content = configured(settings)

    assert content["RemoteAccessAllowed"] is False
    assert ["127.0.0.1"] == content["HttpBindAddresses"]
    assert content["AuthenticationEnabled"] is True
    assert {"hilum": address.secret} == content["RegisteredUsers"]


def test_associations_are_closed_by_default(settings):
    """Without a setting, only the usual tools on this machine may associate."""
    content = configured(settings)

    assert content["DicomAlwaysAllowStore"] is False
    assert content["DicomAlwaysAllowEcho"] is False
    assert content["DicomCheckModalityHost"] is True
    assert {"127.0.0.1"} == {each["Host"] for each in content["DicomModalities"].values()}
    assert set(LOCAL_AETS) == set(content["DicomModalities"])


def test_a_setting_opens_storing_and_nothing_else(settings):
    """An open node takes images from anyone, and still shows them to nobody."""
    content = configured(settings, open_to_any_aet=True)

    assert content["DicomAlwaysAllowStore"] is True
    assert content["DicomAlwaysAllowFind"] is False
    assert content["DicomAlwaysAllowMove"] is False
    assert content["DicomAlwaysAllowGet"] is False


def test_local_tools_may_not_search(settings):
    """A tool that gives no password may send, not look at what is there."""
    storescu = configured(settings)["DicomModalities"]["STORESCU"]

    assert (True, False, False) == tuple(
        storescu[f"Allow{each}"] for each in ("Store", "Find", "Move")
    )


def test_modality_of_the_settings_is_known_by_its_address():
    """AET@HOST:PORT is a modality that may send, search and be sent to."""
    modality = modalities(["CR 1@192.0.2.10:11112"])["CR 1"]

    assert ("CR 1", "192.0.2.10", 11112, True) == (
        modality.aet,
        modality.host,
        modality.port,
        modality.query,
    )


def test_host_name_becomes_an_address():
    """Orthanc compares addresses, so a name is looked up at the start."""
    assert "127.0.0.1" == modalities(["CR1@localhost"])["CR1"].host


def test_modality_of_the_settings_takes_a_local_tools_name():
    """A scanner that calls itself STORESCU is expected at its own address."""
    assert "192.0.2.10" == modalities(["storescu@192.0.2.10"])["STORESCU"].host


@pytest.mark.parametrize(
    "entry", ["CR1", "@host", "CR1@", "CR1@ho st", "SEVENTEEN_LETTERS@h", "A\\B@h", " @h", "A@h:x"]
)
def test_misspelt_modality_is_named(entry):
    """What is not AET@HOST is one clear line with an example."""
    with pytest.raises(SettingInvalid, match=r"allowed_aets is not AET@HOST .*CR_ROOM_1@192"):
        modalities([entry])


def test_unknown_host_is_named():
    """A host that nobody knows is one clear line."""
    with pytest.raises(SettingInvalid, match=r"The host no\.such\.invalid"):
        modalities(["CR1@no.such.invalid"])


def test_ae_title_twice_is_named():
    """Two senders under one AE title can't be told apart by Orthanc."""
    with pytest.raises(SettingInvalid, match="AE title cr1 appears twice"):
        modalities(["CR1@192.0.2.10", "cr1@192.0.2.11"])


def test_missing_plugin_is_named(settings, monkeypatch, tmp_path):
    """Without a plug-in, one line names it and the package that has it."""
    monkeypatch.setattr(orthanc_configuration, "PLUGIN_FOLDERS", (tmp_path,))

    with pytest.raises(NodeError, match=r"libOrthancDicomWeb\.so .* install orthanc-dicomweb"):
        configured(settings)


def test_encrypted_node_calls_others_encrypted(settings, tmp_path):
    """With DICOM over TLS, the port takes nothing else, and so do those that are called."""
    signed = Authority(tmp_path, "hospital").sign("node")
    files = {
        "ca_file": tmp_path / "hospital.crt",
        "certificate_file": signed.certificate,
        "key_file": signed.key,
    }
    content = configured(settings, dicom_tls=True, allowed_aets=("CR1@192.0.2.10",), **files)

    assert content["DicomTlsEnabled"] is True
    assert content["DicomTlsRemoteCertificateRequired"] is True
    assert all(each["UseDicomTls"] for each in content["DicomModalities"].values())
    assert not any("Tls" in option for option in configured(settings))


def test_orthanc_reads_undeclared_text_as_the_site_says(settings):
    """Both agree on the patient's name; without a setting Orthanc keeps its own default."""
    assert (
        "Windows1251"
        == configured(settings, default_character_set="Windows1251")["DefaultEncoding"]
    )
    assert "DefaultEncoding" not in configured(settings)
