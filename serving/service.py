"""What the API and the page both call: pictures in, pictures out, by the engine, in turn."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeVar

import numpy as np

from engine.correction import PixelationCorrector
from engine.restore_options import DEFAULTS, RestoreOptions
from engine.restorer import Restorer
from engine.verdict import Verdict, judge
from serving.backend import Backend
from serving.catalogue import Catalogue
from serving.limits import check_size
from serving.models import Models
from serving.queue import WorkQueue
from serving.settings import Settings
from utils.errors import ConfigError

T = TypeVar("T")


class Service(Backend):
    """All models, behind one bounded queue.

    Every method that takes a picture raises:
        ConfigError: a network, method or option that there is not, or that does not go with others.
        Unavailable: it is not offered by this server.
        ImageTooLargeError: the picture, or what would become of it, has too many pixels.
        ImageError: it is no picture, or cannot be restored.
        Busy: the queue is full, or the time is over.

    Args:
        settings: what the server is started with.
        models: what it holds.

    Attributes:
        queue: what everything goes through.
    """

    def __init__(self, settings: Settings, models: Models) -> None:
        self.settings = settings
        self.queue = WorkQueue(settings.queue, settings.max_batch, settings.time_limit)
        self._models = models
        self._ready = False

    @property
    def ready(self) -> bool:
        """Whether new requests should be sent here."""
        return self._ready

    async def start(self) -> None:
        """Begin to work, on the event loop that calls this."""
        await self.queue.start()
        self._ready = True

    def drain(self) -> None:
        """Ask for no more requests; those that come are answered all the same."""
        self._ready = False

    async def stop(self) -> None:
        """Finish what is inside, and take no more."""
        self.drain()
        await self.queue.stop()

    def admit(self) -> AbstractContextManager[None]:
        """Count a request, and its time, from its arrival on; see `WorkQueue.admit`."""
        return self.queue.admit()

    def systems(self) -> Catalogue:
        """As the models' files could be loaded."""
        return self._models.catalogue()

    def check_size(self, height: int, width: int, factor: float = 1.0, name: str = "image") -> None:
        """Refuse a picture that is too large, or would become so.

        Args:
            height: in pixels.
            width: in pixels.
            factor: how many times as high and wide it will be at its largest.
            name: what the message calls it.

        Raises:
            ImageTooLargeError: see above.
        """
        check_size(self.settings.max_pixels, height, width, factor, name)

    def factor(
        self, system: str, model: str | None = None, options: RestoreOptions = DEFAULTS
    ) -> float:
        """How many times as high and wide a picture becomes at its largest, for `check_size`.

        Raises:
            UnknownSystem: there is no such system.
            ConfigError: a network or an option that it has not.
            Unavailable: it is not offered by this server.
        """
        held = self._models.held(system, model)
        if held.sees_whole_pictures:
            return max(1.0, held.restorer.descriptor.scale, options.outscale or 0.0)
        if options.outscale is not None:
            raise ConfigError(f"outscale: {system} keeps a picture's size; leave it out")
        return 1.0

    async def restore(
        self,
        system: str,
        image: np.ndarray,
        *,
        model: str | None = None,
        options: RestoreOptions = DEFAULTS,
        name: str = "image",
    ) -> np.ndarray:
        """Restore a picture by a system; alike ones that wait together share a batch.

        Raises:
            UnknownSystem: there is no such system.
        """
        self._check(image, self.factor(system, model, options), name)
        held = self._models.held(system, model)
        if not held.sees_whole_pictures:
            work = _each(partial(held.system.restore, options=options))
            return await self._run(work, (image, name))
        together = partial(_restore_many, held.restorer, options)
        alike = (held, options, image.shape, image.dtype.str)
        return await self._run(together, (image, name), alike)

    async def detect(
        self, image: np.ndarray, *, method: str | None = None, name: str = "image"
    ) -> Verdict:
        """Tell whether a picture is pixelated."""
        self._check(image, 1.0, name)
        detector = self._models.detector(method)
        return await self._run(_each(partial(judge, detector)), (image, name))

    async def auto(
        self,
        image: np.ndarray,
        *,
        model: str | None = None,
        method: str | None = None,
        options: RestoreOptions = DEFAULTS,
        name: str = "image",
    ) -> tuple[np.ndarray, Verdict]:
        """Restore a picture if it is pixelated."""
        self._check(image, self.factor("pixelation", model, options), name)
        enlarger = self._models.held("pixelation", model).restorer
        detector = self._models.detector(method)
        corrector = PixelationCorrector(enlarger, detector, self.settings.max_pixels)
        work = _each(partial(corrector.correct, options=options))
        return await self._run(work, (image, name))

    def _check(self, image: np.ndarray, factor: float, name: str) -> None:
        self.check_size(image.shape[0], image.shape[1], factor, name)

    async def _run(
        self,
        work: Callable[[Sequence[tuple[np.ndarray, str]]], Sequence[T]],
        item: tuple[np.ndarray, str],
        key: Hashable | None = None,
    ) -> T:
        """Have one picture worked on; without a key, by itself."""
        with self.queue.admit():
            return await self.queue.run(work, item, object() if key is None else key)


def _each(
    work: Callable[[np.ndarray, str], T],
) -> Callable[[Sequence[tuple[np.ndarray, str]]], Sequence[T]]:
    """What does to each of several pictures, with their names, what `work` does to one."""
    return lambda items: [work(image, name) for image, name in items]


def _restore_many(
    restorer: Restorer, options: RestoreOptions, items: Sequence[tuple[np.ndarray, str]]
) -> list[np.ndarray]:
    images, names = zip(*items, strict=True)
    return restorer.restore_many(images, names, options)
