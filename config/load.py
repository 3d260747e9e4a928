"""From a YAML file and overrides to the frozen config of a run, and back to text."""

import importlib
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config.check import check
from config.defaults import get_defaults
from config.merge import Merge
from config.node import Config, as_dict
from config.text import read_yaml
from utils.errors import ConfigError

__all__ = ["as_dict", "dump", "from_dict", "import_plugins", "load_config"]


def load_config(path: str | Path | None, overrides: Sequence[str] = ()) -> Config:
    """The frozen config of a run: defaults, then the YAML file, then the overrides.

    The modules that PLUGINS names are imported, so that their parts are registered.

    Args:
        path: a YAML file that states what differs from the defaults; None for nothing.
        overrides: KEY VALUE KEY VALUE ..., as typed on a command line.

    Raises:
        ConfigError: naming the file or "override", the full key, and what would be right.
    """
    merge = Merge(get_defaults())
    if path is not None:
        merge.tree(read_yaml(Path(path)), str(path))
    merge.overrides(overrides)
    cfg = _finished(merge)
    import_plugins(cfg, merge.source_of("PLUGINS"))
    return cfg


def from_dict(values: Mapping[str, Any], source: str = "config") -> Config:
    """A frozen config from plain values, as strict as `load_config`.

    PLUGINS are not imported: the values may come from a file that a stranger made.

    Args:
        values: what `as_dict` gave; options that it lacks take their defaults.
        source: where they come from, for error messages.

    Raises:
        ConfigError: naming the source and the full key.
    """
    merge = Merge(get_defaults())
    merge.tree(values, source)
    return _finished(merge)


def import_plugins(cfg: Config, source: str = "config") -> None:
    """Import the modules that PLUGINS names.

    Raises:
        ConfigError: naming the module that cannot be imported, why, and the line at fault.
    """
    for index, module in enumerate(cfg.PLUGINS):
        try:
            importlib.import_module(module)
        except Exception as error:  # a plug-in may fail in any way it likes
            said = error.msg if isinstance(error, SyntaxError) else error
            reason = " ".join(f"{type(error).__name__}: {said}".split())
            problem = f"cannot import {module!r}: {reason}{_place_of(error, module)}"
            raise ConfigError(f"{source}: PLUGINS.{index}: {problem}") from error


def _place_of(error: Exception, module: str) -> str:
    """Where in the plug-in it failed, as " (file:line)"; empty where there is no such plug-in."""
    if isinstance(error, SyntaxError):
        return f" ({error.filename}:{error.lineno})"
    package = module.partition(".")[0]
    own = [
        f" ({frame.f_code.co_filename}:{line})"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package
    ]
    return own[-1] if own else ""


def dump(cfg: Config) -> str:
    """`cfg` as YAML in its own order; loading it gives the same config."""
    return cfg.dump()


def _finished(merge: Merge) -> Config:
    check(merge)
    merge.cfg.freeze()
    return merge.cfg
