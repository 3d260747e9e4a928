"""Shares of a folder restored by Ray Data, on one machine or a cluster of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from engine.manifest import Share
from engine.restore_share import Tally
from utils.errors import ConfigError

RestoreShare = Callable[[Share], Tally]

_ROOT = Path(__file__).resolve().parents[1]


class _Worker:
    """What each of Ray's processes runs.

    Args:
        restore: restores one share.
        count: of all shares.
    """

    def __init__(self, restore: RestoreShare, count: int) -> None:
        self._restore, self._count = restore, count

    def __call__(self, row: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Restore the share of a number, and give its tally."""
        tally = self._restore(Share(int(row["number"][0]), self._count))
        return {name: np.array([value]) for name, value in asdict(tally).items()}


def restore_on_ray(restore: RestoreShare, workers: int, gpus: float) -> Tally:
    """Restore as many shares as there are workers, each in a process that Ray starts.

    A cluster that runs already is joined (RAY_ADDRESS); else one is started on this machine. A
    process that dies is started anew by Ray and goes on as its manifest says. Every machine must
    see the same paths.

    Args:
        restore: restores one share; it must be possible to pickle it.
        workers: processes, and shares.
        gpus: of each worker.

    Raises:
        ConfigError: Ray is not installed.
        PellucidError: as `restore` does.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError("--ray: is not installed; pip install -r requirements-ray.txt") from error
    paths = os.pathsep.join((str(_ROOT), os.getcwd()))  # ours, and a user's own parts
    ray.init(
        runtime_env={"env_vars": {"PYTHONPATH": paths}}, include_dashboard=False, log_to_driver=True
    )
    try:
        numbers = [{"number": number} for number in range(workers)]
        # Blocks that are there already: reading them would wait for a CPU that the workers have.
        shares = ray.data.from_items(numbers, override_num_blocks=workers)
        done = shares.map_batches(
            _Worker,
            fn_constructor_args=(restore, workers),
            batch_size=1,
            concurrency=(1, workers),  # so many as there is room for
            num_gpus=gpus,
        ).take_all()
    except ray.exceptions.RayTaskError as error:
        raise error.as_instanceof_cause() from None
    finally:
        ray.shutdown()
    seconds = max(row["seconds"] for row in done)
    counts = (name.name for name in fields(Tally) if name.name != "seconds")
    return Tally(**{name: int(sum(row[name] for row in done)) for name in counts}, seconds=seconds)
