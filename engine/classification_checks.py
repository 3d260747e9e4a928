"""What goes together for a classifier: model, learner and labelled pictures."""

from __future__ import annotations

from torch import nn

from config import Config
from data import LABELLERS
from data.build import build_labeller
from engine.step import Learner
from modeling.build import classifies
from utils.errors import ConfigError


def check_labeller(cfg: Config, model: nn.Module) -> None:
    """A classifier needs pictures labelled with its own classes; an architecture needs none.

    Raises:
        ConfigError: they do not go together.
    """
    labeller = build_labeller(cfg)
    name = cfg.MODEL.NAME
    if not classifies(cfg):
        if labeller is not None:
            raise ConfigError(
                f"DATA.LABELLER.NAME: MODEL {name} is no classifier and has no use for labels; "
                "remove it"
            )
        return
    if labeller is None:
        raise ConfigError(
            f"DATA.LABELLER.NAME: is empty, and MODEL {name} learns from labelled pictures; "
            f"known: {', '.join(LABELLERS.names())}"
        )
    if labeller.classes != model.descriptor.classes:
        raise ConfigError(
            f"DATA.LABELLER.NAME: {cfg.DATA.LABELLER.NAME} labels {labeller.classes}, but MODEL "
            f"{name} tells {model.descriptor.classes} apart"
        )


def check_learner(cfg: Config, learner: Learner) -> None:
    """Classifiers learn from labels, architectures from targets.

    Raises:
        ConfigError: the learner is of the other kind.
    """
    wanted, proposal = ("label", "Classification") if classifies(cfg) else ("target", "Supervised")
    learns_from = getattr(learner, "learns_from", "target")
    if learns_from != wanted:
        raise ConfigError(
            f"LEARNER.NAME: {cfg.LEARNER.NAME} learns from a {learns_from}, but MODEL "
            f"{cfg.MODEL.NAME} from a {wanted}; {proposal} does so"
        )
