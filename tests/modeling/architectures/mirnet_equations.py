"""MIRNet as its paper writes it, from a state dict, without a thought for speed.

Zamir et al., ECCV 2020; any number of streams and columns. Every tensor is
taken from the names that the authors' checkpoints have.
"""

import torch
from torch.nn import functional as F


class Equations:
    """`Equations(state)(x)`: (N, C, H, W), sides multiples of the grid -> the same shape."""

    def __init__(self, state, height, width):
        self.state, self.height, self.width = state, height, width

    def __call__(self, x):
        features = self.conv(x, "conv_in")
        for group in self.children("body"):
            entering = features
            for block in self.children(f"{group}.body"):
                if f"{block}.weight" in self.state:
                    features = self.conv(features, block)
                else:
                    features = self.block(features, block)
            features = features + entering
        return x + self.conv(features, "conv_out")

    def children(self, name):
        numbers = {key[len(name) + 1 :].split(".")[0] for key in self.state if key.startswith(name)}
        return [f"{name}.{number}" for number in sorted(numbers, key=int)]

    def conv(self, x, name):
        weight = self.state[f"{name}.weight"]
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2)

    def prelu(self, x, name):
        slope = self.state[f"{name}.weight"]
        return torch.where(x > 0, x, slope * x)

    def block(self, x, name):
        streams = [self.unit(x, f"{name}.blocks.0.0")]
        for j in range(1, self.height):
            lowered = self.moved(streams[-1], name, j - 1, j)
            streams.append(self.unit(lowered, f"{name}.blocks.{j}.0"))
        for column in range(1, self.width):
            fused = [
                self.fusion(
                    [self.moved(stream, name, i, j) for i, stream in enumerate(streams)],
                    f"{name}.selective_kernel.{j}",
                )
                for j in range(self.height)
            ]
            streams = [self.unit(f, f"{name}.blocks.{j}.{column}") for j, f in enumerate(fused)]
        merged = [streams[0]]
        for j in range(1, self.height):
            merged.append(self.up(streams[j], f"{name}.last_up.{j}"))
        merged = self.fusion(merged, f"{name}.selective_kernel.0")
        return x + self.conv(merged, f"{name}.conv_out")

    def moved(self, x, name, source, target):
        channels, factor = x.shape[1], 2 ** abs(source - target)
        if source == target:
            return x
        if source < target:
            return self.down(x, f"{name}.down.{channels}_{factor}")
        return self.up(x, f"{name}.up.{channels}_{factor}")

    def unit(self, x, name):
        inner = self.prelu(self.conv(x, f"{name}.body.0"), f"{name}.body.1")
        inner = self.conv(inner, f"{name}.body.2")
        pooled = torch.cat([inner.max(1, True).values, inner.mean(1, True)], 1)
        by_pixel = inner * self.conv(pooled, f"{name}.SA.spatial.conv").sigmoid()
        compact = F.relu(self.conv(inner.mean((2, 3), True), f"{name}.CA.conv_du.0"))
        by_channel = inner * self.conv(compact, f"{name}.CA.conv_du.2").sigmoid()
        return x + self.conv(torch.cat([by_pixel, by_channel], 1), f"{name}.conv1x1")

    def fusion(self, streams, name):
        total = torch.stack(streams).sum(0).mean((2, 3), True)
        compact = self.prelu(self.conv(total, f"{name}.conv_du.0"), f"{name}.conv_du.1")
        weights = [self.conv(compact, f"{name}.fcs.{i}") for i in range(len(streams))]
        return (torch.stack(streams) * torch.stack(weights).softmax(0)).sum(0)

    def down(self, x, name):
        for step in self.children(f"{name}.body"):
            top = self.prelu(self.conv(x, f"{step}.top.0"), f"{step}.top.1")
            top = self.prelu(self.conv(top, f"{step}.top.2"), f"{step}.top.3")
            top = self.conv(self.blur(top, f"{step}.top.4"), f"{step}.top.5")
            x = top + self.conv(self.blur(x, f"{step}.bot.0"), f"{step}.bot.1")
        return x

    def blur(self, x, name):
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, self.state[f"{name}.filt"], groups=x.shape[1])[..., ::2, ::2]

    def up(self, x, name):
        for step in self.children(f"{name}.body"):
            top = self.prelu(self.conv(x, f"{step}.top.0"), f"{step}.top.1")
            weight = self.state[f"{step}.top.2.weight"]
            top = F.conv_transpose2d(top, weight, stride=2, padding=1, output_padding=1)
            top = self.conv(self.prelu(top, f"{step}.top.3"), f"{step}.top.4")
            wide = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = top + self.conv(wide, f"{step}.bot.1")
        return x
