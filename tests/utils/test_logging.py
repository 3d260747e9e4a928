import logging

import pytest

from utils.logging import get_logger, setup_logging


@pytest.fixture(autouse=True)
def quiet_afterwards():
    yield
    logger = logging.getLogger("pellucid")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def test_lines_reach_terminal_and_file_once(tmp_path, capsys):
    setup_logging(tmp_path / "old")
    setup_logging(tmp_path / "run")
    get_logger("engine.trainer").info("loss %.2f", 0.5)
    get_logger("data").warning("a pair is missing")
    lines = (tmp_path / "run" / "log.txt").read_text(encoding="utf-8").splitlines()
    assert [line[20:] for line in lines] == ["loss 0.50", "WARNING a pair is missing"]
    assert capsys.readouterr().out.splitlines() == lines
    assert (tmp_path / "old" / "log.txt").read_text() == ""


def test_a_second_run_appends(tmp_path):
    for word in ("first", "second"):
        setup_logging(tmp_path)
        get_logger("tools").info(word)
    assert [line[20:] for line in (tmp_path / "log.txt").read_text().splitlines()] == [
        "first",
        "second",
    ]
