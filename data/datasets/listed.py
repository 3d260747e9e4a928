"""Pairs of pictures that a table lists."""

import csv
from pathlib import Path

from data.datasets.files import MissingDataError
from data.datasets.pairs import Pair, Pairs
from data.division import Shares
from data.inventory import Problem
from data.registries import DATASETS
from utils.errors import DataError
from utils.registry import did_you_mean


@DATASETS.register
class PairedList(Pairs):
    """The pairs that a CSV file lists, one a row below a row of column names.

    A sample is called as its input's file, because several inputs may have one target.

    Args:
        list: the CSV file, UTF-8.
        folder: where its file names start from; None is the folder that the CSV file is in.
        input: the column of the inputs' file names.
        target: the column of the targets'.
        scene: a column whose equal entries mark pairs of one scene, which `shares` keeps
            together; None if there is none.
        shares: None takes every pair. A number is the share of them that training gets, 0.7 for
            one, and validation gets the rest; `{train: 0.6, val: 0.15, test: 0.25}` names all.
            Pairs whose targets show the same scene stay together.
        seed: draws which pairs each split gets, with `shares`.
        channels: 1 reads gray, 3 RGB.
        split: which share to read; named in errors.

    Raises:
        MissingDataError: no such file, or no row in it.
        DataError: it cannot be read, lacks a column or an entry, or there are too few scenes for
            the shares.
    """

    def __init__(
        self,
        list: str,
        folder: str | None = None,
        input: str = "input",
        target: str = "target",
        scene: str | None = None,
        shares: Shares | None = None,
        seed: int = 0,
        *,
        channels: int,
        split: str,
    ) -> None:
        super().__init__(channels)
        table = Path(list).expanduser()
        start = table.parent if folder is None else Path(folder).expanduser()
        columns = [input, target] if scene is None else [input, target, scene]
        seen: set[Path] = set()
        for entries in _rows(table, columns, split):
            pair = Pair(
                start / entries[0],
                start / entries[1],
                Path(entries[0]).with_suffix("").as_posix().replace("/", "_"),
                entries[2] if scene is not None else None,
            )
            if pair.input in seen:
                self.problems.append(Problem(pair.input, f"stands twice in {table}; keep one row"))
            else:
                self.pairs.append(pair)
            seen.add(pair.input)
        if shares is not None:
            self.divide(shares, seed, split, str(list))


def _rows(table: Path, columns: list[str], split: str) -> list[list[str]]:
    """The entries of `columns` in each row of a CSV file.

    Raises:
        MissingDataError: no such file, or no row in it.
        DataError: it cannot be read, lacks a column, or a row lacks an entry.
    """
    if not table.is_file():
        raise MissingDataError(f"{split}: there is no file {table}")
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            known = [*(reader.fieldnames or [])]
            for column in columns:
                if column not in known:
                    raise DataError(
                        f"{split}: {table}: has no column {column!r}; {did_you_mean(column, known)}"
                    )
            rows = []
            for row in reader:
                entries = [row[column] or "" for column in columns]
                if "" in entries:
                    empty = columns[entries.index("")]
                    raise DataError(
                        f"{split}: {table}: line {reader.line_num} has no entry for {empty!r}"
                    )
                rows.append(entries)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{split}: {table}: cannot be read as a CSV file: {error}") from error
    if not rows:
        raise MissingDataError(f"{split}: {table}: lists no pairs")
    return rows
