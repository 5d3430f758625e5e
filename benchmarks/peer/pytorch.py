"""PyTorch as a peer: runs the workloads that the Java side names, on the same inputs, and answers with times.

Started by `benchmarks/beside`. Reads one JSON object a line: {"workload": NAME, "seconds": S} times NAME for about S seconds and
answers {"seconds_per_call": [...], "checksum": [...]}. Inputs are drawn from torch.manual_seed(0), which gives the same numbers as
Flambeau's generator.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))
torch.set_grad_enabled(True)


def draw(*shapes):
    torch.manual_seed(0)
    return [torch.randn(*shape) for shape in shapes]


def matmul(m, k, n):
    a, b = draw((m, k), (k, n))
    return lambda: a @ b


def bmm():
    a, b = draw((96, 197, 64), (96, 64, 197))
    return lambda: torch.bmm(a, b)


def conv():
    x, w = draw((8, 64, 56, 56), (64, 64, 3, 3))
    return lambda: F.conv2d(x, w, None, 1, 1)


def softmax():
    (x,) = draw((96, 197, 197))
    return lambda: F.softmax(x, -1)


def layer_norm():
    x, w, b = draw((1576, 768), (768,), (768,))
    return lambda: F.layer_norm(x, (768,), w, b, 1e-6)


def gelu():
    (x,) = draw((1576, 3072))
    return lambda: F.gelu(x)


def add(n):
    a, b = draw((n,), (n,))
    return lambda: a + b


def total(n):
    (x,) = draw((n,))
    return lambda: x.sum()


def transpose_copy():
    (x,) = draw((1000, 1000))
    return lambda: x.t().contiguous()


def add_in_place():
    a, b = torch.zeros(10), torch.zeros(10)
    return lambda: a.add_(b)


def add_recorded():
    a, b = draw((10,), (10,))
    a.requires_grad_(True)
    return lambda: a + b


def chain():
    a, b = draw((10,), (10,))
    a.requires_grad_(True)

    def run():
        a.grad = None
        y = a
        for _ in range(1000):
            y = y + b
        y.sum().backward()
        return a.grad

    return run


WORKLOADS = {
    "matmul 1024x1024x1024": lambda: matmul(1024, 1024, 1024),
    "matmul 4096x768x3072": lambda: matmul(4096, 768, 3072),
    "bmm 96x(197x64x197)": bmm,
    "conv 8x64x56x56 k3": conv,
    "softmax 96x197x197": softmax,
    "layer norm 1576x768": layer_norm,
    "gelu 1576x3072": gelu,
    "add of 10^6": lambda: add(1_000_000),
    "sum of 10^6": lambda: total(1_000_000),
    "transposed copy 1000x1000": transpose_copy,
    "add of 10": lambda: add(10),
    "add of 10, in place": add_in_place,
    "add of 10, recorded": add_recorded,
    "chain of 1000 adds, forward and backward": chain,
}

ready = {}
print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    name = request["workload"]
    if name not in ready:
        ready[name] = WORKLOADS[name]()
        result = ready[name]().detach().double()
        checksum = [result.sum().item(), result.abs().sum().item(), result.flatten()[result.numel() // 3].item()]
        print(json.dumps({"checksum": checksum}), flush=True)
        continue
    run = ready[name]
    start = time.perf_counter()
    calls = 0
    batch = request["batch"]
    times = []
    while time.perf_counter() - start < request["seconds"]:
        before = time.perf_counter()
        for _ in range(batch):
            run()
        times.append((time.perf_counter() - before) / batch)
    print(json.dumps({"times": times}), flush=True)
