"""tools/benchmark.py as a user runs it."""

from tests.conftest import REPOSITORY
from tests.forks import run

CONFIG = REPOSITORY / "configs" / "sd1_glare.yml"


def benchmark(folder, *words):
    ended = run("benchmark", *words, folder=folder)
    return ended.returncode, ended.stdout, ended.stderr


def test_it_measures_varies_writes_and_compares(tmp_path):
    words = [CONFIG, "--measure", "restoring", "--size", "32", "32", "--repeats", "1"]
    words += ["--vary", "PRECISION", "float32", "bf16", "--set", "SEED", "3", "--device", "cpu"]
    for name in ("a", "b"):
        status, out, err = benchmark(tmp_path, *words, "--json", f"{name}.json")
        assert status == 0, err
    assert "| sd1_glare PRECISION bf16 | batch 1, 32x32, bf16, " in out and "PyTorch" in out
    status, out, _ = benchmark(tmp_path, "--compare", "a.json", "b.json")
    assert status == 0 and out.count("| restoring |") == 2


def test_errors_are_one_line(tmp_path):
    (tmp_path / "file").touch()
    for words, said in [
        ([], "name a config"),
        ([CONFIG, "--vary", "SEED"], "--vary SEED: has no values"),
        (["--compare", "a.json", "b.json"], "a.json: cannot be read"),
        ([CONFIG, "--set", "SEED"], "SEED"),
        ([CONFIG, "--measure", "epoch", "--json", "file/a.json"], "file/a.json: cannot be written"),
    ]:
        status, _, err = benchmark(tmp_path, *words)
        assert status == 2 and said in err and err.count("\n") == 1
