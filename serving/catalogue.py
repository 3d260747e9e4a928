"""What a server offers, as `GET /v1/systems` tells it and the page shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """A network that can be asked for by name.

    Attributes:
        name: what it is asked for by.
        available: whether the server holds it.
        reason: why not; None where it does.
    """

    name: str
    available: bool
    reason: str | None


@dataclass(frozen=True)
class Offer:
    """A system as it is served.

    Attributes:
        name: what it is asked for by.
        summary: what it does.
        models: its networks, the default first.
        available: whether its default network is.
        reason: why not; None where it is.
    """

    name: str
    summary: str
    models: list[Choice]
    available: bool
    reason: str | None


@dataclass(frozen=True)
class Catalogue:
    """All that can be asked for.

    Attributes:
        systems: what can be done for a picture.
        methods: by what pixelation can be detected, the default first.
    """

    systems: list[Offer]
    methods: list[Choice]
