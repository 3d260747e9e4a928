import pytest
import torch

from modeling.checkpoint_layouts import count_parts, network_state

PLAIN = {"conv_first.weight": torch.ones(1), "body.0.bias": torch.zeros(2)}


def _under(prefix, scale=1.0):
    return {prefix + name: scale * tensor for name, tensor in PLAIN.items()}


@pytest.mark.parametrize(
    "wrapped",
    [
        PLAIN,
        _under("module."),
        _under("_orig_mod.module."),
        _under("params."),
        _under("params_ema.module."),
        _under("state_dict.module.") | {"optimizer.state.0.exp_avg": torch.ones(3)},
        _under("params.", scale=9.0) | _under("params_ema."),
    ],
    ids=["plain", "module", "compiled", "params", "both prefixes", "with optimizer", "averaged"],
)
def test_every_wrapping_comes_off(wrapped):
    state = network_state(wrapped)
    assert state.keys() == PLAIN.keys()
    assert all(torch.equal(state[name], PLAIN[name]) for name in PLAIN)


def test_numbered_parts_are_counted():
    state = dict.fromkeys(
        ["downs.0.weight", "downs.0.bias", "downs.10.weight", "downs.2.0.bias", "ups.3.weight"],
        torch.zeros(1),
    )
    assert count_parts(state, "downs.") == 3
    assert count_parts(state, "downs.2.") == 1
    assert count_parts(state, "middle.") == 0
