"""A node that is attacked: its own Orthanc, its page, few descriptors."""

from dataclasses import dataclass

import httpx

from hilum_up import Running, Up

DESCRIPTORS = 300


@dataclass
class LimitedUp(Up):
    """`hilum up` that may have no more than `DESCRIPTORS` files and connections open."""

    def command(self, *arguments: str) -> list[str]:
        return ["prlimit", f"--nofile={DESCRIPTORS}", *super().command(*arguments)]


@dataclass(frozen=True, slots=True)
class Node:
    """A running node: its page's address, what it logs, and its data folder."""

    url: str
    port: int
    running: Running
    up: Up

    def browser(self, address: str = "127.0.0.1") -> httpx.Client:
        """Return the browser of somebody at another address of this machine."""
        transport = httpx.HTTPTransport(local_address=address)
        return httpx.Client(base_url=self.url, transport=transport, timeout=20)
