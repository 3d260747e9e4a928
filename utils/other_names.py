"""Constructor arguments that other programs call otherwise."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

Init = Callable[..., None]


def also_called(**own: str) -> Callable[[Init], Init]:
    """Decorator of `__init__`: keyword arguments are taken under other names too.

    The signature that people and the option reference see stays as it is.

    Args:
        own: other name -> the argument's own name.
    """

    def decorate(init: Init) -> Init:
        @wraps(init)
        def accepting(self: Any, *values: Any, **arguments: Any) -> None:
            renamed: dict[str, Any] = {}
            for name, value in arguments.items():
                if own.get(name, name) in renamed:
                    raise TypeError(f"{own.get(name, name)} is given twice, under two names")
                renamed[own.get(name, name)] = value
            init(self, *values, **renamed)

        vars(accepting)["also_called"] = own
        return accepting

    return decorate


def other_names(part: Callable[..., Any]) -> Mapping[str, str]:
    """Of a class, the other names of its constructor's arguments: other name -> own name."""
    return getattr(getattr(part, "__init__", None), "also_called", {})
