"""Named parts, built from a config's NAME and ARGS.

A registry maps a part's class name to its class and checks arguments against the class's own
signature, so that a misspelt option is an error with a proposal and never silently ignored.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import Any, TypeVar

from utils.errors import ConfigError, PartError
from utils.other_names import other_names

# What arguments of a wrong type or size raise beside TypeError and ValueError, in PyTorch too.
_OTHER_REFUSALS = (AttributeError, LookupError, ArithmeticError, RuntimeError)

REQUIRED: Any = inspect.Parameter.empty  # stands for the default of an argument that has none

Part = TypeVar("Part", bound=Callable[..., Any])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A proposal to append to an error: the nearest of `known`, else all of them."""
    known = sorted(known)
    lowered = {name.lower(): name for name in known}
    nearest = get_close_matches(word.lower(), lowered, n=3, cutoff=0.6)
    if nearest:
        return f"did you mean {' or '.join(lowered[name] for name in nearest)}?"
    return f"known: {', '.join(known) or 'none'}"


class Registry:
    """The parts of one kind, by class name.

    Args:
        kind: what the parts are, in the words of an error message ("architecture").
        given: the arguments that the framework supplies to those parts that take them, such as an
            optimizer's `params`; a config cannot.
    """

    def __init__(self, kind: str, given: Sequence[str] = ()) -> None:
        self.kind = kind
        self.given = tuple(given)
        self._parts: dict[str, Callable[..., Any]] = {}

    def register(self, part: Part) -> Part:
        """Class decorator: make `part` available under its own name.

        Raises:
            PartError: another part already has this name.
        """
        name = part.__name__
        known = self._parts.get(name)
        if known is not None and known.__module__ != part.__module__:
            raise PartError(
                f"{self.kind} {name} of {part.__module__} is already registered by "
                f"{known.__module__}; give one of them another name"
            )
        self._parts[name] = part
        return part

    def names(self) -> list[str]:
        """The names a config can use, sorted."""
        return sorted(self._parts)

    def get(self, name: str) -> Callable[..., Any]:
        """The part called `name`.

        Raises:
            PartError: there is none.
        """
        if name not in self._parts:
            raise PartError(f"no {self.kind} is called {name!r}; {did_you_mean(name, self._parts)}")
        return self._parts[name]

    def arguments(self, name: str) -> dict[str, Any]:
        """What ARGS of part `name` may hold: argument -> default, `REQUIRED` where there is none.

        Raises:
            PartError: there is no such part.
        """
        return {
            argument: REQUIRED if parameter.default is parameter.empty else parameter.default
            for argument, parameter in inspect.signature(self.get(name)).parameters.items()
            if argument not in self.given and not _is_variadic(parameter)
        }

    def summary(self, name: str) -> str:
        """The first line of the docstring of part `name`; empty where it has none.

        Raises:
            PartError: there is no such part.
        """
        return (inspect.getdoc(self.get(name)) or "").partition("\n")[0]

    def build(self, name: str, /, **arguments: Any) -> Any:
        """Build part `name` with keyword arguments, checked against its signature.

        Raises:
            PartError: an unknown name, an unknown argument, or one that is missing.
        """
        part = self.get(name)
        parameters = inspect.signature(part).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        others = other_names(part)
        given = [others.get(argument, argument) for argument in arguments]
        for argument in given:
            if argument not in parameters and not takes_any:
                raise PartError(
                    f"{self.kind} {name} takes no argument {argument!r}; "
                    f"{did_you_mean(argument, [*parameters, *others])}",
                    argument,
                )
        for argument, parameter in parameters.items():
            needed = parameter.default is parameter.empty and not _is_variadic(parameter)
            if needed and argument not in given:
                raise PartError(f"{self.kind} {name} needs the argument {argument!r}", argument)
        return part(**arguments)


def build_part(registry: Registry, spec: Mapping[str, Any], key: str, **given: Any) -> Any:
    """Build the part that a config node `{NAME: ..., ARGS: {...}}` names.

    Args:
        registry: where the part is looked up.
        spec: the node.
        key: where the node stands in the config, for error messages ("MODEL").
        given: arguments that the framework supplies itself, such as a model's parameters; of those
            that the registry states.

    Raises:
        ConfigError: naming the key, for an unknown name, an unknown, missing or refused argument.
    """
    if "NAME" not in spec:
        raise ConfigError(f"{key}.NAME: is missing; known: {', '.join(registry.names())}")
    name = spec["NAME"]
    arguments = dict(spec.get("ARGS") or {})
    unstated = sorted(set(given) - set(registry.given))
    if unstated:  # a defect: the option reference would offer them to people
        raise AssertionError(f"{unstated} must stand in the given of {registry.kind}'s Registry")
    taken = sorted(set(arguments) & set(given))
    if taken:
        raise ConfigError(f"{key}.ARGS.{taken[0]}: is set by the framework; remove it")
    try:
        return registry.build(name, **arguments, **given)
    except PartError as error:
        place = f"{key}.NAME" if error.argument is None else f"{key}.ARGS.{error.argument}"
        raise ConfigError(f"{place}: {error}") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{key}.ARGS: {registry.kind} {name} refuses them: {error}") from error
    except _OTHER_REFUSALS as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise ConfigError(
            f"{key}.ARGS: {registry.kind} {name} cannot be built with them: {reason} "
            "(--debug shows where)"
        ) from error


def _is_variadic(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)


def import_submodules(package: ModuleType) -> None:
    """Import every module of `package`, so that the parts in its files register themselves."""
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
