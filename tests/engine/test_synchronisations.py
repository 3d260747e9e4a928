"""Between two log points the host never asks the device for a value, so it never waits for it."""

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from config import dump, load_config
from engine.trainer import Trainer
from tests.engine.small_classifier import small_config
from tests.tools.killable import CONFIG, LAB, make_lab

# What makes the host wait: reading a value, copying to the host, indices of unknown number.
_READS = {"item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__"}
_OPERATIONS = {
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::equal",
    "aten::is_nonzero",
    "aten::masked_select",
    "aten::_unique2",
}


class _Operations(TorchDispatchMode):
    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func._schema.name in _OPERATIONS:
            self.seen.append(func._schema.name)
        return func(*args, **(kwargs or {}))


class _Functions(TorchFunctionMode):
    """On the CPU some readings pass by the dispatcher: its memory is at hand."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name in _READS:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    (folder / "watched_lab.py").write_text(LAB.replace("LabNet", "WatchedNet"))
    config = CONFIG.replace("[lab]", "[watched_lab]").replace("LabNet", "WatchedNet")
    (folder / "run.yml").write_text(config)
    return folder


_RIVAL = "{NAME: PatchGAN, ARGS: {channels: 1, features: 4, layers: 1}}"
LEARNERS = {
    "Supervised": [],
    "Adversarial": ["LEARNER.NAME", "Adversarial", "LEARNER.ARGS.discriminator", _RIVAL],
}


@pytest.fixture(params=[*LEARNERS, "Classification"])
def make_trainer(request, lab, tmp_path, monkeypatch):
    """What gives the trainer of a run of 12 steps, on a device, that logs at two of them."""
    monkeypatch.chdir(lab)
    monkeypatch.syspath_prepend(str(lab))

    def make(device="cpu"):
        words = ["DEVICE", device, "SOLVER.ITERATIONS", "12", "LOG.PERIOD", "5"]
        words += ["CHECKPOINT.PERIOD", "1000", "OUTPUT_DIR", str(tmp_path / "run")]
        if request.param == "Classification":
            (tmp_path / "run.yml").write_text(dump(small_config(tmp_path)))
            return Trainer(load_config(tmp_path / "run.yml", [*words, "DATA.EPOCH_SIZE", "96"]))
        words += ["DATA.EPOCH_SIZE", "48", *LEARNERS[request.param]]
        return Trainer(load_config(lab / "run.yml", words))

    return make


def readings_by_step(trainer, seen):
    """Names of readings that came before each of the 12 steps, since the one before it."""
    found = []
    take = trainer.parts.step.take

    def counting(batch):
        found.append(list(seen))
        seen.clear()
        return take(batch)

    trainer.parts.step.take = counting
    trainer.train()
    return found


def test_losses_are_read_at_log_points_only(make_trainer):
    seen = []
    trainer = make_trainer()
    with _Functions(seen), _Operations(seen):
        found = readings_by_step(trainer, seen)
    assert len(found) == 12
    read = [step for step, readings in enumerate(found[1:], start=1) if readings]
    assert read == [5, 10], found  # before step 1 the loader starts


def test_the_counting_sees_a_reading(make_trainer, monkeypatch):
    seen = []
    trainer = make_trainer()
    add = trainer._meter.add

    def reading(losses, samples, skipped):
        add(losses, samples, skipped)
        float(losses["loss"])

    monkeypatch.setattr(trainer._meter, "add", reading)
    with _Functions(seen), _Operations(seen):
        assert all(readings_by_step(trainer, seen)[1:])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_itself_finds_no_synchronisation_between_log_points(make_trainer):
    trainer = make_trainer("cuda")
    take, add = trainer.parts.step.take, trainer._meter.add
    steps = []

    def strictly(function):
        def wrapper(*args):
            steps.append(function)
            torch.cuda.set_sync_debug_mode("error" if len(steps) > 6 else "default")
            try:
                return function(*args)
            finally:
                torch.cuda.set_sync_debug_mode("default")

        return wrapper

    trainer.parts.step.take, trainer._meter.add = strictly(take), strictly(add)
    trainer.train()
    assert len(steps) == 24
