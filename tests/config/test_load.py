"""A run's config: file over defaults, overrides over the file, checks, round trips."""

import json
import sys

import pytest

from config import as_dict, dump, from_dict, get_defaults, import_plugins, load_config
from utils.errors import ConfigError

EXPERIMENT = """
MODEL:
  NAME: UNet
  ARGS: {width: 32, betas: [1e-4, 0.9]}
LOSSES:
  zeta: {NAME: L1}
  alpha: {NAME: SSIM, WEIGHT: 1, ARGS: {window: 11}}
METRICS:
  psnr: {NAME: PSNR, ARGS: {crop_border: 4}}
DATA:
  TRANSFORMS:
  - {NAME: RandomCrop, ARGS: {size: 64}}
  - NAME: RandomFlip
"""


@pytest.fixture
def experiment(tmp_path):
    file = tmp_path / "experiment.yml"
    file.write_text(EXPERIMENT)
    return file


def refused(path, *overrides):
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def written(tmp_path, text):
    file = tmp_path / "wrong.yml"
    file.write_text(text)
    return file


def test_the_file_lies_over_the_defaults(experiment):
    cfg = load_config(experiment)
    assert cfg.MODEL.ARGS == {"width": 32, "betas": (1e-4, 0.9)}
    assert cfg.LOSSES.zeta == {"NAME": "L1", "WEIGHT": 1.0, "ARGS": {}}
    assert cfg.DATA.TRANSFORMS[1] == {"NAME": "RandomFlip", "ARGS": {}}
    assert cfg.SOLVER == get_defaults().SOLVER
    assert cfg.is_frozen()


def test_without_a_file_the_defaults_stand():
    assert as_dict(load_config(None)) == as_dict(get_defaults())


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("SOLVER.LR", "1e-4", 1e-4),
        ("SOLVER.LR", "-1e-4", -1e-4),
        ("SOLVER.LR", "1", 1.0),
        ("SOLVER.SYNC_BATCHNORM", "true", True),
        ("DATASETS.CACHE", "none", "none"),
        ("DATASETS.CACHE", "true", "disk"),  # as it was called
        ("DATASETS.CACHE", "false", "none"),
        ("DATA.EPOCH_SIZE", "12", 12),
        ("DATA.EPOCH_SIZE", "None", None),
        ("OUTPUT_DIR", "C:/x:y", "C:/x:y"),
        ("OUTPUT_DIR", "a=b", "a=b"),
        ("OUTPUT_DIR", "{}_x4", "{}_x4"),
        ("OUTPUT_DIR", "'{}_x4'", "{}_x4"),
        ("OUTPUT_DIR", "007", "007"),
        ("OUTPUT_DIR", "1e-4", "1e-4"),
        ("OUTPUT_DIR", "true", "true"),
        ("OUTPUT_DIR", "12", "12"),
        ("MODEL.WEIGHTS", "", ""),
        ("DATASETS.HELP", "run: make demo # now", "run: make demo # now"),
        ("MODEL.ARGS.names", "[a, b]", ("a", "b")),
        ("MODEL.ARGS.rates", "[1e-4, 1]", (1e-4, 1)),
        ("MODEL.ARGS.template", "{}_x4", "{}_x4"),
        ("MODEL.ARGS.nothing", "None", None),
        ("MODEL.ARGS.below.that", "1e-4", 1e-4),
    ],
)
def test_an_override_arrives_with_the_right_type(key, text, expected):
    value = load_config(None, [key, text])
    for word in key.split("."):
        value = value[word]
    assert value == expected and type(value) is type(expected)


def test_values_of_a_file_take_the_type_of_their_default(tmp_path):
    file = written(tmp_path, "SOLVER: {LR: 1}\nOUTPUT_DIR: 007\nDATASETS: {HELP: 'a: b'}\n")
    cfg = load_config(file)
    assert type(cfg.SOLVER.LR) is float
    assert (cfg.OUTPUT_DIR, cfg.DATASETS.HELP) == ("007", "a: b")


@pytest.mark.parametrize(
    ("text", "key", "proposal"),
    [
        ("MODLE: {NAME: x}", "MODLE", "did you mean MODEL?"),
        ("solver: {LR: 1}", "solver", "did you mean SOLVER?"),
        ("MODEL: {NAM: x}", "MODEL.NAM", "did you mean MODEL.NAME?"),
        ("SOLVER: {BATCH_SIZE: 2}", "SOLVER.BATCH_SIZE", "did you mean DATA.BATCH_SIZE?"),
        ("METRICS: {m: {NAME: a, ARG: {}}}", "METRICS.m.ARG", "did you mean METRICS.m.ARGS?"),
        ("LOSSES: {p: {NAME: a, WIEGHT: 2}}", "LOSSES.p.WIEGHT", "did you mean LOSSES.p.WEIGHT?"),
        ("METRICS: {m: {NAME: a, WEIGHT: 2}}", "METRICS.m.WEIGHT", "known: ARGS, NAME"),
        ("DATA: {TRANSFORMS: [{NAME: a, size: 1}]}", "DATA.TRANSFORMS.0.size", "known: ARGS, NAME"),
        ("SOLVER: {LR: fast}", "SOLVER.LR", "needs a number"),
        ("SOLVER: {LR: true}", "SOLVER.LR", "needs a number"),
        ("DATASETS: {CACHE_GB: 1e300}", "DATASETS.CACHE_GB", "needs a number above 0 and below"),
        ("SOLVER: {LR: }", "SOLVER.LR", "cannot be None"),
        ("SOLVER: {EPOCHS: 1.5}", "SOLVER.EPOCHS", "needs a whole number"),
        ("SOLVER: {EPOCHS: true}", "SOLVER.EPOCHS", "needs a whole number"),
        ("SOLVER: {SYNC_BATCHNORM: 1}", "SOLVER.SYNC_BATCHNORM", "needs true or false"),
        ("SOLVER: {SYNC_BATCHNORM: yes}", "SOLVER.SYNC_BATCHNORM", "needs true or false"),
        ("DATASETS: {CACHE: yes}", "DATASETS.CACHE", "is no choice; known: disk, none, ram"),
        ("DATASETS: {CACHE: disc}", "DATASETS.CACHE", "did you mean disk?"),
        ("DATASETS: {CACHE: 1}", "DATASETS.CACHE", "is no choice"),
        ("OUTPUT_DIR: [a]", "OUTPUT_DIR", "needs text"),
        ("OUTPUT_DIR: None", "OUTPUT_DIR", "cannot be None"),
        ("SOLVER: 3", "SOLVER", "needs a mapping"),
        ("MODEL: {ARGS: [1]}", "MODEL.ARGS", "needs a mapping"),
        ("MODEL: {ARGS: }", "MODEL.ARGS", "needs a mapping"),
        ("PLUGINS: a.b", "PLUGINS", "needs a list"),
        ("PLUGINS: [[a]]", "PLUGINS.0", "needs text"),
        ("DATA: {TRANSFORMS: [RandomFlip]}", "DATA.TRANSFORMS.0", "NAME: ..., ARGS"),
        ("DATA: {TRANSFORMS: {NAME: a}}", "DATA.TRANSFORMS", "needs a list"),
        ("DATA: {EPOCH_SIZE: [1]}", "DATA.EPOCH_SIZE", "one value or None"),
        ("DATA: {EPOCH_SIZE: many}", "DATA.EPOCH_SIZE", "whole number of at least 1"),
        ("LOSSES: {p: {WEIGHT: 2}}", "LOSSES.p.NAME", "is missing"),
        ("METRICS: {m: {ARGS: {}}}", "METRICS.m.NAME", "is missing"),
        ("BASELINES: {b: {ARGS: {}}}", "BASELINES.b.NAME", "is missing"),
        ("DATA: {TRANSFORMS: [{NAME: a}, {}]}", "DATA.TRANSFORMS.1.NAME", "is missing"),
        ("DATA: {DEGRADATIONS: [{ARGS: {}}]}", "DATA.DEGRADATIONS.0.NAME", "is missing"),
        (
            "SOLVER: {NETWORKS: {d: {SCHEDULER: {ARGS: {a: 1}}}}}",
            "SOLVER.NETWORKS.d.SCHEDULER.NAME",
            "is missing; name the part that takes these",
        ),
        ("PRECISION: bf61", "PRECISION", "did you mean bf16"),
        ("SPEED: {MEMORY_FORMAT: channels}", "SPEED.MEMORY_FORMAT", "did you mean channels_last?"),
        ("DATA: {CHANNELS: 4}", "DATA.CHANNELS", "known: 1, 3"),
        ("DEVICE: cdua", "DEVICE", "did you mean cuda"),
        ("METRICS: {ssim: {NAME: SSIM}}", "VALIDATION.TRACK", "'psnr' is not in METRICS"),
    ],
)
def test_a_wrong_file_is_named_with_key_and_proposal(tmp_path, text, key, proposal):
    file = written(tmp_path, text)
    message = refused(file)
    assert message.startswith(f"{file}: {key}: ") and proposal in message


LEAST = {
    "SEED": 0,
    "DATA.EPOCH_SIZE": 1,
    "DATA.BATCH_SIZE": 1,
    "DATA.MAX_UNREADABLE": 0,
    "DATA.WORKERS": 0,
    "SOLVER.EPOCHS": 1,
    "SOLVER.ITERATIONS": 1,
    "SOLVER.ACCUMULATE": 1,
    "SOLVER.MAX_SKIPPED": 1,
    "VALIDATION.PERIOD": 1,
    "VALIDATION.PATIENCE": 1,
    "VALIDATION.SAMPLES": 0,
    "CHECKPOINT.PERIOD": 1,
    "CHECKPOINT.KEEP": 1,
    "LOG.PERIOD": 1,
}


def value_at(cfg, key):
    for word in key.split("."):
        cfg = cfg[word]
    return cfg


@pytest.mark.parametrize("key", LEAST)
def test_a_whole_number_has_a_least_value(key):
    least = LEAST[key]
    assert value_at(load_config(None, [key, str(least)]), key) == least
    for wrong in (least - 1, least + 0.5):
        message = refused(None, key, str(wrong))
        assert message.startswith(f"override: {key}: needs a whole number")
        assert message.endswith(f"not {wrong}")


def test_every_whole_number_has_a_least_value():
    def whole_numbers(node, prefix=""):
        for name, value in node.items():
            if isinstance(value, dict):
                yield from whole_numbers(value, f"{prefix}{name}.")
            elif type(value) is int:
                yield f"{prefix}{name}"

    assert set(whole_numbers(get_defaults())) - {"DATA.CHANNELS"} <= set(LEAST)


@pytest.mark.parametrize(
    ("key", "inside", "outside", "wanted"),
    [
        ("DATASETS.CACHE_GB", "1e-3 999999", "-1 0 1e6 .nan", "above 0 and below 1e+06,"),
        ("SOLVER.CLIP_NORM", "1e-9 1e9 None", "-1 0 .inf .nan", "above 0,"),
        ("SOLVER.AVERAGE", "1e-9 0.9999 None", "-0.1 0 1 2 .nan", "above 0 and below 1,"),
        ("SOLVER.NETWORKS.d.LR", "0 1e-4 None", "-1e-9 .nan fast", "of at least 0,"),
    ],
)
def test_a_number_has_bounds(key, inside, outside, wanted):
    for text in inside.split():
        value = None if text == "None" else float(text)
        assert value_at(load_config(None, [key, text]), key) == value
    for text in outside.split():
        message = refused(None, key, text)
        assert message.startswith(f"override: {key}: needs a number {wanted}")


@pytest.mark.parametrize(
    ("key", "text", "proposal"),
    [
        ("SOLVER.LRR", "1", "did you mean SOLVER.LR?"),
        ("MODEL.ARG.width", "1", "did you mean MODEL.ARGS?"),
        ("LR", "1", "did you mean SOLVER.LR?"),
        ("SOLVER.LR.x", "1", "did you mean SOLVER.LR?"),
        ("SOLVER.LR", "fast", "needs a number"),
        ("SOLVER.EPOCHS", "None", "cannot be None"),
        ("OUTPUT_DIR", "[a, b]", "needs text"),
        ("LOSSES.zeta.WEIHGT", "2", "did you mean LOSSES.zeta.WEIGHT?"),
        ("METRICS.psnr.crop_border", "4", "known: ARGS, NAME"),
        ("DATA.TRANSFORMS.2.NAME", "x", "unknown index; use 0 to 1"),
        ("DATA.TRANSFORMS.-1.NAME", "x", "unknown index; use 0 to 1"),
        ("DATA.TRANSFORMS.first.NAME", "x", "unknown index; use 0 to 1"),
        ("DATA.DEGRADATIONS.0.NAME", "x", "unknown index; the list is empty"),
        ("MODEL.ARGS.betas.2", "1", "unknown index; use 0 to 1"),
        ("MODEL.ARGS.width.x", "1", "one value"),
        ("MODEL.ARGS.", "1", "a name is missing"),
        ("LOSSES..NAME", "L1", "a name is missing"),
        ("MODEL.ARGS", "{a: 1, a: 2}", "a stands twice"),
        ("PRECISION", "half", "'half' is no choice"),
        ("OUTPUT_DIR", "", "is empty; name a folder"),
        ("VALIDATION.TRACK", "pnsr", "did you mean psnr?"),
    ],
)
def test_a_wrong_override_is_named_with_key_and_proposal(experiment, key, text, proposal):
    message = refused(experiment, key, text)
    source, stated, _ = message.split(": ", 2)
    assert source == "override" and proposal in message
    # The error stands at the first word that is wrong, which may have more words below it.
    assert key == stated or (key + ".").startswith(stated + ".")


def test_the_source_of_a_late_error_is_where_the_value_came_from(tmp_path):
    file = written(tmp_path, "PRECISION: half\n")
    assert refused(file, "SEED", "1").startswith(f"{file}: PRECISION: ")


def test_an_odd_override_names_its_last_word():
    assert "'SOLVER.LR' has no value" in refused(None, "SEED", "1", "SOLVER.LR")


def test_overrides_create_keys_below_args_and_named_maps(experiment):
    cfg = load_config(
        experiment,
        "MODEL.ARGS.depth 4 LOSSES.edge.WEIGHT 2 LOSSES.edge.NAME Edge LOSSES.edge.ARGS.k 3 "
        "METRICS.l1.NAME L1".split(),
    )
    assert cfg.MODEL.ARGS.depth == 4
    assert cfg.LOSSES.edge == {"NAME": "Edge", "WEIGHT": 2.0, "ARGS": {"k": 3}}
    assert cfg.METRICS.l1 == {"NAME": "L1", "ARGS": {}}


def test_overrides_index_lists(experiment):
    cfg = load_config(
        experiment,
        "DATA.TRANSFORMS.0.ARGS.size 128 MODEL.ARGS.betas.1 1e-3 "
        "DATA.TRANSFORMS.1.NAME RandomTranspose".split(),
    )
    assert cfg.DATA.TRANSFORMS[0] == {"NAME": "RandomCrop", "ARGS": {"size": 128}}
    assert cfg.DATA.TRANSFORMS[1].NAME == "RandomTranspose"
    assert cfg.MODEL.ARGS.betas == (1e-4, 1e-3)


def test_overrides_set_whole_groups_lists_and_arguments(experiment):
    cfg = load_config(
        experiment,
        ["MODEL.ARGS", "{}", "DATA.TRANSFORMS", "[{NAME: A}]", "SOLVER", "{LR: 1, EPOCHS: 2}"],
    )
    assert cfg.MODEL.ARGS == {} and cfg.MODEL.NAME == "UNet"
    assert [part.NAME for part in cfg.DATA.TRANSFORMS] == ["A"]
    assert (cfg.SOLVER.LR, cfg.SOLVER.EPOCHS) == (1.0, 2)
    assert cfg.SOLVER.OPTIMIZER.NAME == "Adam"


@pytest.mark.parametrize(
    ("overrides", "part", "arguments"),
    [
        ("MODEL.NAME EDSR", "MODEL", {}),
        ("MODEL.NAME EDSR MODEL.ARGS.blocks 3", "MODEL", {"blocks": 3}),
        ("MODEL.NAME UNet", "MODEL", {"width": 32, "betas": (1e-4, 0.9)}),
        ("LOSSES.alpha.NAME L2", "LOSSES.alpha", {}),
        ("METRICS.psnr.NAME SSIM", "METRICS.psnr", {}),
        ("DATA.TRANSFORMS.0.NAME CenterCrop", "DATA.TRANSFORMS.0", {}),
    ],
)
def test_nothing_of_one_name_leaks_into_another(experiment, overrides, part, arguments):
    node = load_config(experiment, overrides.split())
    for word in part.split("."):
        node = node[int(word) if word.isdecimal() else word]
    assert node.ARGS == arguments


def test_a_new_name_keeps_the_weight_of_its_loss(experiment):
    assert load_config(experiment, ["LOSSES.alpha.NAME", "L2"]).LOSSES.alpha.WEIGHT == 1.0


def test_arguments_given_before_their_name_are_refused_rather_than_dropped(experiment):
    message = refused(experiment, "MODEL.ARGS.blocks", "3", "MODEL.NAME", "EDSR")
    assert message == "override: MODEL.ARGS.blocks: would be dropped; put MODEL.NAME before it"


def test_in_one_mapping_name_and_arguments_stand_in_any_order(tmp_path):
    file = written(tmp_path, "MODEL: {ARGS: {blocks: 3}, NAME: EDSR}\n")
    assert load_config(file).MODEL.ARGS == {"blocks": 3}
    cfg = load_config(file, ["MODEL", "{ARGS: {a: 1}, NAME: Other}"])
    assert cfg.MODEL.ARGS == {"a": 1}


def test_track_is_checked_only_against_metrics_that_exist(tmp_path):
    assert load_config(None, ["VALIDATION.TRACK", "anything"]).VALIDATION.TRACK == "anything"
    file = written(tmp_path, "METRICS: {ssim: {NAME: SSIM}}\nVALIDATION: {TRACK: ssim}\n")
    assert load_config(file).VALIDATION.TRACK == "ssim"


def test_dump_keeps_order_and_loads_back_identical(experiment, tmp_path):
    cfg = load_config(experiment, ["MODEL.ARGS.text", "'1e-4'", "SOLVER.LR", "1e-5"])
    again = tmp_path / "config.yml"
    again.write_text(dump(cfg))
    twin = load_config(again)
    assert twin == cfg and dump(twin) == dump(cfg)
    assert list(twin) == list(get_defaults())
    assert list(twin.LOSSES) == ["zeta", "alpha"]
    assert twin.MODEL.ARGS.text == "1e-4"


def test_as_dict_survives_json_and_from_dict(experiment):
    cfg = load_config(experiment)
    twin = from_dict(json.loads(json.dumps(as_dict(cfg))))
    assert twin == cfg and dump(twin) == dump(cfg) and twin.is_frozen()


def test_from_dict_is_strict_and_names_its_source():
    with pytest.raises(ConfigError, match=r"^glare\.safetensors: MODEL\.NAM: .*MODEL\.NAME"):
        from_dict({"MODEL": {"NAM": "x"}}, "glare.safetensors")
    with pytest.raises(ConfigError, match=r"^config: SOLVER\.LR: needs a number"):
        from_dict({"SOLVER": {"LR": "1e-4"}})


@pytest.fixture
def lab(tmp_path, monkeypatch):
    folder = tmp_path / "pellucid_lab"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "models.py").write_text("LOADED = True\n")
    (folder / "broken.py").write_text("raise OSError('no\\nluck')\n")
    (folder / "torn.py").write_text("LOADED = True\nOTHER = (\n")
    (folder / "relying.py").write_text("import json\n\nVALUE = json.loads('{')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith("pellucid_lab")]:
        del sys.modules[name]


def test_plugins_are_imported(lab):
    load_config(None, ["PLUGINS", "[pellucid_lab.models]"])
    assert sys.modules["pellucid_lab.models"].LOADED


@pytest.mark.parametrize(
    "module", ["pellucid_lab.broken", "pellucid_lab.absent", ".relative", "''"]
)
def test_a_plugin_that_fails_is_named(lab, module):
    message = refused(None, "PLUGINS", f"[{module}]")
    assert (
        message.startswith("override: PLUGINS.0: cannot import ") and module.strip("'") in message
    )


@pytest.mark.parametrize(("module", "line"), [("broken", 1), ("torn", 2), ("relying", 3)])
def test_the_line_at_fault_in_a_plugin_is_named(lab, tmp_path, module, line):
    message = refused(None, "PLUGINS", f"[pellucid_lab.{module}]")
    assert message.endswith(f" ({tmp_path / 'pellucid_lab' / module}.py:{line})")


def test_from_dict_imports_nothing_by_itself(lab):
    cfg = from_dict({"PLUGINS": ["pellucid_lab.broken"]})
    assert "pellucid_lab" not in sys.modules
    with pytest.raises(ConfigError, match="cannot import 'pellucid_lab.broken': OSError: no luck"):
        import_plugins(cfg)
