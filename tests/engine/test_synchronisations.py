"""Between two log points the host never asks the device for a value, so it never waits for it."""

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

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


def trainer_of(folder, device, monkeypatch):
    from config import load_config
    from engine.trainer import Trainer

    make_lab(folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    (folder / "run.yml").write_text(CONFIG.replace("lab", f"lab_{device}"))
    (folder / f"lab_{device}.py").write_text(LAB.replace("LabNet", f"LabNet_{device}"))
    overrides = ["DEVICE", device, "SOLVER.ITERATIONS", "12", "LOG.PERIOD", "5"]
    overrides += ["CHECKPOINT.PERIOD", "1000", "MODEL.NAME", f"LabNet_{device}"]
    overrides += ["DATA.EPOCH_SIZE", "48", "OUTPUT_DIR", str(folder / "run")]
    return Trainer(load_config(folder / "run.yml", overrides))


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


def test_losses_are_read_at_log_points_only(tmp_path, monkeypatch):
    seen = []
    trainer = trainer_of(tmp_path, "cpu", monkeypatch)
    with _Functions(seen), _Operations(seen):
        found = readings_by_step(trainer, seen)
    assert len(found) == 12
    read = [step for step, readings in enumerate(found[1:], start=1) if readings]
    assert read == [5, 10], found  # before step 1 the loader starts


def test_the_counting_sees_a_reading(tmp_path, monkeypatch):
    seen = []
    trainer = trainer_of(tmp_path, "cpu", monkeypatch)
    add = trainer._meter.add

    def reading(losses, samples, skipped):
        add(losses, samples, skipped)
        float(losses["loss"])

    monkeypatch.setattr(trainer._meter, "add", reading)
    with _Functions(seen), _Operations(seen):
        assert all(readings_by_step(trainer, seen)[1:])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_itself_finds_no_synchronisation_between_log_points(tmp_path, monkeypatch):
    trainer = trainer_of(tmp_path, "cuda", monkeypatch)
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
