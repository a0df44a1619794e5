"""The self-test beside a DICOMweb archive: what it does there, and what it leaves alone."""

from contextlib import closing
from pathlib import Path

import pytest

from dicomweb_servers import tiny_pacs
from hilum.errors import NodeError
from hilum.pacs import credentials
from hilum.pacs.dicomweb.client import ObjectPath
from hilum.quality import selftest
from hilum.quality.schedule import SelfTests
from hilum.radiograph import ImageUIDs
from hilum.records import Database
from hilum.records.database import sqlite_url
from hilum.settings import Settings
from stand_in import STAND_IN, install_stand_in


def settings_of(folder: Path, url: str) -> Settings:
    """Return settings of a node beside an archive, with a model that reads."""
    install_stand_in(folder)
    settings = Settings.load(data_folder=folder, pacs={"kind": "dicomweb", "url": url})
    return settings.changed("model", name=STAND_IN)


def test_phantom_is_not_sent_where_it_might_stay(tmp_path: Path):
    """But for somebody who says that they will delete it."""
    settings = settings_of(tmp_path, "http://127.0.0.1:9/dicom-web")
    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as database:
        through = selftest.LiveSelfTest(settings, database, "x")
        with pytest.raises(NodeError, match=r"cannot be deleted .* --offline"):
            selftest.run_live(through, record=False, keep=False)
        assert "--offline" in SelfTests(settings, database, "x").command.arguments


def test_phantom_is_sent_over_dicomweb(tmp_path: Path):
    """As the archive takes every image."""
    phantom = selftest.make_phantom()
    with tiny_pacs(tmp_path) as url:
        settings = settings_of(tmp_path, url)
        address = credentials.load(settings)
        assert "" == selftest.send(phantom, address, settings)
        with closing(address.connect()) as archive:
            there = archive.present([str(ObjectPath(*ImageUIDs.of(phantom)))])

    assert {phantom.SOPInstanceUID} == there
