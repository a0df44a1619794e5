"""OHIF's settings text."""

import json
from typing import Any

import pytest

from hilum.web.ohif import app_config


def settings(text: str) -> dict[str, Any]:
    """Return what the script assigns to ``window.config``."""
    _, assignment, value = text.partition("window.config = ")
    assert assignment
    assert value.endswith(";\n")
    return json.loads(value.removesuffix(";\n"))


def test_all_of_dicomweb_goes_to_one_path_of_the_viewers_own_origin() -> None:
    """QIDO-RS and WADO-RS go where the page's login is, whatever the host is called."""
    (source,) = settings(app_config(dicomweb="/archive"))["dataSources"]
    roots = {name: value for name, value in source["configuration"].items() if "Root" in name}
    assert {"qidoRoot": "/archive", "wadoRoot": "/archive", "wadoUriRoot": "/archive"} == roots


def test_the_only_data_source_is_the_default_one() -> None:
    """Nothing points to a public archive, as OHIF's own default does."""
    config = settings(app_config())
    assert [config["defaultDataSourceName"]] == [s["sourceName"] for s in config["dataSources"]]


@pytest.mark.parametrize("name", ['Hospital "São José"', "</script><script>"])
def test_a_name_stays_a_name(name: str) -> None:
    """Quotation marks and letters outside ASCII arrive as they were given."""
    (source,) = settings(app_config(title=name))["dataSources"]
    assert name == source["configuration"]["friendlyName"]


def test_the_viewer_knows_below_which_path_it_is_served() -> None:
    """Links keep working when OHIF is not at the root of the server."""
    assert "/viewer/" == settings(app_config(base="/viewer/"))["routerBasename"]


def test_a_cached_viewer_still_starts() -> None:
    """What a library in OHIF asks for is there before OHIF runs; else its page stays empty."""
    assert app_config().startswith("window.__filename = ")
