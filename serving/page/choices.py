"""What a visitor can choose, of all that the server offers, and what it is called."""

from __future__ import annotations

from serving.catalogue import Catalogue, Choice

AUTO = "auto"
_LABELS = {AUTO: "Auto", "low-light": "Low light", "plain": "Plain colours"}
_ABOUT_AUTO = "Looks whether the picture is pixelated, and corrects it only if it is."


class Choices:
    """What there is to choose from.

    Args:
        catalogue: what the server offers.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        offers = {offer.name: offer for offer in catalogue.systems}
        self.methods = _available(catalogue.methods)
        self.models = {name: _available(offer.models) for name, offer in offers.items()}
        self.models = {name: models for name, models in self.models.items() if models}
        self._about = {name: _sentence(offer.summary) for name, offer in offers.items()}
        if self.methods and "pixelation" in self.models:
            self.models = {AUTO: self.models["pixelation"], **self.models}
            self._about[AUTO] = _ABOUT_AUTO
        self._missing = [
            f"{label_of(offer.name)}: {offer.reason}"
            for offer in catalogue.systems
            if offer.name not in self.models
        ]

    @property
    def systems(self) -> list[str]:
        """Systems by name, the one that is chosen at first before all others."""
        return list(self.models)

    @property
    def missing(self) -> str | None:
        """What this server does not offer, and why."""
        return f"Not offered here. {'; '.join(self._missing)}" if self._missing else None

    def about(self, system: str) -> str:
        """What a system does, in a sentence."""
        return self._about[system]


def label_of(name: str) -> str:
    """A system's or method's name as people read it."""
    return _LABELS.get(name, name.capitalize())


def _available(choices: list[Choice]) -> list[str]:
    return [choice.name for choice in choices if choice.available]


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."
