"""What the start loads is nothing for the garbage collector; what comes later is."""

import gc
import os
import subprocess
import sys
import threading

import pytest

import hilum.dataset.engine
import hilum.node
from hilum.demo.run import demo_node
from hilum.settings import Settings
from orthanc_server import free_ports


def test_workers_collect_what_they_make_and_not_what_was_loaded():
    """The process that forks them sets aside all that it loaded, and lets the collector in."""
    program = "import gc, hilum.node.preload; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"

    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "True True" == said.stdout.strip()


def test_process_that_forks_loads_no_database_and_no_web():
    """Neither reads an image, and every worker would carry it."""
    program = """
import sys, hilum.node.preload
print({"sqlalchemy", "dbos", "httpx", "fastapi"} & set(sys.modules) or "none")
"""

    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert said.stdout.strip() == "none"


@pytest.mark.parametrize("preloaded", [hilum.node.PRELOADED, hilum.dataset.engine.PRELOADED])
def test_process_that_forks_has_the_engine(preloaded):
    """Each worker would load it for itself, and share none of it."""
    program = f"import sys, {preloaded}; print('onnxruntime' in sys.modules)"

    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "True" == said.stdout.strip()


def test_archive_and_workers_begin_before_database_jobs_and_page_are_loaded(tmp_path):
    """To load those takes a processor longer than archive and model take on another one."""
    program = """
import sys, threading
from hilum.node import start
from hilum.settings import Settings

began = threading.Event()
start.InferencePool.warm = lambda _: began.set()

def begin(_):
    print(began.wait(10), {"sqlalchemy", "dbos", "fastapi"} & set(sys.modules) or "none")
    raise SystemExit

start.OrthancProcess.begin = begin
with start.started(Settings.load(), threading.Event()):
    pass
"""
    http_port, dicom_port = free_ports(2)
    own = {
        "HILUM_DATA_FOLDER": str(tmp_path),
        "HILUM_PACS__PROGRAM": "/bin/true",
        "HILUM_PACS__HTTP_PORT": str(http_port),
        "HILUM_PACS__DICOM_PORT": str(dicom_port),
    }

    said = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **own, "HILUM_PAGE__ENABLED": "false"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == "True none"


def test_process_that_forks_hears_nothing_of_the_terminal():
    """Neither do its children; the node itself does."""
    program = """
import multiprocessing, signal
from concurrent.futures import ProcessPoolExecutor
from hilum.runtime import fork_server

fork_server.begin("json")
with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as pool:
    there = pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
print(set(fork_server.BLOCKED) <= there, signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""

    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "True set()" == said.stdout.strip()


def test_end_after_a_resource_tracker_was_killed_is_quiet():
    """Python starts another one, which does not know the semaphores that the end gives back."""
    program = """
import multiprocessing, os, signal
from multiprocessing import resource_tracker
from hilum.runtime import fork_server

fork_server.begin("json")
lock = multiprocessing.get_context("forkserver").RLock()
tracker = resource_tracker._resource_tracker._pid
os.kill(tracker, signal.SIGKILL)
os.waitid(os.P_PID, tracker, os.WEXITED | os.WNOWAIT)
"""

    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "died unexpectedly" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.orthanc
def test_node_collects_what_it_makes_from_its_start_on():
    """``hilum up`` loads without the collector; a node that is there has it again."""
    gc.disable()
    try:
        with demo_node(Settings.load(), threading.Event()):
            assert gc.isenabled()
            assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()
