"""The option reference is read from the defaults."""

from config import get_defaults
from config.reference import options


def leaves(node, key=""):
    for name, value in node.items():
        full = f"{key}.{name}" if key else name
        if isinstance(value, dict) and value and not {"NAME", "ARGS"} & set(value):
            yield from leaves(value, full)
        elif full == "MODEL":
            yield from (f"MODEL.{inner}" for inner in value)
        else:
            yield full


def test_every_option_is_there_with_its_default_and_a_comment():
    known = options()
    assert sorted(option.key for option in known) == sorted(leaves(get_defaults()))
    assert [option.key for option in known if not option.comment] == []
    by_key = {option.key: option for option in known}
    assert by_key["SOLVER.LR"].default == get_defaults().SOLVER.LR
    assert by_key["SOLVER.LR"].comment.startswith("base learning rate")
    assert by_key["SOLVER.OPTIMIZER"].default == get_defaults().SOLVER.OPTIMIZER
