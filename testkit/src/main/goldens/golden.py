"""Writes samples of operations, computed by PyTorch, as safetensors files that the conformance suite reads.

A file holds the samples of one family of operations. A sample is called `operation/case/dtype` and consists of

    .../in0, in1, ...    the operands
    .../out0, ...        the results
    .../cot0, ...        cotangents: random gradients of the float results
    .../grad0, ...       the gradients of the float operands for these cotangents

and of an entry in the file's metadata, `key=value;key=value`, with the attributes. Samples of float64 are the reference; those of
other dtypes are PyTorch's own results in that dtype.

A large sample holds no operands, but in its attributes how they are made (`@in0=float32:300x401:7:-1.0:1.0`: dtype, sizes,
seed, bounds; see `noise`), and of results and gradients only a sample of the elements and their sum (see `probe`).
"""

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch

RESOURCES = Path(__file__).parent.parent / "resources" / "org" / "flambeau" / "testkit"
PROBES = 61
F64 = torch.float64
FLOATS = (torch.float32, torch.bfloat16, torch.float16)
INTS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def generator(name):
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))


def uniform(name, shape, low=-2.0, high=2.0):
    return torch.rand(shape, generator=generator(name), dtype=F64) * (high - low) + low


def distinct(name, shape, step=0.25):
    """Values of which no two are closer than half a step, so that orders do not hang on rounding."""
    count = math.prod(shape)
    order = torch.randperm(count, generator=generator(name)).to(F64)
    jitter = torch.rand(count, generator=generator(name + "'"), dtype=F64) * 0.5
    return ((order - (count - 1) / 2 + jitter) * step).reshape(shape)


def integers(name, shape, low=-4, high=5):
    return torch.randint(low, high, shape, generator=generator(name))


def noise(count, seed, low, high):
    """Pseudo-random numbers that other languages reproduce to the bit: the SplitMix64 finalizer of the position."""
    with np.errstate(over="ignore"):
        z = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 32)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return low + (z >> np.uint64(11)).astype(np.float64) * 2.0**-53 * (high - low)


def probe(tensor):
    """Elements at equal distances from the first to the last, and the sums of all and of their absolute values."""
    flat = tensor.detach().reshape(-1).to(F64)
    n = flat.numel()
    at = torch.arange(PROBES) * (n - 1) // (PROBES - 1)
    return torch.cat([flat[at], flat.sum()[None], flat.abs().sum()[None]])


def label(dtype):
    return str(dtype).removeprefix("torch.")


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(text(v) for v in value)
    return str(value)


def listed(result):
    return [result] if isinstance(result, torch.Tensor) else [r for r in result]


NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def write(file, tensors, metadata):
    """A safetensors file, of which the same content gives the same bytes."""
    header, parts, at = {"__metadata__": dict(sorted(metadata.items()))}, [], 0
    for name, x in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        data = x.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if x.numel() else b""
        header[name] = {"dtype": NAMES[x.dtype], "shape": list(x.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *parts]))


class Family:
    """The samples of one file."""

    def __init__(self, name):
        self.name = name
        self.tensors = {}
        self.attributes = {}

    def sample(self, op, case, function, inputs, grad=True, wants=None, dtype=None, **attributes):
        """One sample. `wants` names the operands that require grad; by default all of float dtype."""
        dtype = dtype or next((x.dtype for x in inputs if x.is_floating_point()), inputs[0].dtype if inputs else F64)
        key = f"{op}/{case}/{label(dtype)}"
        assert key not in self.attributes, key
        leaves = [x.detach().clone() for x in inputs]
        if grad:
            for i, x in enumerate(leaves):
                if x.is_floating_point() and (wants is None or i in wants):
                    x.requires_grad_(True)
        outputs = listed(function(*leaves, **attributes))
        put = lambda part, x: self.tensors.__setitem__(f"{key}/{part}", x.detach().clone().contiguous())
        for i, x in enumerate(leaves):
            put(f"in{i}", x)
        for i, x in enumerate(outputs):
            put(f"out{i}", x)
        if grad:
            for i, g in gradients(key, leaves, outputs, lambda i, y: uniform(f"{key}/cot{i}", y.shape, -1, 1).to(y.dtype), put).items():
                put(f"grad{i}", g)
        self.attributes[key] = ";".join(f"{k}={text(v)}" for k, v in attributes.items())

    def sweep(self, op, case, function, inputs, dtypes, grad=True, **attributes):
        """The sample in every dtype in which PyTorch offers the operation; the operands that are not float64 keep theirs."""
        for dtype in dtypes:
            cast = [x.to(dtype) if x.dtype == F64 else x for x in inputs]
            try:
                function(*cast, **attributes)
            except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError):
                continue
            self.sample(op, case, function, cast, grad=grad and dtype == torch.float32, dtype=dtype, **attributes)

    def large(self, op, case, function, specs, grad=True, **attributes):
        """A sample whose operands are noise: `specs` are (dtype, sizes, low, high)."""
        leaves, made = [], {}
        dtype = next((s[0] for s in specs if s[0].is_floating_point), specs[0][0])
        key = f"{op}/{case}/{label(dtype)}"
        assert key not in self.attributes, key
        for i, (dt, sizes, low, high) in enumerate(specs):
            seed = zlib.crc32(f"{key}/in{i}".encode()) % 1000
            values = torch.from_numpy(noise(math.prod(sizes), seed, low, high))
            values = values if dt.is_floating_point else values.floor()
            leaves.append(values.reshape(sizes).to(dt).requires_grad_(grad and dt.is_floating_point))
            made[f"@in{i}"] = f"{label(dt)}:{'x'.join(map(str, sizes))}:{seed}:{float(low)}:{float(high)}"
        outputs = listed(function(*leaves, **attributes))
        put = lambda part, x: self.tensors.__setitem__(f"{key}/{part}", x.detach().clone().contiguous())
        for i, x in enumerate(outputs):
            put(f"out{i}", probe(x))
        if grad:
            def cotangent(i, y):
                made[f"@cot{i}"] = f"{label(y.dtype)}:{'x'.join(map(str, y.shape))}:{1000 + i}:-1.0:1.0"
                return torch.from_numpy(noise(y.numel(), 1000 + i, -1.0, 1.0)).reshape(y.shape).to(y.dtype)
            for i, g in gradients(key, leaves, outputs, cotangent, lambda part, x: None).items():
                put(f"grad{i}", probe(g))
        self.attributes[key] = ";".join([*(f"{k}={text(v)}" for k, v in attributes.items()), *(f"{k}={v}" for k, v in made.items())])

    def save(self):
        file = RESOURCES / f"{self.name}.safetensors"
        write(file, self.tensors, self.attributes)
        size = file.stat().st_size
        assert size < 1 << 20, f"{file.name} is too large: {size}"
        print(f"{file.name}: {len(self.attributes)} samples of {len({k.split('/')[0] for k in self.attributes})} operations, {size:,} bytes")


def gradients(key, leaves, outputs, cotangent, put):
    """The gradients of the leaves that require grad, by their number, and, given to `put`, the cotangents that they are for."""
    wanted = [i for i, x in enumerate(leaves) if x.requires_grad]
    roots = [(i, y) for i, y in enumerate(outputs) if y.requires_grad]
    if not wanted or not roots:
        return {}
    cotangents = [cotangent(i, y) for i, y in roots]
    for (i, _), c in zip(roots, cotangents):
        put(f"cot{i}", c)
    grads = torch.autograd.grad([y for _, y in roots], [leaves[i] for i in wanted], cotangents, allow_unused=True)
    return {i: g for i, g in zip(wanted, grads) if g is not None}
