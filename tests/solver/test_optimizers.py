import pytest
import torch
from torch import nn

from config import from_dict, get_defaults
from solver import build_optimizer
from utils.errors import ConfigError


def config_with(name, arguments=None, lr=0.01):
    cfg = get_defaults()
    cfg.SOLVER.LR = lr
    cfg.SOLVER.OPTIMIZER.NAME = name
    for key, value in (arguments or {}).items():
        cfg.SOLVER.OPTIMIZER.ARGS[key] = value
    return cfg


def trajectory(optimizer, weight):
    for step in range(4):
        optimizer.zero_grad()
        ((weight - step) ** 2).sum().backward()
        optimizer.step()
    return weight.detach().clone()


@pytest.mark.parametrize(
    ("name", "arguments", "reference"),
    [
        ("Adam", {}, lambda p: torch.optim.Adam(p, 0.01)),
        (
            "Adam",
            {"betas": [0.5, 0.9], "weight_decay": 0.1},
            lambda p: torch.optim.Adam(p, 0.01, (0.5, 0.9), weight_decay=0.1),
        ),
        ("AdamW", {}, lambda p: torch.optim.AdamW(p, 0.01)),
        ("AdamW", {"amsgrad": True}, lambda p: torch.optim.AdamW(p, 0.01, amsgrad=True)),
        (
            "SGD",
            {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
            lambda p: torch.optim.SGD(p, 0.01, 0.9, 0, 0.01, nesterov=True),
        ),
    ],
)
def test_takes_the_steps_of_pytorch(name, arguments, reference):
    ours = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    theirs = torch.nn.Parameter(ours.detach().clone())
    optimizer = build_optimizer(config_with(name, arguments), [ours])
    torch.testing.assert_close(trajectory(optimizer, ours), trajectory(reference([theirs]), theirs))


def test_leaves_frozen_parameters_out():
    frozen = torch.nn.Parameter(torch.zeros(3), requires_grad=False)
    free = torch.nn.Parameter(torch.zeros(2))
    optimizer = build_optimizer(config_with("Adam"), [frozen, free])
    assert [p is free for group in optimizer.param_groups for p in group["params"]] == [True]
    with pytest.raises(ConfigError, match="no parameter to train"):
        build_optimizer(config_with("Adam"), [frozen])


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Adem", {}, r"SOLVER\.OPTIMIZER\.NAME: .*did you mean Adam"),
        ("Adam", {"beta": [0.9, 0.99]}, r"SOLVER\.OPTIMIZER\.ARGS\.beta: .*did you mean betas"),
        ("SGD", {"betas": [0.9, 0.99]}, r"SOLVER\.OPTIMIZER\.ARGS\.betas: .*takes no argument"),
        ("Adam", {"lr": 1.0}, r"the learning rate is SOLVER\.LR"),
        ("Adam", {"fused": True}, r"ARGS\.fused: is set by the framework"),
        ("Adam", {"betas": [0.9]}, r"SOLVER\.OPTIMIZER\.ARGS: "),
    ],
)
def test_refuses_by_key(name, arguments, message):
    with pytest.raises(ConfigError, match=message):
        build_optimizer(config_with(name, arguments), [torch.nn.Parameter(torch.zeros(1))])


def test_another_network_learns_as_the_first_but_where_it_is_said():
    own = {
        "critic": {"LR": 4e-4},
        "rival": {"OPTIMIZER": {"NAME": "SGD", "ARGS": {"momentum": 0.9}}},
    }
    cfg = from_dict({"SOLVER": {"LR": 1e-4, "OPTIMIZER": {"NAME": "AdamW"}, "NETWORKS": own}})
    weight = torch.nn.Parameter(torch.zeros(1))
    built = {name: build_optimizer(cfg, [weight], name) for name in ("model", "critic", "rival")}
    kinds = {name: (type(one).__name__, one.defaults["lr"]) for name, one in built.items()}
    assert kinds == {"model": ("AdamW", 1e-4), "critic": ("AdamW", 4e-4), "rival": ("SGD", 1e-4)}
    assert built["rival"].defaults["momentum"] == 0.9


@pytest.mark.parametrize(
    ("own", "key"),
    [
        ({"LR": "fast"}, "LR"),
        ({"LR": -1e-4}, "LR"),
        ({"OPTIMIZER": {"ARGS": {"betas": [0.5, 0.9]}}}, "OPTIMIZER.NAME"),
        ({"SCHEDULER": {"ARGS": {"gamma": 0.5}}}, "SCHEDULER.NAME"),
    ],
)
def test_what_a_network_of_its_own_would_not_heed_is_refused(own, key):
    with pytest.raises(ConfigError, match=f"SOLVER.NETWORKS.discriminator.{key}: "):
        from_dict({"SOLVER": {"NETWORKS": {"discriminator": own}}})


def test_a_network_of_its_own_may_stand_still():
    cfg = from_dict({"SOLVER": {"LR": 1e-4, "NETWORKS": {"discriminator": {"LR": 0}}}})
    optimizer = build_optimizer(cfg, nn.Conv2d(3, 3, 1).parameters(), "discriminator")
    assert optimizer.param_groups[0]["lr"] == 0
