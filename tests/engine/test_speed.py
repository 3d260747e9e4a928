"""Options that make steps faster or smaller: the same learning, or a refusal in one line."""

import shutil

import pytest
import torch

from config import from_dict, get_defaults
from engine.learning import build_step
from engine.speed import check_speed, recompute, resolve_memory_format
from modeling.build import build_losses, build_network
from tests.modeling.small_architectures import small
from utils.errors import ConfigError

CPU = torch.device("cpu")
PATCHES = {"NAME": "PatchGAN", "ARGS": {"features": 4, "layers": 1}}
ADVERSARIAL = {"NAME": "Adversarial", "ARGS": {"discriminator": PATCHES}}
SIMPLE = {"NAME": "UNet", "ARGS": {"channels": 3, "widths": [4, 6]}}  # compiled within a minute
SMALL = {"NAME": "MIRNet", "ARGS": {"n_feat": 8, "n_RRG": 1, "n_MSRB": 1, "height": 2}}


def step_of(model=SMALL, learner=None, device=CPU, **options):
    cfg = from_dict(
        {
            "MODEL": model,
            "LEARNER": learner or {"NAME": "Supervised"},
            "LOSSES": {"pixel": {"NAME": "L1"}},
            "METRICS": {"psnr": {"NAME": "PSNR"}},
            **options,
        }
    )
    torch.manual_seed(0)
    model = build_network(cfg).to(device)
    return build_step(cfg, model, build_losses(cfg), device, "float32", 1, 8)


def learnt(step, sizes=(4, 4, 1), device=CPU):
    """All losses and weights after some steps, the last of them of a short batch."""
    generator, told = torch.Generator().manual_seed(1), []
    for size in sizes:
        pictures = torch.rand(2, size, 3, 16, 16, generator=generator)
        halves = dict(zip(("input", "target"), pictures, strict=True))
        taken = step.take({**halves, "name": ["a"] * size, "count": size, "total": size})
        told.append({name: value.cpu() for name, value in taken.losses.items()})
    states = {name: update.network.state_dict() for name, update in step.updates.items()}
    return told, states


@pytest.mark.parametrize("learner", [None, ADVERSARIAL], ids=["supervised", "adversarial"])
@pytest.mark.parametrize(
    "options",
    [
        {"SPEED": {"MEMORY_FORMAT": "channels_last"}},
        {"SOLVER": {"RECOMPUTE": True}},
        pytest.param({"SPEED": {"COMPILE": True}}, marks=pytest.mark.endurance),
    ],
    ids=["channels_last", "recompute", "compile"],
)
def test_learning_stays_what_it_is(options, learner, tmp_path, monkeypatch):
    # PyTorch's own cache is not written whole: a run killed while it compiled leaves torn files.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    model = SIMPLE if "COMPILE" in options.get("SPEED", {}) else SMALL
    plain = learnt(step_of(model, learner))
    faster = learnt(step_of(model, learner, **options))
    # Adam's first steps are as long for tiny gradients as for large ones.
    torch.testing.assert_close(faster, plain, rtol=2e-3, atol=2e-4)


def test_every_network_is_laid_out_alike():
    step = step_of(learner=ADVERSARIAL, SPEED={"MEMORY_FORMAT": "channels_last"})
    for update in step.updates.values():
        weights = [weight for weight in update.network.parameters() if weight.dim() == 4]
        assert weights
        assert all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)


@pytest.mark.parametrize(
    ("speed", "words"),
    [
        ({"CUDA_GRAPHS": True}, r"SPEED.CUDA_GRAPHS: comes with SPEED.COMPILE only"),
        ({"CUDA_GRAPHS": True, "COMPILE": True}, r"SPEED.CUDA_GRAPHS: there are none on cpu"),
    ],
)
def test_what_cannot_be_is_refused(speed, words):
    with pytest.raises(ConfigError, match=words):
        check_speed(from_dict({"SPEED": speed}), CPU)


def test_an_unknown_memory_format_is_refused_with_a_proposal():
    with pytest.raises(ConfigError, match=r"SPEED.MEMORY_FORMAT: .*channels_last"):
        from_dict({"SPEED": {"MEMORY_FORMAT": "channel_last"}})


def test_compiling_without_a_compiler_is_refused(monkeypatch):
    torch.compiler.reset()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/nonexistent/cache")
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    assert shutil.which("no-such-compiler") is None
    with pytest.raises(ConfigError, match=r"SPEED.COMPILE: PyTorch cannot compile for cpu here"):
        check_speed(from_dict({"SPEED": {"COMPILE": True}}), CPU)


def test_recomputing_what_cannot_be_is_refused():
    cfg = get_defaults()
    cfg.SOLVER.RECOMPUTE = True
    with pytest.raises(ConfigError, match=r"SOLVER.RECOMPUTE: UNet has no parts"):
        recompute(cfg, {"model": build_network(cfg)})


@pytest.mark.parametrize(
    ("name", "device", "model", "expected"),
    [
        ("channels_last", "cpu", "MIRNet", torch.channels_last),
        ("contiguous", "cuda", "UNet", torch.contiguous_format),
        ("auto", "cuda", "MIRNet", torch.channels_last),
        ("auto", "cpu", "UNet", torch.channels_last),
        ("auto", "cpu", "MIRNet", torch.contiguous_format),
    ],
)
def test_auto_is_the_format_that_wins(name, device, model, expected):
    built = small(model)
    assert resolve_memory_format(name, torch.device(device), built) == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("learner", [None, ADVERSARIAL], ids=["supervised", "adversarial"])
def test_cuda_graphs_learn_the_same(learner):
    device = torch.device("cuda")
    plain = learnt(step_of(learner=learner, device=device))
    speed = {"COMPILE": True, "CUDA_GRAPHS": True}
    graphed = learnt(step_of(learner=learner, device=device, SPEED=speed))
    torch.testing.assert_close(graphed, plain, rtol=2e-3, atol=2e-4)
