"""The operands that CommonOperations.java describes, drawn as there, and what turns one of its expressions over them into a computation."""
import torch
import torch.nn.functional as F


def gradient(y, of):
    """That of half the sum of y's squares, for which no operation's gradient is always 0."""
    return torch.autograd.grad(y, of, y.detach())[0]


def operands():
    torch.manual_seed(0)
    a = torch.randn(1000, 1000)
    b = torch.randn(1000, 1000)
    q = torch.rand(1000, 1000) * 0.9 + 0.05
    p = q + 0.1
    row = torch.randn(1000)
    column = torch.randn(1000, 1)
    x = torch.randn(8, 64, 56, 56)
    channels = torch.randn(64)
    w = torch.randn(64, 64, 3, 3)
    t = torch.randn(8, 197, 12, 64)
    s = torch.randn(4, 8, 128, 64)
    small = torch.randn(1000, 4, 4)
    row4096 = torch.randn(1, 4096)
    w4096 = torch.randn(4096, 4096)
    places = (torch.arange(1000000) * 7919 % 1000).reshape(1000, 1000)
    rows = torch.arange(1000) * 7919 % 1000
    mask = a > 0
    d = a.double()
    h = a.bfloat16()
    k = places
    i = places.int()
    ag = a.clone().requires_grad_(True)
    xg = x.clone().requires_grad_(True)
    return locals()


def seeded():
    """Nothing, and both sides draw the same numbers behind it."""
    torch.manual_seed(0)


NAMES = {"torch": torch, "F": F, "gradient": gradient, "seeded": seeded}


def computation(expression):
    """A function without parameters; the operands are drawn for the first."""
    if "a" not in NAMES:
        NAMES.update(operands())
    return eval("lambda: " + expression, NAMES)
