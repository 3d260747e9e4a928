import pytest
import torch
from safetensors.torch import save_file

from utils.errors import CheckpointError
from utils.state_dicts import read_state_dict


def test_both_formats_give_the_same_tensors(tmp_path):
    state = {"conv.weight": torch.rand(2, 3), "conv.bias": torch.rand(2).half()}
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "a.pth")
    for name in ("a.safetensors", "a.pth"):
        read = read_state_dict(tmp_path / name)
        assert read.keys() == state.keys()
        assert all(torch.equal(read[key], state[key]) for key in state)


def test_nested_names_are_joined_and_the_rest_is_left_out(tmp_path):
    torch.save(
        {"epoch": 3, "model": {"weight": torch.ones(1), "note": "x"}, 0: {1: torch.zeros(1)}},
        tmp_path / "a.pt",
    )
    assert sorted(read_state_dict(tmp_path / "a.pt")) == ["0.1", "model.weight"]


class Bomb:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


def test_a_file_with_code_is_refused_and_not_executed(tmp_path):
    mark, path = tmp_path / "executed", tmp_path / "a.pth"
    torch.save({"weight": torch.ones(1), "extra": Bomb(str(mark))}, path)
    with pytest.raises(CheckpointError, match="a.pth: is torn, or holds more than tensors"):
        read_state_dict(path)
    assert not mark.exists()


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("kept", [0, 7, 300])
def test_a_torn_file_is_refused_by_name(tmp_path, suffix, kept):
    path = tmp_path / f"a.{suffix}"
    state = {"weight": torch.rand(100)}
    torch.save(state, path) if suffix == "pth" else save_file(state, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=str(path)):
        read_state_dict(path)


def test_what_holds_no_tensors_is_refused(tmp_path):
    for number, content in enumerate(({}, [torch.ones(1)], {"epoch": 1})):
        torch.save(content, tmp_path / f"{number}.pth")
        with pytest.raises(CheckpointError, match="holds no tensors by name"):
            read_state_dict(tmp_path / f"{number}.pth")
    with pytest.raises(CheckpointError, match="no such weights file"):
        read_state_dict(tmp_path / "none.safetensors")
