"""What goes together for a classifier: model, learner and labelled pictures."""

from __future__ import annotations

from torch import nn

from config import Config
from data import LABELLERS
from data.build import build_labeller
from engine.evaluator import Losses
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


def check_learner(cfg: Config, learner: Learner, losses: Losses) -> None:
    """Classifiers learn from labels, architectures from targets.

    A learner and a loss say which by `learns_from`; without, it is a target.

    Raises:
        ConfigError: the learner or a loss is of the other kind.
    """
    kind = ("label", "Classification", "CrossEntropy")
    wanted, *proposals = kind if classifies(cfg) else ("target", "Supervised", "L1")
    parts = {"LEARNER": (cfg.LEARNER.NAME, learner, proposals[0])}
    for name, (loss, _) in losses.items():
        parts[f"LOSSES.{name}"] = (cfg.LOSSES[name]["NAME"], loss, proposals[1])
    for key, (name, part, proposal) in parts.items():
        learns_from = getattr(part, "learns_from", "target")
        if learns_from != wanted:
            raise ConfigError(
                f"{key}.NAME: {name} learns from a {learns_from}, but MODEL {cfg.MODEL.NAME} from "
                f"a {wanted}; {proposal} does so"
            )
