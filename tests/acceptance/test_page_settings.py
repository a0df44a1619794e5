"""What an operator sets on the page holds at once: in a running node, and in workers elsewhere."""

import time
from pathlib import Path

import pytest

from hilum.pacs.credentials import PacsAddress
from hilum.records.accounts import Role
from hilum.records.database import open_database
from hilum.settings import Settings
from hilum.web.context import WebContext
from hilum_up import LONG_S, Up
from orthanc_server import OrthancServer, free_ports
from radiographs import dicom_file, make_radiograph
from web_context import csrf_in, open_page

pytestmark = pytest.mark.orthanc


@pytest.fixture(params=["sqlite", "postgresql"])
def up(tmp_path, empty_orthanc: OrthancServer, request: pytest.FixtureRequest) -> Up:
    """Return how to run hilum on a PACS and one kind of database."""
    made = Up(tmp_path, *free_ports(2))
    made.install_model()
    made.extra |= {
        "HILUM_PACS__URL": empty_orthanc.url,
        "HILUM_PACS__USERNAME": empty_orthanc.username,
        "HILUM_PACS__PASSWORD": empty_orthanc.password,
        "HILUM_NODE__INFERENCE_WORKERS": "1",
    }
    if request.param == "postgresql":
        address: str = request.getfixturevalue("postgresql")
        made.extra["HILUM_NODE__DATABASE"] = address.replace("+psycopg", "")
    return made


def change(up: Up, folder: Path, name: str, value: str) -> None:
    """Set something on the page, which runs in a process of its own here."""
    settings = Settings.load(data_folder=folder)
    if address := up.extra.get("HILUM_NODE__DATABASE"):
        settings = settings.changed("node", database=address)
    nowhere = PacsAddress("http://127.0.0.1:9", None, None, "HILUM", "127.0.0.1", 9)
    settings = settings.changed("page", port=0)
    with open_database(settings) as database, nowhere.orthanc(timeout_s=1) as pacs:
        web = WebContext(settings, database, "own", nowhere, pacs)
        with open_page(web) as page:
            client = page.signed_in(Role.OPERATOR)
            token = csrf_in(client.get("/settings").text)
            form = {"csrf": token, "name": name, "value": value}
            assert 303 == client.post("/settings", data=form).status_code


def settled(up: Up, server: OrthancServer, state: str) -> bool:
    """Send a radiograph; whether one comes to that state."""
    with server.client() as pacs:
        pacs.store(dicom_file(make_radiograph()))
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        if up.run("jobs", "list", "--state", state).stdout.startswith("20"):
            return True
        time.sleep(0.2)
    return False


def arrived(folder: Path, text: str) -> bool:
    """Whether a data folder has heard of a change; waits for it."""
    deadline, file = time.monotonic() + LONG_S, folder / "page-settings.json"
    while time.monotonic() < deadline:
        if file.exists() and text in "".join(file.read_text("utf-8").split()):
            return True
        time.sleep(0.1)
    return False


def test_limits_of_the_gate_hold_for_the_next_image(up, start, empty_orthanc):
    """The next image is refused, the one after the limit was taken back is analyzed."""
    asked = up.data
    if "HILUM_NODE__DATABASE" in up.extra:  # what reads has a data folder on another machine
        reading = up.folder / "data-2"
        reading.mkdir()
        (reading / "models").symlink_to(asked / "models")
        up.extra["HILUM_DATA_FOLDER"] = str(reading)
    else:
        reading = asked
    start("up")
    change(up, asked, "gate.min_side", "60000")
    assert arrived(reading, '"min_side":"60000"')
    refused = settled(up, empty_orthanc, "refused")
    change(up, asked, "gate.min_side", "")
    assert arrived(reading, '"gate":{}')

    assert refused
    assert settled(up, empty_orthanc, "stored")
