"""What a run survives: a full disk, pictures that vanish or break, numbers that are none."""

import json
import os
import time

import pytest

from engine.checkpoint import load_checkpoint, load_weights
from tests.tools.killable import Starter, make_lab
from utils.images import read_image

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")
LONG = ["SOLVER.EPOCHS", "500", "VALIDATION.PATIENCE", "500"]
SLOW = pytest.mark.endurance


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    server = Starter(folder)
    yield server
    server.close()


def assert_whole(folder):
    """Nothing half-written, of whatever kind; nothing left over."""
    for path in filter(os.path.isfile, folder.rglob("*")):
        if path.suffix == ".pt":
            load_checkpoint(path)
        elif path.suffix == ".safetensors":
            load_weights(path)
        elif path.suffix == ".png":
            read_image(path)
        elif path.suffix == ".jsonl":
            assert all(json.loads(line) for line in path.read_text().splitlines())
        assert ".tmp" not in path.name and path.name != "run.lock"


def assert_refused(code, output, words):
    """Exit code 2, and one last line that names what is wrong."""
    assert code == 2, output
    last = output.rstrip().splitlines()[-1]
    assert last.startswith("error:") and words in last, output
    assert output.count("\nerror:") < 2 and "Traceback" not in output, output


def wait_for(folder, lines):
    path, limit = folder / "metrics.jsonl", time.monotonic() + 60
    while not path.exists() or len(path.read_text().splitlines()) < lines:
        assert time.monotonic() < limit
        time.sleep(0.01)


# No file may grow beyond `limit` bytes: what needs more meets a full disk first. `width` makes the
# network, and so the checkpoint and the weights, as large as it takes.
WIDE = ["MODEL.ARGS.width", "2000", "SOLVER.LR", "1e-5"]
SIX = [
    word for half in ("input", "target") for word in (f"DATASETS.VAL.ARGS.{half}", f"more/{half}")
] + ["VALIDATION.SAMPLES", "6"]
FULL = {
    "config": ("config.yml", 600, []),
    "metrics": ("metrics.jsonl", 200_000, []),
    "log": ("log.txt", 200_000, []),
    "events": ("TensorBoard's events", 80_000, [*LONG, "LOG.PERIOD", "1"]),
    "curves": ("curves.png", 12_000, ["CHECKPOINT.PERIOD", "99"]),
    "sheets": ("samples/epoch_", 80_000, SIX),
    "checkpoint": ("last.pt", 300_000, WIDE),
    "weights": ("best.safetensors", 120_000, [*WIDE, "CHECKPOINT.PERIOD", "99"]),
}
QUICK = ("checkpoint", "metrics")


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=SLOW) for kind in FULL]
)
def test_a_full_disk_leaves_what_was_there_and_the_run_goes_on(server, kind):
    name, limit, options = FULL[kind]
    folder = server.folder / f"full_{kind}"
    words = ["OUTPUT_DIR", folder.name, *options]
    code, output = server.run(*words, "SOLVER.ITERATIONS", "3")
    assert code == 0, output
    if kind in ("log", "metrics"):  # they grow slowly: let them be long already
        path = folder / name
        path.write_text(path.read_text().splitlines()[0].ljust(limit - 50) + "\n")
    replaced = kind in ("config", "curves", "checkpoint", "weights")  # the others are added to
    before = {path: path.read_bytes() for path in folder.rglob(name) if replaced}
    code, output = server.run(*words, "--resume", limit=limit)
    assert_refused(code, output, name)
    assert_whole(folder)
    assert before == {path: path.read_bytes() for path in before}
    assert len(before) == replaced
    code, output = server.run(*words, "SOLVER.ITERATIONS", "4", "--resume")
    assert code == 0, output
    assert_whole(folder)


@pytest.mark.parametrize("kept", [None, pytest.param(0, marks=SLOW), pytest.param(60, marks=SLOW)])
def test_a_picture_that_vanishes_or_is_cut_short_is_named(server, kept):
    folder, path = server.folder / f"kept_{kept}", server.folder / "train" / "target" / "4.png"
    whole = path.read_bytes()
    server.start("OUTPUT_DIR", folder.name, *LONG)
    wait_for(folder, 3)
    if kept is None:
        path.unlink()
    else:
        path.write_bytes(whole[:kept])
    code, output = server.wait()
    path.write_bytes(whole)
    assert_refused(code, output, "train/target/4.png")
    assert_whole(folder)
    code, output = server.run("OUTPUT_DIR", folder.name, "SOLVER.ITERATIONS", "1", "--resume")
    assert code == 0, output


def test_numbers_that_are_none_end_the_run_and_spoil_nothing(server):
    folder = server.folder / "poisoned"
    words = ["OUTPUT_DIR", folder.name, *LONG, "SOLVER.MAX_SKIPPED", "4"]
    code, output = server.run(*words, POISON="15")  # in the second part of the eighth step
    assert_refused(code, output, "the training pixel was not finite in")
    assert_whole(folder)
    state = load_checkpoint(folder / "checkpoints" / "last.pt")
    for network in (*state["networks"].values(), state["average"]["model"]):
        assert all(value.isfinite().all() for value in network.values())
    code, output = server.run("OUTPUT_DIR", folder.name, "SOLVER.EPOCHS", "5", "--resume")
    assert code == 0, output
