"""How large pictures may be."""

from __future__ import annotations

from utils.errors import ImageTooLargeError


def check_size(
    most: int, height: int, width: int, factor: float = 1.0, name: str = "image"
) -> None:
    """Refuse a picture that is too large, or would become so.

    Args:
        most: pixels that a picture, and what becomes of it, may have.
        height: in pixels.
        width: in pixels.
        factor: how many times as high and wide it will be at its largest.
        name: what the message calls it.

    Raises:
        ImageTooLargeError: see above.
    """
    if height * width > most:
        raise ImageTooLargeError(
            f"{name}: has {width}x{height} pixels, more than the {most:,} allowed; shrink it"
        )
    if height * width > most / factor / factor:  # the square of a large factor overflows
        raise ImageTooLargeError(
            f"{name}: {width}x{height} pixels would become {factor:g} times as high and wide, "
            f"more than the {most:,} pixels allowed; shrink it or cut it up"
        )
