"""The config node: a yacs node without the habits of yacs that surprise people."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from yacs.config import CfgNode

from config.text import to_yaml


class Config(CfgNode):
    """A mapping with attribute access that can be frozen at every depth and keeps its order.

    Mappings put into it become nodes. Lists stay lists while the node can be changed and are
    tuples while it is frozen, so that nothing inside a frozen config can change.

    Args:
        values: what it holds at first.
        named: more of the same: `Config(NAME="UNet", ARGS=Config())`.
    """

    def __init__(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        super().__init__()
        for key, value in {**(values or {}), **named}.items():
            self[key] = value

    def __setitem__(self, key: str, value: Any) -> None:
        self._refuse_if_frozen(key)
        super().__setitem__(key, _as_node(value))

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delitem__(self, key: str) -> None:
        self._refuse_if_frozen(key)
        super().__delitem__(key)

    def __delattr__(self, key: str) -> None:
        del self[key]

    def __ior__(self, values: Mapping[str, Any]) -> "Config":  # type: ignore[override,misc]
        self.update(values)
        return self

    def update(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> None:  # type: ignore[override]
        """Set several keys; an AttributeError where the config is frozen."""
        for key, value in {**(values or {}), **named}.items():
            self[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of `key`, set to `default` first where there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        """Remove `key` and return its value; an AttributeError where the config is frozen."""
        self._refuse_if_frozen(key)
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        """Remove and return the last pair; an AttributeError where the config is frozen."""
        self._refuse_if_frozen("the last key")
        return super().popitem()

    def clear(self) -> None:
        """Remove every key; an AttributeError where the config is frozen."""
        self._refuse_if_frozen("every key")
        super().clear()

    def dump(self, **_: Any) -> str:
        """The node as YAML, in order; loading it gives the same values back."""
        return to_yaml(as_dict(self))

    def __str__(self) -> str:
        return self.dump()

    def __reduce__(self) -> tuple[Callable[..., "Config"], tuple[dict[str, Any], bool]]:
        return _rebuild, (dict(self), self.is_frozen())

    def merge_from_file(self, *_: Any) -> NoReturn:
        """Not available: yacs would bring back its own rules."""
        raise TypeError("use config.load_config, which knows the rules of every option")

    merge_from_list = merge_from_file
    merge_from_other_cfg = merge_from_file

    def _refuse_if_frozen(self, key: str) -> None:
        # An unpickled or half-built node has no flag yet, hence the default.
        if self.__dict__.get(CfgNode.IMMUTABLE, False):
            raise AttributeError(f"cannot change {key}: the config is frozen")

    def _immutable(self, is_immutable: bool) -> None:
        self.__dict__[CfgNode.IMMUTABLE] = is_immutable
        for key, value in self.items():
            # Past __setitem__, which would refuse or turn tuples into lists again.
            dict.__setitem__(self, key, _sealed(value, is_immutable))


def as_dict(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """`cfg` as plain dictionaries, lists and scalars, fit for JSON."""
    return {key: _plain(value) for key, value in cfg.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return as_dict(value)
    if isinstance(value, (list, tuple)):
        return [_plain(element) for element in value]
    return value


def _as_node(value: Any) -> Any:
    if isinstance(value, Mapping) and not isinstance(value, Config):
        return Config(value)
    if isinstance(value, (list, tuple)):
        return [_as_node(element) for element in value]
    return value


def _sealed(value: Any, frozen: bool) -> Any:
    if isinstance(value, Config):
        value._immutable(frozen)
    elif isinstance(value, (list, tuple)):
        return (tuple if frozen else list)(_sealed(element, frozen) for element in value)
    return value


def _rebuild(values: dict[str, Any], frozen: bool) -> Config:
    cfg = Config(values)
    if frozen:
        cfg.freeze()
    return cfg
