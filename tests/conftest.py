"""Fixtures that every room's tests can use."""

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests import forks

# Before PyTorch is imported, and for every process that a test starts: small networks gain nothing
# by a second thread, and beside other processes wait for it many times as long as they take.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test: where several processes share the tests, none waits for it."""
    items.sort(key=lambda item: item.path.name != "test_apart.py")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real pictures and fixtures beside the repository."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs the pictures and fixtures in {folder}")
    return folder


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Torchvision with an empty cache and a network without a route."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.urlopen", refuse)


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user whom the system does not list, as of many containers, without $HOME."""
    if os.geteuid():
        pytest.skip("only root can become a user whom the system does not list")
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    os.setresuid(54321, -1, -1)
    yield
    os.setresuid(0, -1, -1)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that starts alike in every test."""
    return np.random.default_rng(0)


@pytest.fixture
def messages() -> Iterator[list[str]]:
    """What is logged during the test, as it is logged; whatever an earlier test set up."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, listener = logging.getLogger("pellucid"), Listener()
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    yield said
    logger.removeHandler(listener)
    logger.setLevel(level)


@pytest.fixture
def start_processes(tmp_path: Path) -> Iterator[Callable[..., list[forks.Run]]]:
    """Starts a program `count` times over in processes that work as one, as torchrun would.

    What is returned takes the program (its source, or the name of a tool), its words, the count
    and the folder to work in. Processes that still run when the test is over are killed.
    """
    started: list[forks.Run] = []

    def start(program: str, words: Sequence[object], count: int, folder: Path) -> list[forks.Run]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        shared = {"WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        file = None
        if "\n" in program:
            file = tmp_path / "program.py"
            file.write_text(program)
        for rank in range(count):
            own = {name: str(value) for name, value in {**shared, "RANK": rank}.items()}
            started.append(forks.Run(file or program, words, folder, own))
        return started[-count:]

    yield start
    for run in started:
        run.kill()
