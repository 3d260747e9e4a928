"""The models that a server holds: loaded once, at start, and asked for by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Generic, TypeVar

from engine.correction import BlockRestorer
from engine.detector import Detector
from engine.regions.detectors import open_detector
from engine.regions.mouths import MouthDetector
from engine.regions.restore import MouthRestorer
from engine.restore_options import RestoresPictures
from engine.restorer import Restorer
from engine.systems import DETECTION_METHODS, SYSTEMS
from serving.catalogue import Catalogue, Choice, Offer
from serving.errors import Unavailable, UnknownSystem, without_paths
from serving.settings import Settings
from utils.errors import CheckpointError, ConfigError, PellucidError
from utils.logging import get_logger
from utils.registry import did_you_mean

_log = get_logger(__name__)

DETECTION = "detection"  # stands beside the systems' names where weights are given

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Held:
    """A network that restores for a system.

    Attributes:
        restorer: the network.
        system: what the system makes of it: itself, or what is around it.
    """

    restorer: Restorer
    system: RestoresPictures

    @property
    def sees_whole_pictures(self) -> bool:
        """Whether whole pictures go through the network, not parts that the system finds."""
        return self.system is self.restorer


class Choices(Generic[T]):
    """What goes by several names, the default first.

    Args:
        kind: what messages call the field that holds a name.
        files: the weights of each.
        load: makes one of a file.
        required: names whose files must load.

    Raises:
        CheckpointError: a required file cannot be loaded; any other is not offered, and that
            is logged.
        PellucidError: whatever else keeps files from being loaded, such as the device.
    """

    def __init__(
        self,
        kind: str,
        files: Mapping[str, Path],
        load: Callable[[Path], T],
        required: frozenset[str] = frozenset(),
    ) -> None:
        self._kind = kind
        self._loaded: dict[str, T | str] = {}  # or the reason why not
        for name, file in files.items():
            try:
                self._loaded[name] = load(file)
            except (CheckpointError, Unavailable) as error:
                if name in required and isinstance(error, CheckpointError):
                    raise
                _log.warning("%s: %s is not offered: %s", kind, name, error)
                self._loaded[name] = without_paths(str(error))

    def get(self, name: str | None) -> T:
        """One by its name; None means the default.

        Raises:
            ConfigError: there is none of this name.
            Unavailable: it could not be loaded.
        """
        name = next(iter(self._loaded)) if name is None else name
        if name not in self._loaded:
            proposal = did_you_mean(name, self._loaded)
            raise ConfigError(f"{self._kind}: there is no {name!r}; {proposal}")
        found = self._loaded[name]
        if isinstance(found, str):
            raise Unavailable(f"{self._kind}: {name} is not offered by this server: {found}")
        return found

    def told(self) -> list[Choice]:
        """What there is, the default first."""
        reasons = ((k, v if isinstance(v, str) else None) for k, v in self._loaded.items())
        return [Choice(name, reason is None, reason) for name, reason in reasons]


class Models:
    """All networks of a server. Weights that two systems share are loaded once.

    Args:
        settings: the device, and the weights that stand in the place of the default ones.

    Raises:
        ConfigError: no such device, or weights for a system that there is not.
        PellucidError: weights, or a face detector, that the settings name cannot be loaded. What
            needs others that cannot be had is not offered.
    """

    def __init__(self, settings: Settings) -> None:
        _check_names(settings)
        self._settings = settings
        self._faces = _open_faces(settings)
        placed = {"device": settings.device, "backend": settings.backend}
        self._restorer = cache(partial(Restorer.from_weights, **placed))
        self._systems = {
            name: self._choices(name, "model", system.weights, partial(self._hold, name))
            for name, system in SYSTEMS.items()
        }
        detector = partial(Detector.from_weights, **placed)
        self._detectors = self._choices(DETECTION, "method", DETECTION_METHODS, detector)

    def held(self, system: str, model: str | None = None) -> Held:
        """What restores pictures for a system; None is its default network.

        Raises:
            UnknownSystem: there is no such system.
            ConfigError: it has no such network.
            Unavailable: it could not be loaded.
        """
        if system not in self._systems:
            proposal = did_you_mean(system, self._systems)
            raise UnknownSystem(f"system: there is no {system!r}; {proposal}")
        return self._systems[system].get(model)

    def detector(self, method: str | None = None) -> Detector:
        """What detects pixelation by a method; None is the default.

        Raises:
            ConfigError: there is no such method.
            Unavailable: it could not be loaded.
        """
        return self._detectors.get(method)

    def catalogue(self) -> Catalogue:
        """All that there is, and why some of it is not offered."""
        offers = []
        for name, choices in self._systems.items():
            told = choices.told()
            summary = SYSTEMS[name].summary
            offers.append(Offer(name, summary, told, told[0].available, told[0].reason))
        return Catalogue(offers, self._detectors.told())

    def _hold(self, system: str, file: Path) -> Held:
        restorer = self._restorer(file)
        if system == "pixelation":
            return Held(restorer, BlockRestorer(restorer, self._settings.max_pixels))
        if system == "mouth":
            if isinstance(self._faces, Unavailable):
                raise self._faces
            return Held(restorer, MouthRestorer(restorer, self._faces))
        return Held(restorer, restorer)

    def _choices(
        self, name: str, kind: str, files: Mapping[str, Path], load: Callable[[Path], T]
    ) -> Choices[T]:
        """What can be asked for, the weights first that the settings name."""
        own = self._settings.weights.get(name)
        if own is None:
            return Choices(kind, files, load)
        others = {choice: file for choice, file in files.items() if choice != own.stem}
        return Choices(kind, {own.stem: own} | others, load, frozenset([own.stem]))


def _open_faces(settings: Settings) -> MouthDetector | Unavailable:
    """The face detector, or why there is none."""
    name, model = settings.face_detector, settings.face_detector_model
    try:
        return open_detector(name, model)
    except PellucidError as error:
        if name != "auto" or model is not None:
            raise
        return Unavailable(str(error))


def _check_names(settings: Settings) -> None:
    known = [*SYSTEMS, DETECTION]
    for name in settings.weights:
        if name not in known:
            raise ConfigError(f"--weights {name}: no such system; {did_you_mean(name, known)}")
