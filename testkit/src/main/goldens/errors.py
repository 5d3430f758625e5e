"""What PyTorch says when it is used wrongly. Run: python errors.py, with PyTorch 2.13; writes a line `name<TAB>message` for each."""

import warnings

import torch
import torch.nn.functional as F

from golden import RESOURCES

warnings.simplefilter("ignore")
ones, zeros, tensor = torch.ones, torch.zeros, torch.tensor


def leaf(*sizes):
    return ones(*sizes, requires_grad=True)


def twice():
    y = (leaf(3) * leaf(3)).sum()
    y.backward()
    y.backward()


def changed_leaf():
    x = leaf(2, 3)
    y = x * x
    x.detach().add_(1)
    y.sum().backward()


def changed_result():
    y = leaf(2, 3).exp()
    y.add_(1)
    y.sum().backward()


def changed_by_zero():
    y = leaf(2, 3) * 2
    z = y * y
    y.zero_()
    z.sum().backward()


def unused():
    x = leaf(3)
    torch.autograd.grad(x.sum(), [x, leaf(3)])


def no_grad_view():
    b = leaf(2, 3) * 1
    with torch.no_grad():
        v = b[0]
    v.mul_(2)


def inference():
    with torch.inference_mode():
        return ones(3)


def assign(x, grad):
    x.grad = grad


def anomaly():
    with torch.autograd.detect_anomaly():
        tensor([-1.0], requires_grad=True).sqrt().sum().backward()


def function(backward):
    return type("Twice", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, *xs: xs[0] * 2), "backward": staticmethod(backward)})


def empty_inputs():
    torch.autograd.backward(leaf(3).sum(), inputs=[])


CASES = {
    # operands that do not fit
    "broadcast": lambda: ones(2, 3) + ones(4),
    "in-place broadcast": lambda: ones(3).add_(ones(2, 3)),
    "matmul ranks": lambda: torch.matmul(tensor(1.0), ones(3)),
    "mm sizes": lambda: torch.addmm(ones(2, 2), ones(2, 3), ones(4, 2)),
    "bmm ranks": lambda: torch.bmm(ones(2, 3), ones(2, 3, 4)),
    "bmm sizes": lambda: torch.bmm(ones(2, 3, 4), ones(2, 3, 4)),
    "dim out of range": lambda: ones(2, 3).sum(2),
    "dim twice": lambda: ones(2, 3).sum((1, -1)),
    "reshape": lambda: ones(2, 3).reshape(4),
    "reshape two unknown": lambda: ones(2, 3).reshape(-1, -1),
    "reshape ambiguous": lambda: ones(0).reshape(-1, 0),
    "view": lambda: ones(2, 3).t().view(6),
    "expand": lambda: ones(2, 3).expand(2, 4),
    "expand rank": lambda: ones(2, 3).expand(3),
    "t": lambda: ones(1, 2, 3).t(),
    "permute": lambda: ones(2, 3).permute(0),
    "cat sizes": lambda: torch.cat([ones(2, 3), ones(2, 4)], 0),
    "cat nothing": lambda: torch.cat([], 0),
    "cat 0-d": lambda: torch.cat([tensor(1.0)], 0),
    "stack": lambda: torch.stack([ones(2, 3), ones(3, 2)]),
    "narrow": lambda: ones(2, 3).narrow(0, 1, 2),
    "slice step": lambda: torch.ops.aten.slice(ones(2, 3), 0, 0, 1, 0),
    "split sizes": lambda: ones(2, 3).split([1, 2], 0),
    "chunk": lambda: ones(2, 3).chunk(0),
    "repeat": lambda: ones(2, 3).repeat(2),
    "unfold size": lambda: ones(2, 3).unfold(1, 4, 1),
    "gather dtype": lambda: torch.gather(ones(2, 3), 0, ones(2, 3)),
    "gather size": lambda: torch.gather(ones(2, 3), 0, zeros(2, 4, dtype=torch.int64)),
    "mean of integers": lambda: tensor([1, 2]).mean(),
    "amax of nothing": lambda: ones(0, 3).amax(0),
    "max of nothing": lambda: ones(0).max(),
    "neg of bool": lambda: -tensor([True]),
    "where": lambda: torch.where(ones(2), ones(2), ones(2)),
    "masked_fill": lambda: ones(2).masked_fill(ones(2), 0),
    "in-place dtype": lambda: tensor([1]).mul_(tensor([1.5])),
    "integral alpha": lambda: torch.add(tensor([1]), tensor([2]), alpha=0.5),
    "integral pow": lambda: tensor([2]) ** -1,
    "division by zero": lambda: tensor([1]) // tensor([0]),
    "item": lambda: ones(2).item(),
    "expanded in place": lambda: ones(1, 3).expand(2, 3).add_(1),
    "einsum": lambda: torch.einsum("ij,jk->ik", ones(2, 3), ones(4, 5)),
    "conv2d channels": lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 2, 3, 3)),
    "cross entropy target": lambda: F.cross_entropy(ones(2, 3), tensor([0, 3])),
    "layer norm": lambda: F.layer_norm(ones(2, 3), [4]),
    # autograd
    "backward of many": lambda: (leaf(3) * 2).backward(),
    "backward of nothing": lambda: ones(2).sum().backward(),
    "backward twice": twice,
    "backward shape": lambda: (leaf(2, 3) * 2).backward(ones(3)),
    "backward inputs": empty_inputs,
    "unused input": unused,
    "integral requires_grad": lambda: ones(3, dtype=torch.int64).requires_grad_(),
    "requires_grad of a result": lambda: (leaf(3) * 2).requires_grad_(False),
    "grad of other sizes": lambda: assign(leaf(2, 3), ones(3)),
    "grad is itself": lambda: (lambda x: assign(x, x))(leaf(3)),
    "retain_grad": lambda: ones(2).retain_grad(),
    "hook": lambda: ones(2).register_hook(lambda g: g),
    "post accumulate hook": lambda: (leaf(2) * 2).register_post_accumulate_grad_hook(lambda g: g),
    "leaf in place": lambda: leaf(2, 3).mul_(2),
    "view of leaf in place": lambda: leaf(2, 3)[0].mul_(2),
    "unbind in place": lambda: (leaf(2, 3) * 1).unbind(0)[0].mul_(2),
    "split in place": lambda: (leaf(2, 3) * 1).split(1)[1].mul_(2),
    "no_grad view in place": no_grad_view,
    "detach_ of view": lambda: leaf(2, 3).view(6).detach_(),
    "changed leaf": changed_leaf,
    "changed result": changed_result,
    "changed by zero": changed_by_zero,
    "inference saved": lambda: inference() * leaf(3),
    "inference in place": lambda: inference().add_(1),
    "inference requires_grad": lambda: inference().requires_grad_(),
    "nan in anomaly mode": anomaly,
    "gradient count": lambda: function(lambda ctx, g: g).apply(leaf(3), leaf(3)).sum().backward(),
    "gradient sizes": lambda: function(lambda ctx, g: ones(7)).apply(leaf(2, 3)).sum().backward(),
}


def main():
    lines = []
    for name, case in CASES.items():
        try:
            case()
        except (RuntimeError, IndexError, ValueError, TypeError) as e:
            lines.append(f"{name}\t{' '.join(str(e).split())}")
        else:
            raise AssertionError(f"{name} was not refused")
    (RESOURCES / "errors.tsv").write_text("\n".join(lines) + "\n")
    print(f"errors.tsv: {len(lines)} messages")


if __name__ == "__main__":
    main()
