"""The way between two hosts: what leaves a network namespace takes its time, and some is lost.

The kernel's netem does the same where it is built in. Run by `nsenter` in a namespace, with the
network whose packets are meant, the address there, seconds and the share that is lost.
"""

import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final

DEVICE: Final = "far0"
TUNSETIFF: Final = 0x400454CA
IFF_TUN: Final = 0x0001
IFF_NO_PI: Final = 0x1000
"""Of Linux, linux/if_tun.h."""

LARGEST: Final = 65536


def open_device() -> int:
    """Return the open file of a new TUN device."""
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return file


def lead(network: str, address: str) -> None:
    """Lead what is sent to a network through the device, and on from there."""
    for name, value in {
        "ip_forward": "1",
        "conf/all/rp_filter": "0",
        f"conf/{DEVICE}/rp_filter": "0",
        f"conf/{DEVICE}/accept_local": "1",
    }.items():
        Path("/proc/sys/net/ipv4", name).write_text(value)
    for command in (
        f"link set {DEVICE} up",
        f"rule add iif {DEVICE} lookup main priority 10",
        f"rule add to {network} lookup 100 priority 20",
        f"route add {network} dev {DEVICE} src {address} table 100",
    ):
        subprocess.run(["ip", *command.split()], check=True)


def carry(file: int, delay_s: float, lost: float) -> None:
    """Give every packet back later, or not at all; for ever."""
    chance, under_way = random.Random(20), deque[tuple[float, bytes]]()
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        if select.select([file], [], [], wait)[0]:
            packet = os.read(file, LARGEST)
            if chance.random() >= lost:
                under_way.append((time.monotonic() + delay_s, packet))
        while under_way and under_way[0][0] <= time.monotonic():
            os.write(file, under_way.popleft()[1])


if __name__ == "__main__":
    device = open_device()
    lead(*sys.argv[1:3])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    carry(device, *map(float, sys.argv[3:]))
