"""Which operands and results PyTorch 2.13 lets one change in place between an operation and its backward pass. Run: python inplace.py

Of every operation that has samples, a line for each case that shows something new: `operation, case, wanted, changed`. `wanted` has a letter for each
operand: `g` where its gradient is asked for, else `-`. `changed` has one for each operand and then for each result: `x` where the backward pass fails
after a change, else `.`.
"""

import warnings

import torch

import golden
import neural
import pointwise
import tensors

LINES = {}


def backward_fails(function, inputs, attributes, wanted, changed):
    operands = [x.detach().clone().requires_grad_(i in wanted) for i, x in enumerate(inputs)]
    results = golden.listed(function(*operands, **attributes))
    roots = [y for y in results if y.requires_grad]
    if not roots:
        return None
    loss = sum(y.sum() for y in roots)
    torch.autograd.graph.increment_version((operands + results)[changed])
    try:
        torch.autograd.grad(loss, [operands[i] for i in wanted], allow_unused=True)
    except RuntimeError as e:
        if "modified by an inplace operation" not in str(e):
            raise
        return True
    return False


def sample(self, op, case, function, inputs, grad=True, wants=None, dtype=None, **attributes):
    if not grad or "seed" in attributes or any(x.is_floating_point() and x.dtype != torch.float64 for x in inputs):
        return
    floats = [i for i, x in enumerate(inputs) if x.is_floating_point() and (wants is None or i in wants)]
    count = len(inputs) + len(golden.listed(function(*[x.clone() for x in inputs], **attributes)))
    lines = []
    for wanted in [[i] for i in floats] + ([floats] if len(floats) > 1 else []):
        fails = [backward_fails(function, inputs, attributes, wanted, i) for i in range(count)]
        if None not in fails:
            lines.append(f"{''.join('g' if i in wanted else '-' for i in range(len(inputs)))}\t{''.join('x' if f else '.' for f in fails)}")
    seen = LINES.setdefault(op, {})
    if lines and lines not in seen.values():
        seen[case] = lines


def sweep(self, op, case, function, inputs, dtypes, grad=True, **attributes):
    sample(self, op, case, function, inputs, grad, **attributes)


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    golden.Family.sample, golden.Family.sweep = sample, sweep
    golden.Family.large = golden.Family.save = lambda *_, **__: None
    for make in (pointwise.unary, pointwise.binary, tensors.reductions, tensors.scans, tensors.shapes, tensors.indexing, tensors.linear_algebra,
                 neural.convolution, neural.normalization, neural.layers, neural.losses):
        make()
    text = "".join(f"{op}\t{case}\t{line}\n" for op, cases in LINES.items() for case, lines in cases.items() for line in lines)
    (golden.RESOURCES / "inplace.tsv").write_text(text)
    print(f"inplace.tsv: {len(LINES)} operations, {len(text):,} bytes")


if __name__ == "__main__":
    main()
