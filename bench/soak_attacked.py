"""Images that go on being read beside attackers: done exactly once, soon, within all limits.

First a calm phase, then one in which `bench.attackers` strike; both with the same rate of
images of 1024 pixels, each over an association of its own, through the HAProxy of deploy/.
A latency counts from the moment in which an image was due to be sent.
"""

import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

from bench.attackers import EVERY_S, Attackers, Target, name_of
from bench.load_images import Image, Images, small
from bench.load_latency import Watch, share_of, warmed_up
from bench.load_node import DENSENET, Node, running_node, wait_until
from bench.load_processes import family
from bench.load_senders import sending
from bench.row import Row, line
from dicom_front import fronted
from hilum.records import Database, access
from hilum.records.accounts import Role
from hilum.records.database import FILE, sqlite_url
from hilum.records.states import SETTLED, State
from hostile_files import large
from own_orthanc import MEBIBYTE, peak_of, session_of
from radiographs import dicom_file

PIXELS: Final = 1024
MODALITIES: Final = 16
"""That many images are on their way at a time: one that has to wait keeps no other waiting."""

AGAIN_S: Final = 1.0
"""After which a modality whose image was not taken sends it again."""

PICTURES: Final = 6
"""Large images for those who look at pictures: more than the page keeps."""

LOOK_S: Final = 0.03
SAMPLE_S: Final = 0.5

MOST_MIB: Final[Mapping[str, int]] = {
    "node": 600,  # as in tests/attacks/test_decoding.py: it decodes nothing
    "inference": 4096,  # node.inference_memory_bytes
    "Orthanc": 4096,  # HILUM_ORTHANC_MEMORY of compose.yaml
    "front": 64,  # mem_limit of compose.yaml
}
MOST_LOG_KIB: Final = 1024
SLOWER: Final = 2.0
"""How much the latency may grow."""


@dataclass
class Modalities:
    """Send images at random moments, and note when each had its results."""

    node: Node
    images: Images
    random: Random
    per_s: float
    objects: int
    sent: list[Image] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def run(self, seconds: float) -> Watch:
        """Send for so long; return once the last image has its results."""
        watch = Watch(self.node, self.objects)
        sender = threading.Thread(target=self._send_all, args=(watch, seconds))
        sender.start()
        while sender.is_alive():
            watch.look()
            time.sleep(LOOK_S)
        watch.wait(LOOK_S)
        return watch

    def _send_all(self, watch: Watch, seconds: float) -> None:
        due = begin = time.perf_counter()
        with ThreadPoolExecutor(MODALITIES) as threads:
            while (due := due + self.random.expovariate(self.per_s)) < begin + seconds:
                time.sleep(max(0.0, due - time.perf_counter()))
                image = next(self.images)
                self.sent.append(image)
                threads.submit(self._send, image, due, watch)

    def _send(self, image: Image, due: float, watch: Watch) -> None:
        while True:
            try:
                with sending(self.node.dicom_port) as send:
                    send(image)
            except (RuntimeError, AttributeError, OSError) as exc:  # it was not taken
                self.failed[str(exc)] += 1
                time.sleep(AGAIN_S)
            else:
                watch.expect(image, due)
                return


@dataclass
class Peaks:
    """The most memory that a process of each kind ever had, in bytes; a thread looks."""

    node: Node
    front: int | None
    peaks: dict[str, int] = field(default_factory=dict)
    orthancs: set[int] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look until the end of the block."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()

    def _run(self) -> None:
        while not self.over.wait(SAMPLE_S):
            groups = dict(family(self.node.program.pid))
            if self.front:
                groups["front"] = [self.front]
            self.orthancs.update(groups.get("Orthanc", ()))
            for kind, pids in groups.items():
                self.peaks[kind] = max(self.peaks.get(kind, 0), *map(peak_of, pids))


def soak(calm_s: float, attacked_s: float, per_s: float, seed: int, *, front: bool) -> bool:
    """Run both phases; print each promise, and return whether all were kept."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hilum-soak-")))
        node = stack.enter_context(running_node(folder / "node", DENSENET))
        images = small(PIXELS)
        objects = warmed_up(node, images)
        pictures = large_pictures(node)
        port, front_pid = node.dicom_port, None
        if front:
            port, front_pid = stack.enter_context(fronted(node.dicom_port))
        behind = Node(node.program, node.data, node.orthanc, port, node.page_port)
        modalities = Modalities(behind, images, Random(seed), per_s, objects)
        peaks = Peaks(behind, front_pid)
        stack.enter_context(peaks.watched())
        calm = modalities.run(calm_s)
        print(f"  calm: {len(calm.took_s)} images", flush=True)
        logs = log_bytes(node)
        attackers = stack.enter_context(Attackers(target(behind, pictures), seed, attacked_s))
        attacked = modalities.run(attacked_s)
        attackers.end()
        print(f"  attacked: {len(attacked.took_s)} images", flush=True)
        for name, count in sorted(attackers.strikes.items()):
            print(f"    {count:6} {name}")
        print(f"    attackers' own processor time: {attackers.cpu_s:.0f} s")
        for why, count in modalities.failed.items():
            print(f"    {count:6} not taken at once: {why}")
        kinds = Counter(name.partition(":")[0] for name in attackers.strikes.elements())
        fewest = 60 * min(kinds[name_of(each)] for each in EVERY_S) / attacked_s
        rows = [
            Row("strikes a minute of the rarest attack", fewest, "", at_least=1),
            *latencies(calm, attacked),
            *endings(node, modalities, objects),
            *within(peaks, logs, log_bytes(node)),
        ]
        for row in rows:
            print("  " + line(row), flush=True)
        return all(row.kept is not False for row in rows) and node.program.runs


def large_pictures(node: Node) -> tuple[str, ...]:
    """Store large images that are not analyzed; return their addresses on the page."""
    made = [large(ViewPosition="LL") for _ in range(PICTURES)]
    for each in made:
        node.orthanc.store(dicom_file(each))
    return tuple(f"/studies/{each.StudyInstanceUID}/images/{each.SOPInstanceUID}" for each in made)


def target(node: Node, pictures: tuple[str, ...]) -> Target:
    """Return what attackers need to know of a node; one of them is an operator."""
    with Database(sqlite_url(node.data / FILE)) as database:
        cookies = session_of(database, "mallory", Role.OPERATOR)
        with database.transaction() as connection:
            now = datetime.now(UTC)
            token = access.add_token(
                connection, "robot", "mallory", Role.OPERATOR, expires=None, now=now
            )
    return Target(node.page_port, node.dicom_port, cookies, token, pictures)


def log_bytes(node: Node) -> int:
    """Return the bytes of all that node and Orthanc have said."""
    logs = [node.program.log, *(node.data / "logs").iterdir()]
    return sum(each.stat().st_size for each in logs)


def latencies(calm: Watch, attacked: Watch) -> Iterator[Row]:
    """Yield how soon images had their results."""
    before, after = sorted(calm.took_s), sorted(attacked.took_s)
    limit = SLOWER * 1000 * share_of(before, 0.95)
    yield Row("due to stored, calm: p50", 1000 * share_of(before, 0.5), "ms")
    yield Row("due to stored, calm: p95", 1000 * share_of(before, 0.95), "ms")
    yield Row("due to stored, attacked: p50", 1000 * share_of(after, 0.5), "ms")
    yield Row("due to stored, attacked: p95", 1000 * share_of(after, 0.95), "ms", limit=limit)
    yield Row("due to stored, attacked: longest", 1000 * after[-1], "ms")


def endings(node: Node, modalities: Modalities, objects: int) -> Iterator[Row]:
    """Yield what became of images: of ours, and of those that attackers stored."""

    def rows() -> dict[str, tuple[str, int, int]]:
        with closing(sqlite3.connect(f"file:{node.data / FILE}?mode=ro", uri=True)) as base:
            asked = "SELECT sop_instance_uid, state, run, json_array_length(results) FROM image"
            return {uid: (state, run, results) for uid, state, run, results in base.execute(asked)}

    wait_until(lambda: all(row[0] in SETTLED for row in rows().values()), node.program, 1.0)
    found, want = rows(), (State.STORED, 1, objects - 1)
    ours = {each.uid: each for each in modalities.sent}
    kept = sum(found.get(uid) == want for uid in ours)
    in_pacs = sum(node.objects_of(each.study_id) == objects for each in ours.values())
    hostile = Counter(row[0] for uid, row in found.items() if uid not in ours)
    yield Row("images sent", len(ours), "")
    yield Row("images read once, with all results", kept, "", at_least=len(ours))
    yield Row("images with just these results in Orthanc", in_pacs, "", at_least=len(ours))
    for state, count in hostile.items():
        yield Row(f"images of attackers, and the first few: {state}", count, "")


def within(peaks: Peaks, before: int, after: int) -> Iterator[Row]:
    """Yield what processes took, and what was said while attackers were there."""
    for kind, most in peaks.peaks.items():
        limit = MOST_MIB.get(kind)
        yield Row(f"most memory of a process: {kind}", most / MEBIBYTE, "MiB", limit=limit)
    yield Row("times that Orthanc ended", len(peaks.orthancs) - 1, "")
    yield Row("log while attacked", (after - before) / 1024, "KiB", limit=MOST_LOG_KIB)
