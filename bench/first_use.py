"""From a machine with Docker alone to a result in OHIF: the seconds of each step.

``python -m bench first_use`` on an engine of its own (scripts/engine.sh); base images and
stand-ins are there before. ``--cached`` takes layers of the image that were built before. The
network of the demonstration takes the place of the published weights, a download of their own.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from browser.viewer import Viewer, launch
from containers.product import LONG_S, PORTS, ROOT, Engine, Product, engine_of_its_own
from orthanc_server import free_ports


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print how long something takes."""
    began = time.perf_counter()
    yield
    print(f"  {name:<52} {time.perf_counter() - began:>7.1f} s", flush=True)


def first_result(product: Product, browser: Browser) -> None:
    """Do what a person does first, once it runs."""
    password = product.within("hilum", "cat", "/data/admin-password").strip()
    tab = browser.new_page()
    tab.set_default_timeout(1000 * LONG_S)
    viewer = Viewer(tab, product.page)
    with step("sign in"):
        tab.goto(product.page)
        tab.get_by_label("User name").fill("admin")
        tab.get_by_label("Password").fill(password)
        tab.get_by_role("button", name="Sign in").click()
        tab.get_by_text("No studies yet").wait_for()
    with step("storescu"):
        product.send(1)
    with step("its findings on the worklist, which is open"):
        tab.locator(".state-stored").wait_for()
    with step("open the study"):
        tab.locator(".study .open").click()
        tab.get_by_role("link", name="Open in OHIF").wait_for()
    with step("the image in OHIF, the first time"):
        tab.get_by_role("link", name="Open in OHIF").click()
        viewer.image()


def main(arguments: list[str]) -> int:
    """Measure; the status is 0 when the result was seen."""
    parser = argparse.ArgumentParser(prog="python -m bench first_use", description=__doc__)
    parser.add_argument("--cached", action="store_true", help="with layers that are there already")
    build = ["compose", "build", *(() if parser.parse_args(arguments).cached else ["--no-cache"])]
    ports = dict(zip((f"HILUM_{name}_PORT" for name in PORTS), free_ports(len(PORTS)), strict=True))
    with (
        engine_of_its_own() as engine,
        tempfile.TemporaryDirectory(prefix="hilum-first-use-") as folder,
        sync_playwright() as web,
    ):
        environment = engine.environment | {name: str(port) for name, port in ports.items()}
        browser = launch(web)
        clone = Path(folder, "hilum")
        product = Product(Engine(environment, clone), Path(folder))
        try:
            with step("git clone"):
                subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
            with step("docker compose build"):
                product.engine.done(*build, "hilum", timeout_s=3600)
            with step("docker compose up, until it could read"):
                product.start()
            first_result(product, browser)
        finally:
            product.compose("down", "--volumes", "--timeout", "20", fails=True)
            browser.close()
    return 0
