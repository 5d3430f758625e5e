"""PyTorch on a GPU as a peer: the same models and operations as ModelWorker.java and Operations.java, timed in the same way.

Started by the bundle. Answers each line of the standard input with one line, `@answer ` and a JSON object:

    versions                                         what is installed
    time MODE resnet18 training 8 tf32 224           milliseconds of a step; MODE is eager, channels_last or compile
    compare resnet18 8 tf32 224 FILE                 errors of the logits and gradients in FILE, and of PyTorch's own, against float64
    operation gelu bf16                              milliseconds of one operation

TF32 is pinned for every item: off in fp32, else on in matrix products and convolutions alike. What is timed may try cuDNN's algorithms.
"""
import contextlib
import copy
import functools
import json
import platform
import statistics
import sys
import time
import traceback

import torch
import torch.nn.functional as F

DEVICE = torch.device(sys.argv[1])
SECONDS = float(sys.argv[2])
TURN = 0.02
DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "amp": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def versions():
    try:
        import torchvision

        models = torchvision.__version__
    except Exception as e:  # without it there are still single operations to time
        models = f"unusable ({type(e).__name__}: {e})"
    gpu = torch.cuda.get_device_name(DEVICE) if DEVICE.type == "cuda" else "none"
    cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else "none"
    return {"python": platform.python_version(), "torch": torch.__version__, "torchvision": models,
            "cuda": str(torch.version.cuda), "cudnn": str(cudnn), "gpu": gpu}


def precision(name):
    tf32 = name != "fp32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    return DTYPES[name]


def flags():
    return {"matmul.allow_tf32": torch.backends.cuda.matmul.allow_tf32, "cudnn.allow_tf32": torch.backends.cudnn.allow_tf32,
            "cudnn.benchmark": torch.backends.cudnn.benchmark}


def region(precision_name):
    """Autocast to bfloat16 in amp, else nothing."""
    return torch.autocast(DEVICE.type, torch.bfloat16) if precision_name == "amp" else contextlib.nullcontext()


@functools.lru_cache(maxsize=None)
def drawn(name, size):
    from torchvision.models import VisionTransformer, resnet18

    torch.manual_seed(0)
    if name == "resnet18":
        return resnet18(weights=None)
    if name == "vit_b_16":
        return VisionTransformer(size, 16, 12, 12, 768, 3072)
    if name == "vit_b_1":
        return VisionTransformer(size, 16, 1, 12, 768, 3072)
    return VisionTransformer(size, 8, 2, 2, 32, 64)


def model(name, size):
    return copy.deepcopy(drawn(name, size))


def workload(kind, name, mode, batch, precision_name, size):
    dtype = precision(precision_name)
    layout = torch.channels_last if kind == "channels_last" else torch.contiguous_format
    net = model(name, size).to(DEVICE, dtype, memory_format=layout)
    images = torch.randn(batch, 3, size, size).to(DEVICE, dtype).contiguous(memory_format=layout)
    forward = torch.compile(net, dynamic=False) if kind == "compile" else net
    if mode == "inference":
        net.eval()

        def infer():
            with torch.no_grad(), region(precision_name):
                return forward(images)

        return infer
    labels = torch.randint(0, 1000, (batch,)).to(DEVICE)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)

    def step():
        optimizer.zero_grad()
        with region(precision_name):
            loss = F.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def synchronize():
    if DEVICE.type == "cuda":
        torch.cuda.synchronize(DEVICE)


def turn(work, calls):
    synchronize()
    before = time.perf_counter()
    for _ in range(calls):
        work()
    synchronize()
    return (time.perf_counter() - before) / calls


def issue(work):
    synchronize()
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def timed(work):
    torch.backends.cudnn.benchmark = True
    first = turn(work, 1)
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats(DEVICE)
    warm, count, start = first, 0, time.perf_counter()
    while count < 3 or time.perf_counter() - start < SECONDS:
        warm = min(warm, turn(work, 1))
        count += 1
    calls = int(min(max(TURN / warm, 1), 1000))
    turns, issues, start = [], [], time.perf_counter()
    while len(turns) < 3 or time.perf_counter() - start < SECONDS:
        turns.append(turn(work, calls))
        issues.append(issue(work))
    return {"milliseconds": 1e3 * statistics.median(turns), "least_milliseconds": 1e3 * min(turns),
            "issue_milliseconds": 1e3 * statistics.median(issues), "first_milliseconds": 1e3 * first, "turns": len(turns),
            "calls_per_turn": calls, "peak_bytes": torch.cuda.max_memory_allocated(DEVICE) if DEVICE.type == "cuda" else 0, **flags()}


def logits_and_gradients(name, size, stored, dtype, autocast):
    torch.backends.cudnn.benchmark = False
    net = model(name, size)
    net.load_state_dict({key[7:]: value for key, value in stored.items() if key.startswith("weight ")})
    net.to(DEVICE, dtype)
    images = stored["images"].to(DEVICE, dtype)
    results = {}
    with torch.no_grad(), autocast:
        results["logits in evaluation"] = net.eval()(images)
    with autocast:
        logits = net.train()(images)
        loss = F.cross_entropy(logits, stored["labels"].to(DEVICE))
    results["logits in training"] = logits.detach()
    loss.backward()
    results.update({"gradient " + key: value.grad for key, value in net.named_parameters()})
    return {key: value.double().cpu() for key, value in results.items()}


def error(actual, expected):
    """Of all elements together, as a share of their norm."""
    return ((actual.double() - expected).norm() / expected.norm().clamp_min(1e-30)).item()


def worst(actual, expected, beginning):
    return max((error(actual[key], expected[key]), key) for key in expected if key.startswith(beginning))


def compare(name, batch, precision_name, size, file):
    stored = torch.load(file, weights_only=True)
    exact = logits_and_gradients(name, size, stored, torch.float64, contextlib.nullcontext())
    theirs = logits_and_gradients(name, size, stored, precision(precision_name), region(precision_name))
    whole = {what: {beginning: torch.cat([values[key].double().flatten() for key in exact if key.startswith(beginning)])
                    for beginning in ("logits", "gradient")} for what, values in (("ours", stored), ("theirs", theirs), ("exact", exact))}
    answer = {"parameters": sum(key.startswith("gradient ") for key in exact)}
    for beginning in ("logits", "gradient"):
        ours, peer, truth = (whole[what][beginning] for what in ("ours", "theirs", "exact"))
        answer[beginning] = {"ours_to_float64": error(ours, truth), "pytorch_to_float64": error(peer, truth), "ours_to_pytorch": error(ours, peer)}
        at, key = worst(stored, exact, beginning)
        answer[beginning]["worst"] = f"{key}: {at:.2e}, PyTorch's {error(theirs[key], exact[key]):.2e}"
    return {**answer, **flags()}


def draw(dtype):
    torch.manual_seed(0)
    return lambda *sizes: torch.randn(*sizes).to(DEVICE, dtype)


def operation(name, dtype):
    new = draw(dtype)
    if name == "add of 10":
        a, b = new(10), new(10)
        return lambda: a + b
    if name == "add":
        a, b = new(32, 64, 112, 112), new(32, 64, 112, 112)
        return lambda: a + b
    if name == "sum of columns":
        a = new(6304, 3072)
        return lambda: a.sum(0)
    if name == "matmul":
        a, b = new(6304, 768), new(3072, 768)
        return lambda: a @ b.t()
    if name == "attention":
        q, k, v = (new(32, 12, 197, 64) for _ in range(3))
        return lambda: F.scaled_dot_product_attention(q, k, v)
    if name == "convolution":
        x, w = new(32, 64, 56, 56), new(64, 64, 3, 3)
        return lambda: F.conv2d(x, w, None, 1, 1)
    if name == "softmax":
        x = new(384, 197, 197)
        return lambda: F.softmax(x, -1)
    if name == "gelu":
        x = new(6304, 3072)
        return lambda: F.gelu(x)
    if name == "layer norm":
        x, w, b = new(6304, 768), new(768), new(768)
        return lambda: F.layer_norm(x, (768,), w, b, 1e-6)
    if name == "layer norm backward":
        x, w, b = (new(*sizes).requires_grad_(True) for sizes in ((6304, 768), (768,), (768,)))
        gradient = new(6304, 768)
        y = F.layer_norm(x, (768,), w, b, 1e-6)
        return lambda: torch.autograd.grad(y, (x, w, b), gradient, retain_graph=True)
    if name == "batch norm, training":
        x, w, b = new(32, 64, 56, 56), new(64), new(64)
        return lambda: F.batch_norm(x, None, None, w, b, True, 0.1, 1e-5)
    x, target = new(64, 1000), torch.arange(64, device=DEVICE)
    return lambda: F.cross_entropy(x, target)


def answer(item):
    kind, *words = item.split(" ")
    if kind == "versions":
        return versions()
    if kind == "time":
        mode, name, what, batch, precision_name, size = words
        torch.compiler.reset()
        return timed(workload(mode, name, what, int(batch), precision_name, int(size)))
    if kind == "compare":
        name, batch, precision_name, size, file = words
        return compare(name, int(batch), precision_name, int(size), file)
    return timed(operation(" ".join(words[:-1]), precision("bf16" if words[-1] == "bf16" else "tf32")))


def main():
    for line in sys.stdin:
        try:
            result = answer(line.strip())
        except Exception as e:
            traceback.print_exc()
            result = {"error": f"{type(e).__name__}: {e}"}
        if DEVICE.type == "cuda":
            torch.cuda.empty_cache()
        print("@answer " + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
