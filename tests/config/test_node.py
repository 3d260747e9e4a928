"""The node: keywords, freezing at every depth, copies, order."""

import copy
import pickle

import pytest
import yaml

from config import Config, as_dict, dump, get_defaults, load_config


def frozen_with_depth() -> Config:
    return load_config(
        None,
        [
            "MODEL.ARGS",
            "{widths: [32, 64], inner: {deep: [{leaf: 1}]}}",
            "DATA.TRANSFORMS",
            "[{NAME: RandomCrop, ARGS: {size: 64}}]",
        ],
    )


def test_keywords_and_mappings_build_the_same_node():
    assert Config(NAME="a", ARGS=Config()) == Config({"NAME": "a", "ARGS": {}})
    assert Config({"inner": {"x": 1}}).inner.x == 1


def test_nodes_inside_lists_have_attributes_too():
    assert frozen_with_depth().DATA.TRANSFORMS[0].ARGS.size == 64


@pytest.mark.parametrize(
    "change",
    [
        lambda cfg: setattr(cfg, "SEED", 1),
        lambda cfg: cfg.__setitem__("SEED", 1),
        lambda cfg: cfg.update(SEED=1),
        lambda cfg: cfg.__ior__({"SEED": 1}),
        lambda cfg: cfg.pop("SEED"),
        lambda cfg: cfg.popitem(),
        lambda cfg: cfg.clear(),
        lambda cfg: cfg.__delitem__("SEED"),
        lambda cfg: delattr(cfg, "SEED"),
        lambda cfg: cfg.setdefault("NEW", 1),
        lambda cfg: cfg.MODEL.ARGS.update(x=1),
        lambda cfg: cfg.MODEL.ARGS.widths.append(128),
        lambda cfg: setattr(cfg.MODEL.ARGS.inner.deep[0], "leaf", 2),
        lambda cfg: setattr(cfg.DATA.TRANSFORMS[0].ARGS, "size", 2),
        lambda cfg: cfg.DATA.TRANSFORMS.append({}),
        lambda cfg: cfg.DATA.TRANSFORMS.__setitem__(0, {}),
    ],
)
def test_a_frozen_config_cannot_change_at_any_depth(change):
    cfg = frozen_with_depth()
    before = dump(cfg)
    with pytest.raises(AttributeError):
        change(cfg)
    assert dump(cfg) == before


@pytest.mark.parametrize("copied", [copy.deepcopy, Config.clone, copy.copy])
def test_copies_stay_frozen_and_are_their_own(copied):
    cfg = frozen_with_depth()
    twin = copied(cfg)
    assert twin == cfg and twin.is_frozen()
    if copied is not copy.copy:
        twin.defrost()
        twin.DATA.TRANSFORMS[0].ARGS.size = 1
        twin.MODEL.ARGS.widths.append(3)
        assert cfg.DATA.TRANSFORMS[0].ARGS.size == 64
        assert len(cfg.MODEL.ARGS.widths) == 2


def test_pickling_keeps_values_types_and_frost():
    cfg = frozen_with_depth()
    twin = pickle.loads(pickle.dumps(cfg))
    assert twin == cfg and list(twin) == list(cfg)
    assert isinstance(twin.MODEL, Config) and twin.MODEL.is_frozen()
    assert not pickle.loads(pickle.dumps(get_defaults())).is_frozen()


def test_as_dict_is_plain_to_the_bottom():
    def plain(value):
        if type(value) is dict:
            return all(map(plain, value.values()))
        if type(value) is list:
            return all(map(plain, value))
        return type(value) in (bool, int, float, str, type(None))

    assert plain(as_dict(frozen_with_depth()))


def test_yacs_own_merging_is_closed():
    for merge in ("merge_from_file", "merge_from_list", "merge_from_other_cfg"):
        with pytest.raises(TypeError, match="load_config"):
            getattr(get_defaults(), merge)([])


def test_a_missing_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError):
        _ = get_defaults().NOTHING
    assert getattr(get_defaults(), "NOTHING", 3) == 3


def test_text_of_a_node_is_yaml_in_order():
    text = str(Config(b=1, a=Config(z=[1, 2])))
    assert list(yaml.safe_load(text)) == ["b", "a"]


def test_defaults_are_fresh_each_time():
    get_defaults().MODEL.NAME = "Other"
    assert get_defaults().MODEL.NAME != "Other"
