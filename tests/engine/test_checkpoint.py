import errno
import os
import pickle
import signal

import pytest
import torch
from torch import nn

from config import as_dict, get_defaults
from engine.checkpoint import (
    earlier_checkpoints,
    load_checkpoint,
    load_into,
    load_weights,
    save_checkpoint,
    save_weights,
)
from utils.errors import CheckpointError, PellucidError


class Tied(nn.Module):
    """Two names for one tensor, and a convolution that lies in memory as NHWC."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.conv = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
        self.norm = nn.BatchNorm2d(3)


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


class Wrapped(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = nn.Module()
        self.module._orig_mod = module


@pytest.mark.parametrize("wrap", [lambda model: model, Wrapped], ids=["plain", "wrapped"])
def test_weights_come_back_with_their_config(tmp_path, wrap):
    cfg = get_defaults()
    cfg.MODEL.ARGS["widths"] = [8, 16]
    cfg.SOLVER.LR = 3e-4
    model = Tied()
    path = tmp_path / "checkpoints" / "best.safetensors"
    save_weights(path, wrap(model), cfg, {"val": {"psnr": 30.5}, "epoch": 4})
    state, saved, metrics = load_weights(path)
    own = model.state_dict()
    del own["second.weight"]  # the first one's, written once
    assert equal(state, own)
    assert as_dict(saved) == as_dict(cfg)
    assert metrics == {"val": {"psnr": 30.5}, "epoch": 4}
    other = Tied()
    load_into(other, state, path)
    assert equal(other.state_dict(), model.state_dict())
    assert [item.name for item in path.parent.iterdir()] == ["best.safetensors"]


def test_weights_of_another_program_have_no_config(tmp_path):
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(2)}, str(tmp_path / "other.safetensors"))
    state, cfg, metrics = load_weights(tmp_path / "other.safetensors")
    assert (state["weight"].tolist(), cfg, metrics) == ([1.0, 1.0], None, {})


def test_weights_that_do_not_fit_change_nothing():
    model = nn.Linear(4, 2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError) as error:
        load_into(model, {"weight": torch.zeros(2, 5), "scale": torch.zeros(1)}, "a.safetensors")
    message = str(error.value)
    assert message.startswith("a.safetensors: does not fit Linear")
    for part in ("without bias", "unknown scale", "weight (2, 5) instead of (2, 4)"):
        assert part in message
    assert equal(model.state_dict(), before)


@pytest.mark.parametrize("left_out", [None, "first.weight", "second.weight"])
def test_shared_weights_load_under_any_of_their_names(left_out):
    model, other = Tied(), Tied()
    state = {name: tensor for name, tensor in model.state_dict().items() if name != left_out}
    load_into(other, state, "a.safetensors")
    assert equal(other.state_dict(), model.state_dict())
    assert other.second.weight is other.first.weight


def test_shared_weights_that_differ_are_refused():
    model = Tied()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = {**before, "second.weight": before["first.weight"] + 1}
    with pytest.raises(CheckpointError, match="a.pth: first.weight and second.weight differ, "):
        load_into(model, state, "a.pth")
    assert equal(model.state_dict(), before)


@pytest.mark.parametrize("kept", [0, 7, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["weights", "checkpoint"])
def test_a_torn_file_is_refused_by_name(tmp_path, kind, kept):
    path = tmp_path / f"torn.{kind}"
    if kind == "weights":
        save_weights(path, nn.Linear(40, 40), get_defaults(), {})
    else:
        save_checkpoint(path, {"model": nn.Linear(40, 40).state_dict()})
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(CheckpointError, match=str(path)):
        (load_weights if kind == "weights" else load_checkpoint)(path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    for load in (load_weights, load_checkpoint):
        with pytest.raises(CheckpointError, match=str(tmp_path / "none")):
            load(tmp_path / "none")


class Bomb:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


def test_a_foreign_checkpoint_is_refused_and_not_executed(tmp_path):
    mark, path = tmp_path / "executed", tmp_path / "last.pt"
    torch.save({"format": Bomb(str(mark))}, path)
    with pytest.raises(CheckpointError, match="last.pt"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(Bomb(str(mark))))
    with pytest.raises(
        CheckpointError, match="last.pt: is no whole checkpoint: it is cut short, or"
    ):
        load_checkpoint(path)
    assert not mark.exists()
    torch.save({"state_dict": {}}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of this version"):
        load_checkpoint(path)


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"position": {"epoch": 3}})
    with pytest.raises((AttributeError, pickle.PicklingError)):
        save_checkpoint(path, {"position": lambda: None})
    assert load_checkpoint(path)["position"] == {"epoch": 3}
    assert [item.name for item in tmp_path.iterdir()] == ["last.pt"]


def test_a_full_disk_leaves_the_old_files_and_is_named(tmp_path):
    resource = pytest.importorskip("resource")
    model = nn.Linear(400, 400)
    last, best = tmp_path / "last.pt", tmp_path / "best.safetensors"
    save_checkpoint(last, {"epoch": 1})
    save_weights(best, nn.Linear(2, 2), get_defaults(), {"epoch": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(PellucidError, match="last.pt: cannot be written"):
            save_checkpoint(last, {"epoch": 2, "model": model.state_dict()})
        with pytest.raises(PellucidError, match="best.safetensors: cannot be written"):
            save_weights(best, model, get_defaults(), {"epoch": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert load_checkpoint(last)["epoch"] == 1
    assert load_weights(best)[2] == {"epoch": 1}
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes")
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_a_whole_checkpoint_is_there_whenever_the_writer_is_killed(tmp_path, links):
    """Kill -9 before the first, second, ... of the system calls that change the folder."""
    killed = 0
    for call in range(1, 99):
        folder = tmp_path / str(call)
        for number in range(3):
            save_checkpoint(folder / "last.pt", {"number": number}, keep=3)
        child = os.fork()
        if not child:
            try:
                _die_at_call(call, links)
                save_checkpoint(folder / "last.pt", {"number": 3}, keep=3)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        numbers = [
            load_checkpoint(path)["number"]
            for path in [folder / "last.pt", *earlier_checkpoints(folder / "last.pt")]
        ]
        assert numbers[0] in (2, 3)
        assert numbers == sorted(numbers, reverse=True) and len(numbers) <= 3
        if not os.WIFSIGNALED(status):
            assert numbers == [3, 2, 1]
            break
        killed += 1
    assert 5 < killed < 98


def _die_at_call(call, links):
    calls = iter(range(1, 99))

    def dying(function):
        def wrapper(*args, **options):
            if next(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)

        return wrapper

    def no_links(*args):
        raise PermissionError(errno.EPERM, "not here")

    os.link = os.link if links else no_links
    for name in ("replace", "link", "unlink", "fsync", "chmod"):
        setattr(os, name, dying(getattr(os, name)))
