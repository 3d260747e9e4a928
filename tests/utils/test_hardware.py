import torch

from utils.hardware import describe_device


def test_a_cpu_is_told_with_its_threads():
    name, _, threads = describe_device(torch.device("cpu")).rpartition(", ")
    assert name
    assert threads.split()[0] == str(torch.get_num_threads())
