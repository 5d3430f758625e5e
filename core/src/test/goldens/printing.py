"""Writes the golden file of TensorFormatTest: tensors and how PyTorch 2.13 prints them.

    python printing.py > ../resources/org/flambeau/internal/text/printing.txt
    python printing.py 20000 SEED > more.txt        # random cases only, to search for differences

A case is a line of fields, a line of values and the expected lines behind a bar. Values are the raw bits of
elements in hexadecimal, repeated cyclically until the tensor is full, so that large tensors stay small here.
"""

import math
import random
import sys

import torch
from torch import _tensor_str

INF, NAN = math.inf, math.nan
BITS = {
    torch.bool: torch.uint8, torch.uint8: torch.uint8, torch.int8: torch.uint8, torch.int16: torch.int16,
    torch.int32: torch.int32, torch.int64: torch.int64, torch.float16: torch.int16, torch.bfloat16: torch.int16,
    torch.float32: torch.int32, torch.float64: torch.int64,
}


def emit(name, values, sizes=None, dtype=torch.float32, grad="", device="", **options):
    cycle = values if isinstance(values, torch.Tensor) else torch.tensor(values, dtype=dtype)
    cycle = cycle.reshape(-1)
    sizes = (len(cycle),) if sizes is None else sizes
    count = math.prod(sizes)
    tensor = cycle[torch.arange(count) % len(cycle)].reshape(sizes) if count else torch.empty(sizes, dtype=cycle.dtype)
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**options)
    expected = printed(tensor, grad, device)
    width = cycle.element_size() * 2
    mask = (1 << 4 * width) - 1
    bits = " ".join(f"{b & mask:0{width}x}" for b in cycle.view(BITS[cycle.dtype]).tolist())
    o = _tensor_str.PRINT_OPTS
    threshold = "inf" if o.threshold == INF else o.threshold
    print(f"# {name}; {str(tensor.dtype)[6:]}; {','.join(map(str, sizes))}; {device}; {grad}; "
          f"{o.precision},{threshold},{o.edgeitems},{o.linewidth},{o.sci_mode}")
    print(bits)
    for line in expected.split("\n"):
        print("|" + line)


def printed(tensor, grad, device):
    if grad == "leaf":
        tensor = tensor.requires_grad_()
    elif grad:
        tensor = node_named(grad)(tensor.requires_grad_())
    if not device:
        return repr(tensor)
    # No such device is needed: what PyTorch puts first among the suffixes goes there by hand.
    plain, add = repr, _tensor_str._add_suffixes
    try:
        _tensor_str._add_suffixes = lambda text, suffixes, *a, **k: add(text, [f"device='{device}'"] + suffixes, *a, **k)
        return plain(tensor)
    finally:
        _tensor_str._add_suffixes = add


def node_named(name):
    if name == "CloneBackward0":
        return torch.clone
    function = type(name.removesuffix("Backward"), (torch.autograd.Function,), {
        "forward": staticmethod(lambda ctx, x: x.clone()), "backward": staticmethod(lambda ctx, g: g)})
    return function.apply


def chosen():
    f16, bf16, f64 = torch.float16, torch.bfloat16, torch.float64
    emit("one", [14.0], grad="CloneBackward0")
    emit("scalar", [63.0], ())
    emit("scalar leaf", [2.0], (), grad="leaf")
    emit("scalar with digits", [10.32204], (), grad="MeanBackward")
    emit("matrix leaf", [1.0, 2, 3, 3, 2, 1], (2, 3), grad="leaf")
    emit("negative and positive", [1.5410, -0.2934, -2.1788], grad="leaf")
    emit("thirds", [3.3333333, 5.3333335, 7.3333335, 7.3333335, 5.3333335, 3.3333333], (2, 3))
    emit("zeros", [0.0], (2, 2))
    emit("negative zero", [-0.0, 0.0, 1.0])
    emit("negative zero among fractions", [-0.0, 0.5])
    emit("negative zero alone", [-0.0], ())
    emit("rounds to negative zero", [-0.00001, 1.0], sci_mode=False)
    emit("nan", [NAN])
    emit("nan scalar", [NAN], ())
    emit("nan and integral", [NAN, 1.0])
    emit("nan, infinities and integral", [NAN, INF, -INF, 100.0, 2.0])
    emit("nan, infinities and fractions", [NAN, INF, -INF, 0.5])
    emit("nan, infinities and scientific", [NAN, INF, -INF, 1e-7, 0.0])
    emit("infinities", [INF, -INF])
    emit("infinity and zero", [INF, 0.0, -0.0])
    emit("half to even", [0.00005, 0.00015, 0.00025, 2.5e-5, 1.0], dtype=f64, sci_mode=False)
    emit("half to even below the point", [0.125, 0.375, 0.5], precision=2)
    emit("half to even without a point", [0.5, 1.5, 2.5], precision=0)
    emit("scientific without a point", [0.5, 1.5, 2.5], precision=0, sci_mode=True)
    emit("six digits before the point", [123456.789], dtype=f64)
    emit("1e16", [1e16], dtype=f64)
    emit("1e8 stays fixed", [1e8])
    emit("above 1e8", [1.00000008e8])
    emit("1e-4 as float32", [1e-4, 0.05])
    emit("1e-4 as float64", [1e-4, 0.05], dtype=f64)
    emit("below 1e-4", [9e-5, 0.05])
    emit("ratio of 1000", [1.0, 1000.0])
    emit("ratio above 1000, integral", [1.0, 1001.0])
    emit("ratio above 1000, fractions", [0.5, 501.0])
    emit("three-digit exponents", [1e100, -1e-100, 0.0], dtype=f64)
    emit("smallest and largest double", [5e-324, 1.7976931348623157e308], dtype=f64)
    emit("smallest and largest float", [1e-45, 3.4028235e38])
    emit("smallest and largest float16", [5.96e-8, 65504.0], dtype=f16)
    emit("smallest and largest bfloat16", [9.2e-41, 3.39e38], dtype=bf16)
    emit("rounds up to the next power", [9.99995e5, 1.0], dtype=f64, sci_mode=True)
    emit("rounds up to the next width", [9.99999, 1.5], dtype=f64)
    emit("forced scientific", [1.0, 2.5, NAN], sci_mode=True)
    emit("forced scientific, integral", [1.0, -20.0], sci_mode=True)
    emit("forced scientific, zeros", [0.0, NAN], sci_mode=True)
    emit("forbidden scientific", [1e-7, 1e12], sci_mode=False)
    emit("large integral", [123456789.0, -1.0], dtype=f64, sci_mode=False)
    for precision in (0, 1, 2, 8, 20):
        emit(f"precision {precision}", [math.pi, -math.e * 10, 0.0], dtype=f64, precision=precision)
        emit(f"precision {precision}, scientific", [math.pi * 1e9, -math.e], dtype=f64, precision=precision)

    emit("bool", [True, False], dtype=torch.bool)
    emit("all true", [True], (2, 2), dtype=torch.bool)
    emit("bool scalar", [True], (), dtype=torch.bool)
    emit("many bools", [True, False, False], (40,), dtype=torch.bool)
    emit("int64", [1, -2, 300], dtype=torch.int64)
    emit("int64 extremes", [2**63 - 1, -2**63, 0], dtype=torch.int64)
    emit("int32", [1, 2, 3], dtype=torch.int32)
    emit("int32 extremes", [2**31 - 1, -2**31], dtype=torch.int32)
    emit("int16", [32767, -32768], (2, 1), dtype=torch.int16)
    emit("int8", [-128, 127, 0], dtype=torch.int8)
    emit("uint8", [0, 7, 255], dtype=torch.uint8)
    emit("int scalar", [-7], (), dtype=torch.int64)
    emit("wrapped ints", [10, 1000, -5], (50,), dtype=torch.int64)
    emit("float16", [0.1, 1.5, -2.25], dtype=f16)
    emit("bfloat16", [0.1, 1.5, -2.25], dtype=bf16)
    emit("float64", [0.1, 1 / 3], dtype=f64)
    emit("float64 scalar leaf", [0.1], (), dtype=f64, grad="leaf")

    for dtype in BITS:
        for sizes in ((0,), (0, 3), (2, 0, 3)):
            emit("empty", torch.zeros(1, dtype=dtype), sizes)
    emit("empty leaf", [0.0], (0,), grad="leaf")
    emit("empty with all suffixes", [0.0], (0, 3), dtype=f64, grad="CloneBackward0", device="cuda:1")
    emit("empty, no edge items", [0.0], (0,), edgeitems=0)

    wave = [math.sin(i) * 10 for i in range(97)]
    count = list(range(101))
    for sizes in ((7,), (20,), (1000,), (1001,), (2000,), (1, 1001), (1001, 1), (1, 1, 2000), (2000, 1, 1), (40, 40), (3, 400),
                  (6, 6, 6), (7, 2, 8, 9), (2, 3, 2), (1, 2, 1, 2), (2, 7, 1, 9, 9), (2, 1, 2, 9, 50), (3, 1, 1, 1, 1, 1), (1100, 6)):
        emit("wave", wave, sizes)
        emit("count", count, sizes, dtype=torch.int64)
    emit("summary that hides the large", [1.0] * 20 + [1e9] + [1.0] * 20, threshold=40)
    emit("summary that hides the fraction", [1.0] * 20 + [0.5] + [1.0] * 20, threshold=40)
    emit("summary of halves", wave, (5, 9, 100), dtype=f16)
    emit("summary of bools", [True, False, True], (60, 60), dtype=torch.bool)
    emit("summary scientific", [1e-6, 1.0, 1e6], (1200,))
    for edge in (0, 1, 5):
        for sizes in ((), (1,), (12,), (1200,), (12, 120), (4, 5, 60)):
            emit(f"edge items {edge}", count, sizes, dtype=torch.int64, edgeitems=edge)
    emit("no edge items with a dtype", wave, (4, 400), dtype=f64, edgeitems=0, grad="leaf")
    emit("threshold 0", wave, (8,), threshold=0)
    emit("threshold 0, scalar", [1.5], (), threshold=0)
    emit("threshold 0, no edge items", [1.5], (1,), threshold=0, edgeitems=0)
    emit("threshold 0, scalar, no edge items", [1.5], (), threshold=0, edgeitems=0)
    emit("threshold 5", wave, (2, 3), threshold=5)
    emit("short", wave, (4, 400), profile="short")
    emit("full", count, (2, 600), dtype=torch.int64, profile="full")
    for width in (0, 1, 20, 40, 79, 120):
        emit(f"line width {width}", wave, (2, 12), linewidth=width)
        emit(f"line width {width}, leaf", wave, (5,), linewidth=width, grad="leaf")

    # Suffixes on both sides of the edge where they wrap.
    for n in range(5, 11):
        emit(f"{n} columns and a node", wave, (n,), grad="CloneBackward0")
        emit(f"{n} columns, dtype and node", wave, (n,), dtype=f64, grad="CloneBackward0")
    for n in range(12, 26):
        emit(f"{n} columns, leaf", [1.0], (n,), grad="leaf")
    emit("long node", [1.0], grad="A" * 50 + "Backward")
    emit("too long node", [1.0], dtype=f64, grad="A" * 90 + "Backward")
    emit("cuda", [1.0, 2.5], device="cuda:0")
    emit("cuda int32", [1, 2], dtype=torch.int32, device="cuda:3")
    emit("cuda with a node", wave, (2, 7), dtype=bf16, device="cuda:0", grad="CloneBackward0")
    emit("cuda scalar", [0.25], (), device="cuda:0", grad="CloneBackward0")


def drawn(rng, index, largest):
    dtype = rng.choice(list(BITS))
    sizes = None
    while sizes is None or math.prod(sizes) > largest:
        sizes = tuple(rng.choice((1, 1, 2, 3, 5, 6, 7, 8, 20, 90)) for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 5))))
    n = rng.randint(1, 12)
    if dtype == torch.bool:
        values = torch.tensor([rng.random() < 0.5 for _ in range(n)])
    elif dtype.is_floating_point:
        scale = 10 ** rng.uniform(-12, 12) if rng.random() < 0.3 else rng.choice((1e-4, 1e-3, 1.0, 10.0, 1e3, 1e5))
        spread = rng.choice((0.0, 0.0, 1.0, 3.0))
        draw = [rng.gauss(0, 1) * scale * 10 ** rng.uniform(-spread, spread) for _ in range(n)]
        if rng.random() < 0.3:
            draw = [float(round(v)) if abs(v) < 1e15 else v for v in draw]
        draw = [rng.choice((0.0, -0.0, INF, -INF, NAN)) if rng.random() < 0.08 else v for v in draw]
        values = torch.tensor(draw, dtype=torch.float64).to(dtype)
    else:
        bits = rng.randint(1, torch.iinfo(dtype).bits - 1)
        lowest = 0 if dtype == torch.uint8 else -2**bits
        values = torch.tensor([rng.randint(lowest, 2**bits - 1) for _ in range(n)], dtype=dtype)
    options = {}
    if rng.random() < 0.4:
        options = dict(precision=rng.randint(0, 9), threshold=rng.choice((0, 10, 100, 1000)), edgeitems=rng.randint(0, 4),
                       linewidth=rng.randint(10, 130), sci_mode=rng.choice((None, None, True, False)))
    grad = rng.choice(("", "", "leaf", "CloneBackward0")) if dtype.is_floating_point else ""
    emit(f"drawn {index}", values, sizes, grad=grad, device=rng.choice(("", "", "", "cuda:0")), **options)


if len(sys.argv) > 1:
    rng = random.Random(int(sys.argv[2]))
    for i in range(int(sys.argv[1])):
        drawn(rng, i, 2**30)
else:
    chosen()
    rng = random.Random(1)
    for i in range(80):
        drawn(rng, i, 300)
