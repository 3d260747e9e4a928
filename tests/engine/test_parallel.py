"""Two processes that share each batch learn what one learns from the whole of it."""

import copy

import pytest
import torch
from torch import nn

from engine.parallel import share_batch_norm
from modeling import ARCHITECTURES, CLASSIFIERS, DISCRIMINATORS
from tests.modeling.small_architectures import small
from utils.errors import ConfigError

# The discriminator is called twice before its backward pass, and the model learns through it. Batch
# norm's statistics differ between processes: `norm` stands where nothing depends on it.
PROGRAM = """
import sys
import torch
from torch import nn
from engine.learners.adversarial import Adversarial
from engine.step import TrainingStep
from engine.update import Update
from modeling.registries import DISCRIMINATORS
from solver.schedulers import Constant
from utils import distributed

@DISCRIMINATORS.register
class Plain(nn.Sequential):
    def __init__(self, channels, features):
        super().__init__(nn.Conv2d(channels, features, 3), nn.PReLU(), nn.Conv2d(features, 1, 1))

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PReLU(), nn.Conv2d(4, 1, 1))
        self.norm = nn.BatchNorm2d(1, affine=False)
        self.register_buffer("mask", torch.tensor([0.1, -float("inf")]))

    def forward(self, x):
        self.norm(x)
        return self.layers(x)

def batches():
    torch.manual_seed(1)
    for size in (6, 5, 4, 1):
        yield torch.rand(2, size, 1, 16, 16)

def share(pictures):
    rank, count, total = distributed.rank(), distributed.world_size(), pictures.shape[1]
    own = pictures[:, rank::count]
    kept = own if own.shape[1] else pictures[:, :1]
    names = list(range(kept.shape[1]))
    return {"input": kept[0], "target": kept[1], "name": names, "count": own.shape[1],
            "total": total}

def learn(discriminator, parts):
    torch.manual_seed(0)
    learner = Adversarial(
        {"NAME": discriminator, "ARGS": {"channels": 1, "features": 4}}, weight=0.1,
        model=Model(), losses={"pixel": (nn.L1Loss(), 1.0)},
        device=torch.device("cpu"), precision="float32",
    )
    updates = {}
    for name, network in learner.networks.items():
        optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
        scaler = torch.amp.GradScaler("cpu", enabled=False)
        updates[name] = Update(network, optimizer, Constant(optimizer), scaler, clip_norm=0.5)
    step = TrainingStep(learner, updates, parts, lambda batch: batch)
    for pictures in batches():
        step.take(share(pictures))
    return {name: network.state_dict() for name, network in learner.networks.items()}

with distributed.processes():
    # Spectral norm takes a turn at each call, so that parts would be of another network.
    parts = 2 if distributed.world_size() > 1 else 1
    states = {"spectral": learn("UNetDiscriminator", 1), "parts": learn("Plain", parts)}
    torch.save(states, f"{sys.argv[1]}_{distributed.rank()}.pt")
"""


@pytest.fixture
def learn(start_processes, tmp_path):
    def run(count):
        for ended in [run.wait() for run in start_processes(PROGRAM, [count], count, tmp_path)]:
            assert ended.returncode == 0, ended.stderr
        return [torch.load(tmp_path / f"{count}_{rank}.pt") for rank in range(count)]

    return run


def named(states):
    return {
        f"{variant} {network} {key}": value
        for variant, networks in states.items()
        for network, state in networks.items()
        for key, value in state.items()
    }


def test_two_processes_learn_what_one_does(learn):
    (alone,) = map(named, learn(1))
    first, second = map(named, learn(2))
    for key, value in alone.items():
        assert torch.equal(first[key], second[key]), key
        if "norm." not in key:
            torch.testing.assert_close(first[key], value, rtol=1e-4, atol=1e-6, msg=key)
    assert torch.equal(first["parts model mask"], alone["parts model mask"])
    assert 0 < first["parts model norm.running_mean"] < 1


@pytest.mark.parametrize("name", ["UNet", "SRResNet", "MobileSR", "PatchGAN", "PixelationDetector"])
def test_shared_batch_norm_keeps_weights_and_their_names(name):
    network = built(name)
    plain, picture = copy.deepcopy(network), torch.rand(1, 3, 32, 32)
    before = list(network.parameters())
    share_batch_norm({"model": network}, torch.device("cuda"))  # converting needs no device
    kinds = [type(module) for module in plain.modules()]
    shared = [nn.SyncBatchNorm if kind is nn.BatchNorm2d else kind for kind in kinds]
    assert nn.BatchNorm2d in kinds
    assert [type(module) for module in network.modules()] == shared
    assert list(map(id, network.parameters())) == list(map(id, before))
    expected, found = plain.state_dict(), network.state_dict()
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    plain.load_state_dict(found)
    assert torch.equal(network.eval()(picture), plain.eval()(picture))


def built(name):
    for kind in (ARCHITECTURES, DISCRIMINATORS, CLASSIFIERS):
        if name in kind.names():
            return small(name) if kind is ARCHITECTURES else kind.build(name)
    raise LookupError(name)


def test_shared_batch_norm_is_refused_where_pytorch_has_none():
    with pytest.raises(ConfigError, match=r"SOLVER\.SYNC_BATCHNORM: .*CUDA only, not on cpu"):
        share_batch_norm({"model": nn.BatchNorm2d(1)}, torch.device("cpu"))
