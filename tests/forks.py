"""Programs that run in processes of their own, without the seconds that importing PyTorch takes.

Python's fork server imports everything once; each run is a child of it. The server never computes
anything itself, so what it hands to its children is as fresh as a start.
"""

import itertools
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
TOOLS = REPOSITORY / "tools"
# Optimizers import torch._dynamo when they are built; a child imports its parent's main module.
_IMPORTED = ["torch._dynamo", "pytest.__main__", __name__]
_IMPORTED += [f"tools.{file.stem}" for file in TOOLS.glob("[!_]*.py")]
_LIMIT = 120  # seconds until a run that should have ended has failed
_numbers = itertools.count()


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit status, negative for a signal, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Run:
    """A run of a Python program, as a user would start it in `folder`.

    Args:
        program: its file, or the name of a tool: "train_net".
        words: of the command line.
        folder: the current one.
        environment: what differs in it.
        limit: bytes that no file may grow beyond, as if the disk were full; 0 is none.
    """

    def __init__(self, program, words, folder, environment=None, limit=0):
        serve()
        number = next(_numbers)
        self._printed = [folder / f".{name}{number}" for name in ("out", "err")]
        file = program if isinstance(program, Path) else TOOLS / f"{program}.py"
        words = [str(word) for word in words]
        self._process = multiprocessing.get_context("forkserver").Process(
            target=_run, args=(file, words, folder, environment or {}, self._printed, limit)
        )
        self._process.start()

    @property
    def pid(self):
        """Its process, which leads a group of its own."""
        return self._process.pid

    def wait(self):
        """Wait for its end."""
        self._process.join(_LIMIT)
        assert self._process.exitcode is not None, "the run did not end"
        out, err = (path.read_text() for path in self._printed)
        return Ended(self._process.exitcode, out, err)

    def kill(self):
        """End it, if it has not."""
        if self._process.exitcode is None:
            os.kill(self.pid, signal.SIGKILL)
            self._process.join()


def run(program, *words, folder, environment=None):
    """Run a program and wait for its end."""
    started = Run(program, words, folder, environment)
    try:
        return started.wait()
    finally:
        started.kill()


def serve():
    """Start the server, unless it is there."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(_IMPORTED)
    before = dict(os.environ)
    os.environ.update(PYTHONPATH=str(REPOSITORY), OMP_NUM_THREADS="1")
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run(program, words, folder, environment, printed, limit):
    """In the child: what Python does with a program and its words."""
    os.setsid()
    os.chdir(folder)
    for descriptor, path in enumerate(printed, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND), descriptor)
    os.environ.update(environment)
    tempfile.tempdir = None  # the server's imports have settled it; TMPDIR may say otherwise
    if limit:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.argv = [str(program), *words]
    if program.parent == TOOLS:  # which find the rooms by themselves
        sys.path[:] = [path for path in sys.path if path not in ("", str(REPOSITORY))]
    sys.path.insert(0, str(program.parent))
    runpy.run_path(str(program), run_name="__main__")
