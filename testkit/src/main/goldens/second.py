"""Which second gradients PyTorch 2.13 has, be they zeros, and which it leaves out. Run: python second.py

Of every operation that has samples, a line for each case: `operation, case, second`. `second` has a word for each operand of
float dtype, on what its gradient depends: a letter for each of these operands, `x` where the gradient has a gradient for it, else `.`.
"""

import warnings

import torch

import golden
import neural
import pointwise
import tensors

LINES = {}


def second(function, inputs, attributes, wanted):
    operands = [x.detach().clone().requires_grad_(i in wanted) for i, x in enumerate(inputs)]
    leaves = [operands[i] for i in wanted]
    roots = [y for y in golden.listed(function(*operands, **attributes)) if y.requires_grad]
    if not roots:
        return None
    grads = torch.autograd.grad(roots, leaves, [torch.ones_like(y) for y in roots], create_graph=True, allow_unused=True)
    words = []
    for grad in grads:
        depends = grad is not None and grad.requires_grad
        again = torch.autograd.grad(grad.sum(), leaves, retain_graph=True, allow_unused=True) if depends else [None] * len(leaves)
        words.append("".join("." if g is None else "x" for g in again))
    return " ".join(words)


def sample(self, op, case, function, inputs, grad=True, wants=None, dtype=None, **attributes):
    if not grad or "seed" in attributes or any(x.is_floating_point() and x.dtype != torch.float64 for x in inputs):
        return
    wanted = [i for i, x in enumerate(inputs) if x.is_floating_point() and (wants is None or i in wants)]
    try:
        line = second(function, inputs, attributes, wanted)
    except RuntimeError as e:
        if "is not implemented" not in str(e):
            raise
        return
    if line:
        LINES.setdefault(op, {})[case] = line


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    golden.Family.sample = sample
    golden.Family.sweep = golden.Family.large = golden.Family.save = lambda *_, **__: None
    for make in (pointwise.unary, pointwise.binary, tensors.reductions, tensors.scans, tensors.shapes, tensors.indexing, tensors.linear_algebra,
                 neural.convolution, neural.normalization, neural.layers, neural.losses):
        make()
    text = "".join(f"{op}\t{case}\t{line}\n" for op, cases in LINES.items() for case, line in cases.items())
    (golden.RESOURCES / "second.tsv").write_text(text)
    print(f"second.tsv: {len(LINES)} operations, {len(text):,} bytes")


if __name__ == "__main__":
    main()
