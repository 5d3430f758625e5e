"""The dtypes of results under autocast to bfloat16, by PyTorch 2.13's lists for the CPU and for CUDA. Run: python autocast.py

Of every operation that has samples, a line for each case that shows something new: `operation, case, operands, cpu, cuda`, where `operands`
says what the float operands were cast to in turn (`w` float32, `n` bfloat16), and the others what came out (`-` for a call that PyTorch
refuses). CUDA needs no GPU here: dtypes come from PyTorch's fake tensors.
"""

import logging
import warnings

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import golden
import neural
import pointwise
import tensors

COMBINATIONS = {"w": [torch.float32], "n": [torch.bfloat16], "wn": [torch.float32, torch.bfloat16], "nw": [torch.bfloat16, torch.float32]}
LINES = {}


def cast(inputs, dtypes):
    floats, result = 0, []
    for x in inputs:
        if x.is_floating_point():
            x, floats = x.to(dtypes[min(floats, len(dtypes) - 1)]), floats + 1
        result.append(x)
    return result


def results(device, function, inputs, attributes):
    try:
        with torch.autocast(device, torch.bfloat16) if device == "cpu" else torch.autocast("cpu", enabled=False):
            return " ".join(golden.label(x.dtype) for x in golden.listed(function(*inputs, **attributes)))
    except Exception:
        return "-"


def on_cuda(function, inputs, attributes):
    with FakeTensorMode(allow_non_fake_inputs=True):
        moved = [torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cpu" if x.dim() == 0 and not x.is_floating_point() else "cuda") for x in inputs]
        torch.set_autocast_enabled("cuda", True)
        torch.set_autocast_dtype("cuda", torch.bfloat16)
        try:
            return results("cuda", function, moved, attributes)
        finally:
            torch.set_autocast_enabled("cuda", False)
            torch.clear_autocast_cache()


def sample(self, op, case, function, inputs, grad=True, wants=None, dtype=None, **attributes):
    floats = [x for x in inputs if x.is_floating_point()]
    if not floats or any(x.dtype != torch.float64 for x in floats):
        return
    try:
        function(*cast(inputs, COMBINATIONS["w"]), **attributes)
    except Exception:
        return  # for whole numbers only, which fake tensors would not notice
    lines = []
    for name, dtypes in COMBINATIONS.items():
        if len(dtypes) <= len(floats):
            operands = cast(inputs, dtypes)
            copies = [x.clone() for x in operands]
            lines.append(f"{name}\t{results('cpu', function, copies, attributes)}\t{on_cuda(function, operands, attributes)}")
    seen = LINES.setdefault(op, {})
    if lines not in seen.values():
        seen[case] = lines


def sweep(self, op, case, function, inputs, dtypes, grad=True, **attributes):
    sample(self, op, case, function, inputs, **attributes)


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    golden.Family.sample, golden.Family.sweep = sample, sweep
    golden.Family.large = golden.Family.save = lambda *_, **__: None
    for make in (pointwise.unary, pointwise.binary, tensors.reductions, tensors.scans, tensors.shapes, tensors.indexing, tensors.linear_algebra,
                 neural.convolution, neural.normalization, neural.layers, neural.losses):
        make()
    text = "".join(f"{op}\t{case}\t{line}\n" for op, cases in LINES.items() for case, lines in cases.items() for line in lines)
    (golden.RESOURCES / "autocast.tsv").write_text(text)
    print(f"autocast.tsv: {len(LINES)} operations, {len(text):,} bytes")


if __name__ == "__main__":
    main()
