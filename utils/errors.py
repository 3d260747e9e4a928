"""The one family of errors a user can cause.

Each message names the file, key or field at fault and says what to do; tools print it in one or
two lines and exit with status 2. Anything else that is raised is a defect of Pellucid.
"""

from collections.abc import Sequence

_NAMED = 5  # things a message names before it only counts


class PellucidError(Exception):
    """Base of every error that a user can cause and mend."""


class ConfigError(PellucidError):
    """A config file, an override, or a part it names is wrong."""


class PartError(ConfigError):
    """A registry has no such part, or the part takes no such argument.

    `argument` is the offending argument's name, or None where the part's name itself is wrong.
    """

    def __init__(self, message: str, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class DataError(PellucidError):
    """A data set is missing, incomplete or does not fit together."""


class ImageError(PellucidError):
    """A picture cannot be read, written or used.

    `file` is the path of a file that cannot be read, or None where something else is wrong.
    """

    def __init__(self, message: str, file: str | None = None) -> None:
        super().__init__(message)
        self.file = file


class ImageFormatError(ImageError):
    """A picture is in a format, colour space or depth that is not read."""


class ImageTooLargeError(ImageError):
    """A picture has more pixels than may be decoded or restored."""


class CheckpointError(PellucidError):
    """A checkpoint or weights file cannot be read or does not fit the model."""


class TrainingError(PellucidError):
    """A run cannot start or go on."""


def some(names: Sequence[str], separator: str = ", ", named: int = _NAMED) -> str:
    """The first few of many, and how many more there are, for a message."""
    rest = len(names) - named
    return separator.join(names[:named]) + (f" and {rest} more" if rest > 0 else "")
