"""Stacks as a picture: which part of a program takes how much of its time.

Usage: python -m bench.flame STACKS PICTURE.svg

STACKS is what ``py-spy record --gil --format raw`` writes of a running node: who holds Python's
lock uses the processor. Frames of less than a two-hundredth are left out.
"""

import re
import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Final, Self

WIDTH, HEIGHT, TOP = 1400, 15, 40
LEAST: Final = 0.005
LETTER: Final = 6.2
COLOURS: Final = {
    "hilum/": "#8fbf9f",
    "dbos/": "#e3a76f",
    "sqlalchemy/": "#9db4d6",
    "httpx/": "#d6a5c9",
    "http/": "#d6a5c9",
    "pebble/": "#d8d08a",
}
PLAIN: Final = "#d5d5d5"
LINE: Final = re.compile(r":\d+\)$")
SKIPPED: Final = ("threading.py", "contextlib.py", "concurrent/futures", "dbos/_outcome.py")
"""What only calls the next one."""


@dataclass
class Frame:
    """A function, called from its parent."""

    name: str
    samples: int = 0
    calls: dict[str, Self] = field(default_factory=dict)

    def add(self, stack: list[str], samples: int) -> None:
        """Count samples of a stack below this frame."""
        self.samples += samples
        if stack:
            first, *rest = stack
            self.calls.setdefault(first, type(self)(first)).add(rest, samples)


def read(path: Path) -> Frame:
    """Read the stacks of a file."""
    whole = Frame("the node process")
    for line in path.read_text(encoding="utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        if not count.isdigit():  # the last one, cut off
            continue
        names = [LINE.sub(")", each) for each in stack.split(";")]
        whole.add([n for n in names if not any(each in n for each in SKIPPED)], int(count))
    return whole


def draw(whole: Frame) -> str:
    """Return the picture as SVG."""
    boxes: list[str] = []
    deepest = _boxes(whole, 0.0, 0, WIDTH / whole.samples, boxes)
    height = TOP + HEIGHT * (deepest + 1)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="monospace" font-size="10"><rect width="100%" height="100%" fill="white"/>'
        '<text x="8" y="22" font-size="14">Processor time of the node process: hilum green, DBOS '
        "orange, SQLAlchemy blue, HTTP violet</text>"
    )
    return "\n".join([head, *boxes, "</svg>\n"])


def _boxes(frame: Frame, left: float, depth: int, scale: float, boxes: list[str]) -> int:
    """Add the boxes of a frame and what it calls; return the deepest row."""
    width = frame.samples * scale
    colour = next((c for part, c in COLOURS.items() if part in frame.name), PLAIN)
    top = TOP + HEIGHT * depth
    share = f"{100 * width / WIDTH:.1f} %"
    text = escape(frame.name[: int(width / LETTER)]) if width > 5 * LETTER else ""
    boxes.append(
        f'<g><title>{escape(frame.name)}: {share}</title><rect x="{left:.1f}" y="{top}" '
        f'width="{width:.1f}" height="{HEIGHT - 1}" fill="{colour}"/>'
        + (f'<text x="{left + 2:.1f}" y="{top + 11}">{text}</text>' if text else "")
        + "</g>"
    )
    deepest = depth
    for each in sorted(frame.calls.values(), key=lambda each: -each.samples):
        if each.samples * scale >= LEAST * WIDTH:
            deepest = max(deepest, _boxes(each, left, depth + 1, scale, boxes))
        left += each.samples * scale
    return deepest


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(draw(read(Path(sys.argv[1]))), encoding="utf-8")
