"""Where a process is killed: a step of the path, and who dies there."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from faults.proxy import Rule


@dataclass(frozen=True, slots=True)
class Step:
    """How a step of the path is seen from outside: by what is asked of the PACS.

    Attributes
    ----------
    method, path
        Of the request, as in `Rule`.
    lasts_ms
        How long after that request the step may still be in work.
    """

    method: str
    path: str
    lasts_ms: int


ID: Final = "[0-9a-f-]{44}"

STEPS: Final = {
    "follow": Step("GET", r"/changes\?.*", 10),
    "arrive": Step("GET", rf"/instances/{ID}/simplified-tags", 15),
    "begin": Step("GET", rf"/instances/{ID}/attachments/dicom/md5", 150),
    "read": Step("GET", rf"/instances/{ID}/file", 120),
    "store": Step("POST", "/instances", 10),
    "verify": Step("POST", "/tools/bulk-content", 5),
    "settle": Step("POST", "/tools/bulk-content", 40),
    "forward": Step("POST", r"/(modalities|peers)/\w+/store", 40),
}
"""The feed is followed, what is new is looked at, its job begins and goes its steps."""

THE_PATH: Final = ("follow", "arrive", "begin", "read", "store", "verify", "settle")
OF_A_JOB: Final = ("read", "store", "verify", "settle")
"""Steps that a worker does too."""


@dataclass(frozen=True, slots=True)
class KillPoint:
    """One kill.

    Attributes
    ----------
    victim
        Who dies.
    step
        Key of `STEPS`.
    early
        Whether before the request reaches the PACS; else when its answer is there.
    skip
        How many such requests pass first.
    delay_ms
        How long after the request.
    """

    victim: str
    step: str
    early: bool
    skip: int
    delay_ms: int

    def __str__(self) -> str:
        when = "before" if self.early else f"{self.delay_ms} ms after"
        return f"{self.victim} {when} request {self.skip + 1} of {self.step}"


def kill_points(
    rng: random.Random, victims: Sequence[str], count: int, steps: Sequence[str] = THE_PATH
) -> list[KillPoint]:
    """Return `count` points in random order: every victim at every step, then again."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        pairs += [(victim, step) for victim in victims for step in steps]
    pairs = pairs[:count]
    rng.shuffle(pairs)
    points = []
    for victim, step in pairs:
        early = rng.random() < 0.4 and step != "settle"
        delay = 0 if early else rng.randint(0, STEPS[step].lasts_ms)
        points.append(KillPoint(victim, step, early, rng.randint(0, 2), delay))
    return points


def rule_of(
    point: KillPoint, kill: Callable[[], None], whose: Callable[[], int] | None = None
) -> tuple[Rule, threading.Event]:
    """Return the rule that kills at `point`, once, and the event that it was done.

    Parameters
    ----------
    point
        Where.
    kill
        Does it.
    whose
        Returns the process that has to be in that step; None for anybody.
    """
    step = STEPS[point.step]
    done = threading.Event()

    def later() -> None:
        time.sleep(point.delay_ms / 1000)
        kill()
        done.set()

    def after() -> None:
        if point.delay_ms == 0:
            kill()
            done.set()
        else:  # the answer goes on meanwhile
            threading.Thread(target=later).start()

    def before() -> None:
        kill()
        done.set()

    rule = Rule(step.method, step.path, whose=whose, skip=point.skip, times=1)
    if point.early:
        rule.before = before
    else:
        rule.after = after
    return rule, done
