"""Options: their defaults, and how a YAML file and overrides change them."""

from config.defaults import get_defaults
from config.load import as_dict, dump, from_dict, import_plugins, load_config
from config.node import Config

__all__ = [
    "Config",
    "as_dict",
    "dump",
    "from_dict",
    "get_defaults",
    "import_plugins",
    "load_config",
]
