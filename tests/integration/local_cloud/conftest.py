"""A corrected emulator with its inbox, as `make up` starts them, on free ports and in a folder of its own."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_cloud.emulator_process import LocalEmulator
from local_cloud.outbox.server import Outbox
from local_cloud.platform import HOST, Platform

PORTS_TRIED = range(20_000, 30_000, 10)


def free_port_base() -> int:
    """A base whose ports are all free now, for a platform of a test."""
    for port_base in PORTS_TRIED:
        if all(_is_free(port_base + offset) for offset in range(4)):
            return port_base
    raise RuntimeError(f"no free ports in {PORTS_TRIED}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


@dataclass(frozen=True)
class RunningEmulator:
    platform: Platform
    process: LocalEmulator
    outbox: Outbox


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(folder=tmp_path / "local", port_base=free_port_base())


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    platform = Platform(folder=tmp_path_factory.mktemp("emulator"), port_base=free_port_base())
    outbox, process = Outbox(platform.ports["outbox"]), LocalEmulator(platform)
    outbox.start()
    process.start()
    yield RunningEmulator(platform, process, outbox)
    process.stop()
    outbox.stop()
