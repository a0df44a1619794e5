"""Coroutines in tests that share their process with a browser."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def in_own_loop(scene: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end: a browser of other tests may have this thread's loop."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(asyncio.run, scene).result()
