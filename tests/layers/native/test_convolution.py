"""Convolutions in C against PyTorch's own, in double precision."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from layers.native import library
from layers.native.convolution import NativeConvolution, is_native

ROOT = Path(__file__).parents[3]

needs_code = pytest.mark.skipif(
    not library.is_available(), reason="no compiler, or a processor without code"
)


def convolution(channels_in=16, channels_out=16, kernel=3, **options):
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, **options).eval()


def expected(module, x, slope, shuffle):
    bias = None if module.bias is None else module.bias.double()
    y = F.conv2d(x.double(), module.weight.double(), bias, padding=module.padding)
    return F.pixel_shuffle(F.leaky_relu(y, slope), shuffle)


def difference(module, x, slope=1.0, shuffle=1):
    with torch.inference_mode():
        given = NativeConvolution(module, slope, shuffle)(x)
        right = expected(module, x, slope, shuffle)
    assert given.shape == right.shape
    assert given.is_contiguous(memory_format=torch.channels_last)
    return float((given - right).abs().max())


@needs_code
@pytest.mark.parametrize(
    "size", [(1, 1), (2, 3), (4, 4), (5, 1), (6, 6), (9, 8), (37, 53), (16, 100)]
)
@pytest.mark.parametrize("kernel", [1, 3])
def test_values_at_every_size(size, kernel):
    torch.manual_seed(0)
    assert difference(convolution(kernel=kernel), torch.randn(2, 16, *size)) < 5e-5


@needs_code
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize(
    "channels", [(48, 16), (16, 48), (32, 32), (96, 112), (64, 256), (160, 64)]
)
def test_values_with_any_channels(channels, kernel):
    torch.manual_seed(0)
    x = torch.randn(1, channels[0], 11, 14)
    assert difference(convolution(*channels, kernel), x) < 5e-5


@needs_code
@pytest.mark.parametrize("kernel", [1, 3, 5, 9])
@pytest.mark.parametrize("channels", [(16, 1), (48, 2), (64, 3), (32, 4)])
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (8, 8), (11, 30), (20, 53)])
def test_values_of_a_few_channels(size, channels, kernel):
    torch.manual_seed(0)
    module, x = convolution(*channels, kernel), torch.randn(2, channels[0], *size)
    assert difference(module, x) < 5e-5
    assert difference(module, x, slope=0.2) < 5e-5


@needs_code
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0, -0.5, 3.0])
@pytest.mark.parametrize(
    ("channels_out", "shuffle"), [(64, 1), (64, 2), (144, 3), (256, 4), (96, 1)]
)
def test_what_follows_is_taken_on(slope, channels_out, shuffle):
    torch.manual_seed(0)
    module, x = convolution(32, channels_out, bias=shuffle == 2), torch.randn(2, 32, 9, 7)
    assert difference(module, x, slope, shuffle) < 5e-5


@needs_code
@pytest.mark.parametrize(("channels", "kernel"), [(32, 1), (32, 3), (3, 5)])
def test_any_number_of_threads_gives_the_same(channels, kernel):
    torch.manual_seed(0)
    native, x = NativeConvolution(convolution(16, channels, kernel)), torch.randn(1, 16, 40, 41)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(native(x))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(result, results[0]) for result in results)


@needs_code
@pytest.mark.parametrize(("channels", "kernel"), [(16, 1), (16, 3), (3, 3)])
def test_what_is_not_finite_is_not_hidden(channels, kernel):
    x = torch.zeros(1, 16, 12, 12)
    x[0, 3, 5, 6] = torch.nan
    given = NativeConvolution(convolution(16, channels, kernel), slope=0.0)(x)
    assert given[0, :, 5, 6].isnan().all()
    assert not given[0, :, 0, 0].isnan().any()


@needs_code
def test_views_and_other_layouts_and_types_are_read_rightly():
    torch.manual_seed(0)
    module, x = convolution(), torch.randn(2, 32, 21, 17)
    native = NativeConvolution(module)
    for view in (x[:, 3:19], x[:, :16, 1:, 2:], x[:, ::2].transpose(2, 3), x[:, :16].half()):
        right = expected(module, view, 1.0, 1)
        assert float((native(view) - right.detach()).abs().max()) < 5e-5
    with pytest.raises(ValueError, match="32 channels came in; there must be 16"):
        native(x)


@needs_code
@pytest.mark.parametrize("change", [nn.Module.double, nn.Module.half, lambda m: m.to("meta")])
def test_another_type_or_device_is_refused(change):
    native = change(NativeConvolution(convolution()))
    with pytest.raises(ValueError, match="in float32, on a CPU"):
        native(torch.randn(1, 16, 9, 11))


@needs_code
def test_what_has_no_values_is_refused():
    with pytest.raises(ValueError, match="in float32, on a CPU"):
        NativeConvolution(convolution())(torch.empty(1, 16, 9, 11, device="meta"))


@needs_code
@pytest.mark.filterwarnings("ignore:.*trac:DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_trace_is_refused():
    x = torch.randn(1, 16, 9, 11)
    with pytest.raises(ValueError, match="not traced"):
        torch.jit.trace(NativeConvolution(convolution()), x)


@needs_code
def test_another_default_type_changes_nothing():
    torch.manual_seed(0)
    module, x = convolution(), torch.randn(1, 16, 9, 11)
    torch.set_default_dtype(torch.float64)
    try:
        assert difference(module, x) < 5e-5
    finally:
        torch.set_default_dtype(torch.float32)


@needs_code
@pytest.mark.parametrize(("channels", "kernel"), [(96, 1), (96, 3), (2, 3)])
def test_a_copy_gives_the_same(channels, kernel):
    native, x = NativeConvolution(convolution(16, channels, kernel)), torch.randn(1, 16, 9, 11)
    assert torch.equal(copy.deepcopy(native)(x), native(x))


def hooked(module):
    module.register_forward_hook(lambda _module, _inputs, output: 2 * output)
    return module


class _Standardised(nn.Conv2d):
    """As some networks have them: not what its weights say."""

    def forward(self, x):
        return super().forward(x - x.mean())


@pytest.mark.parametrize(
    ("module", "native"),
    [
        (convolution(), True),
        (convolution(kernel=1), True),
        (convolution(16, 3), True),
        (convolution(64, 4, 9), True),
        (nn.Conv2d(16, 3, (3, 5), padding=(1, 2)), False),
        (nn.Conv2d(16, 3, 2), False),
        (convolution(16, 5), False),
        (convolution(3, 16), False),
        (convolution(24, 32), False),
        (convolution(kernel=5), False),
        (convolution(stride=2), False),
        (convolution(groups=16), False),
        (nn.Conv2d(16, 16, 3), False),
        (nn.Conv2d(16, 16, 1, padding=1), False),
        (nn.Conv2d(16, 16, 3, padding="same"), False),
        (nn.Conv2d(16, 16, 3, padding=1, dilation=2), False),
        (convolution(padding_mode="reflect"), False),
        (_Standardised(16, 16, 3, padding=1), False),
        (nn.utils.parametrizations.weight_norm(convolution()), False),
        (nn.utils.spectral_norm(convolution()), False),
        (hooked(convolution()), False),
        (nn.ConvTranspose2d(16, 16, 3, padding=1), False),
        (nn.ReLU(), False),
    ],
)
def test_which_convolutions_it_stands_for(module, native):
    assert is_native(module) == native
    if not native and isinstance(module, nn.Conv2d):
        with pytest.raises(ValueError, match="is no convolution that is computed here"):
            NativeConvolution(module)


@needs_code
@pytest.mark.parametrize(
    ("module", "shuffle"),
    [(convolution(16, 32), 2), (convolution(16, 64, 1), 2), (convolution(16, 4), 2)],
)
def test_a_shuffle_that_cannot_be_is_refused(module, shuffle):
    with pytest.raises(ValueError, match="no pixel shuffle by 2"):
        NativeConvolution(module, shuffle=shuffle)


def on_an_older_processor(check, *arguments):
    """Run a program where AVX-512 is not to be used."""
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("this processor has no AVX2")
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "avx2"}
    words = [sys.executable, "-c", check, *map(str, arguments)]
    subprocess.run(words, check=True, cwd=ROOT, env=environment)


@needs_code
def test_a_pickle_is_read_rightly_by_an_older_processor(tmp_path):
    torch.manual_seed(0)
    native, x = NativeConvolution(convolution(48, 96, 1), 0.2), torch.randn(1, 48, 9, 11)
    torch.save((native, x, native(x)), tmp_path / "pickle")
    on_an_older_processor(
        "import sys, torch\n"
        "native, x, expected = torch.load(sys.argv[1], weights_only=False)\n"
        "assert float((native(x) - expected).abs().max()) < 1e-5\n",
        tmp_path / "pickle",
    )


@needs_code
def test_code_for_an_older_processor_gives_the_same():
    check = (
        "import torch\n"
        "from tests.layers.native.test_convolution import convolution, difference\n"
        "assert torch.backends.cpu.get_cpu_capability() == 'AVX2'\n"
        "for kernel, shuffle, channels in [(1, 1, 112), (3, 1, 112), (3, 2, 64), (9, 1, 3)]:\n"
        "    module = convolution(48, channels, kernel)\n"
        "    assert difference(module, torch.randn(2, 48, 13, 10), 0.2, shuffle) < 5e-5\n"
    )
    on_an_older_processor(check)
