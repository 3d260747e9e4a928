"""The small pictures that come with the page; samples/README.md says what they are made from."""

from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).with_name("samples")


@dataclass(frozen=True)
class Sample:
    """A picture to try the page with, and the system that it is for."""

    file: Path
    system: str


SAMPLES = (
    Sample(_FOLDER / "label_under_glare.jpg", "glare"),
    Sample(_FOLDER / "coffee_in_the_dark.jpg", "low-light"),
    Sample(_FOLDER / "cat_small.png", "super-resolution"),
    Sample(_FOLDER / "rocket_pixelated.png", "auto"),
)
