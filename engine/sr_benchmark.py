"""Super-resolution on the benchmark sets everybody reports: one table, with its protocol."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from config import Config, from_dict
from data.build import build_loader
from engine.contenders import common_scale, refuse_equal_names
from engine.evaluator import ENLARGED, Evaluation, Evaluator, evaluate_each
from engine.report import metric_lines
from engine.restorer import Restorer
from utils.errors import ConfigError, DataError

SETS = ("Set5", "Set14", "BSD100", "Urban100")
_PUBLISHED = Path(__file__).with_name("sr_published.csv")


@dataclass(frozen=True)
class Row:
    """One network's figures on one set.

    Attributes:
        set_name: the benchmark set.
        network: a weights file's name, `bicubic`, or a published network's.
        figures: `psnr`, `ssim`, `lpips`, as far as they are known.
        source: "measured", or where a published figure stands.
    """

    set_name: str
    network: str
    figures: dict[str, float]
    source: str = "measured"


@dataclass(frozen=True)
class Benchmark:
    """Rows of every set, in order, and how the measured ones were taken."""

    scale: int
    rows: list[Row]
    protocol: list[str]


def run_benchmark(
    weights: Sequence[Path],
    folder: Path,
    lpips: Mapping[str, Any] | None,
    device: torch.device,
) -> Benchmark:
    """Measure weights on the sets below `folder`, beside bicubic and what others published.

    Inputs are made from the HR pictures, cropped to multiples of the scale, by MATLAB's
    antialiased bicubic kernel. PSNR and SSIM are taken on luma with a border of `scale` pixels
    left out; LPIPS on RGB with the same border.

    Args:
        weights: files that state their model; all of one scale above 1.
        folder: holds `Set5`, `Set14`, `BSD100` or `Urban100`, of HR pictures.
        lpips: ARGS of the LPIPS metric (`net`, `weights`); None leaves it out.
        device: where the networks run.

    Raises:
        DataError: none of the sets is there.
        ConfigError: weights of differing scales, of scale 1, or two files of one name.
        CheckpointError: weights that cannot be used.
    """
    sets = _present_sets(folder)
    refuse_equal_names([ENLARGED, *(path.stem for path in weights)])
    models = {path.stem: Restorer.from_weights(path, device).model for path in weights}
    scale = _enlarging_scale(models)
    rows: list[Row] = []
    for set_folder in sets:
        cfg = _set_config(set_folder, scale, lpips)
        loader = build_loader(cfg, "test", device)
        evaluations = evaluate_each(Evaluator(cfg, device), models, loader)
        first = next(iter(evaluations.values()))
        rows.append(Row(set_folder.name, ENLARGED, first.input_metrics))
        rows += [Row(set_folder.name, name, one.metrics) for name, one in evaluations.items()]
        rows += _published(set_folder.name, scale)
    protocol = _protocol(first, scale)
    return Benchmark(scale, rows, protocol)


def as_markdown(benchmark: Benchmark) -> str:
    """The benchmark as Markdown: the protocol, then a table for each set."""
    lines = [f"# Super-resolution x{benchmark.scale}", ""]
    lines += [f"- {line}" for line in benchmark.protocol]
    names = _figure_names(benchmark)
    for set_name in dict.fromkeys(row.set_name for row in benchmark.rows):
        lines += ["", f"## {set_name}", ""]
        lines += [f"| network | {' | '.join(name.upper() for name in names)} | source |"]
        lines += ["|---|" + "---:|" * len(names) + "---|"]
        for row in benchmark.rows:
            if row.set_name == set_name:
                figures = " | ".join(_figure(row.figures, name) for name in names)
                lines.append(f"| {row.network} | {figures} | {row.source} |")
    return "\n".join(lines) + "\n"


def as_csv(benchmark: Benchmark) -> str:
    """The benchmark as CSV: one line per network and set, figures unrounded."""
    names = _figure_names(benchmark)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["set", "scale", "network", *names, "source"])
    for row in benchmark.rows:
        figures = [row.figures.get(name, "") for name in names]
        writer.writerow([row.set_name, benchmark.scale, row.network, *figures, row.source])
    return text.getvalue()


def _present_sets(folder: Path) -> list[Path]:
    present = [folder / name for name in SETS if (folder / name).is_dir()]
    if not present:
        raise DataError(f"{folder}: holds none of {', '.join(SETS)}; put their HR pictures there")
    return present


def _enlarging_scale(models: Mapping[str, nn.Module]) -> int:
    scale = common_scale(models)
    if scale == 1:
        raise ConfigError(
            f"--weights: {', '.join(models)}: no enlarging of pictures; use tools/test_net.py"
        )
    return scale


def _set_config(folder: Path, scale: int, lpips: Mapping[str, Any] | None) -> Config:
    luma = {"crop_border": scale, "y_channel": True}
    metrics: dict[str, Any] = {
        "psnr": {"NAME": "PSNR", "ARGS": luma},
        "ssim": {"NAME": "SSIM", "ARGS": luma},
    }
    if lpips is not None:
        metrics["lpips"] = {"NAME": "LPIPS", "ARGS": {"crop_border": scale, **lpips}}
    return from_dict(
        {
            "DATASETS": {"TEST": {"NAME": "CleanFolder", "ARGS": {"folder": str(folder)}}},
            "DATA": {
                "CHANNELS": 3,
                "WORKERS": 0,
                "DEGRADATIONS": [{"NAME": "Bicubic", "ARGS": {"scale": scale}}],
            },
            "METRICS": metrics,
            "PRECISION": "float32",
            "VALIDATION": {"SAMPLES": 0},
        },
        "benchmark",
    )


def _protocol(evaluation: Evaluation, scale: int) -> list[str]:
    lines = [
        f"HR pictures cropped to multiples of {scale}; inputs by antialiased bicubic (MATLAB's "
        "kernel), rounded to 8 bit; networks in float32"
    ]
    lines += metric_lines(evaluation)
    if "lpips" not in evaluation.protocol:
        lines.append("lpips: left out; --lpips-net measures it")
    return lines


def _published(set_name: str, scale: int) -> list[Row]:
    with _PUBLISHED.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return [
        Row(
            set_name,
            line["network"],
            {"psnr": float(line["psnr"]), "ssim": float(line["ssim"])},
            f"published: {line['source']}",
        )
        for line in lines
        if line["set"] == set_name and int(line["scale"]) == scale
    ]


def _figure_names(benchmark: Benchmark) -> list[str]:
    return list(dict.fromkeys(name for row in benchmark.rows for name in row.figures))


def _figure(figures: Mapping[str, float], name: str) -> str:
    if name not in figures:
        return ""
    return f"{figures[name]:.2f}" if name == "psnr" else f"{figures[name]:.4f}"
