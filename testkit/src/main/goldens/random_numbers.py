"""Writes what PyTorch's CPU generator draws, for RandomKernelsTest: python random_numbers.py > .../random.txt

The file is one story: every line goes on from the generator state that the line before left behind.

    seed;N                                         manual_seed(N)
    state;BASE64                                   get_rng_state() at this point
    permutation;N;BASE64                           randperm(N), int64
    bernoulliTensor;DTYPE;PDTYPE;SIZES;STRIDES;... probabilities (i % 5) / 4, i the row-major position
    KIND;DTYPE;SIZES;STRIDES;A;B;BASE64            uniform, normal, integer, bernoulli or exponential with parameters A, B

BASE64 is the whole storage of the tensor, zero before the call, so that gaps count too. Processors of Intel's send
Bernoulli and exponential numbers through MKL; run this on another.
"""
import base64

import torch

PROBABILITY = torch.arange(100_000) % 5 / 4


def raw(tensor):
    return base64.b64encode(tensor.contiguous().view(torch.uint8).numpy().tobytes()).decode()


def text(values):
    return "x".join(map(str, values))


def make(dtype, sizes, strides=None):
    strides = strides or torch.empty(sizes).stride()
    length = 1 + sum((size - 1) * stride for size, stride in zip(sizes, strides))
    storage = torch.zeros(length, dtype=dtype)
    return storage, storage.as_strided(sizes, strides), strides


def draw(kind, dtype, sizes, a, b=0, strides=None):
    storage, out, strides = make(dtype, sizes, strides)
    match kind:
        case "uniform":
            out.uniform_(a, b)
        case "normal":
            out.normal_(a, b)
        case "integer":
            out.random_(a, b)
        case "bernoulli":
            out.bernoulli_(a)
        case "exponential":
            out.exponential_(a)
    name = str(dtype).removeprefix("torch.")
    print(kind, name, text(sizes), text(strides), a, b, raw(storage), sep=";")


def bernoulli_tensor(dtype, pdtype, sizes, strides=None):
    storage, out, strides = make(dtype, sizes, strides)
    out.bernoulli_(PROBABILITY[: out.numel()].view(sizes).to(pdtype))
    name, pname = (str(d).removeprefix("torch.") for d in (dtype, pdtype))
    print("bernoulliTensor", name, pname, text(sizes), text(strides), raw(storage), sep=";")


def permutation(n):
    print("permutation", n, raw(torch.randperm(n)), sep=";")


def state():
    print("state", raw(torch.get_rng_state()), sep=";")


def seed(value):
    torch.manual_seed(value)
    print("seed", value, sep=";")


F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
FLOATS = (F32, F64, BF16, F16)
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)

seed(0)
state()
for dtype in FLOATS:
    draw("uniform", dtype, (37,), 0, 1)
    draw("uniform", dtype, (5, 7), -0.3, 2.7)
    draw("uniform", dtype, (3, 4, 5), 0, 1, strides=(1, 3, 12))
    draw("uniform", dtype, (4, 3), -1, 1, strides=(8, 2))
seed(42)
for dtype in FLOATS:
    for n in (1, 3, 15, 16, 17, 31, 32, 100, 1037):
        draw("normal", dtype, (n,), 0, 1)
    draw("normal", dtype, (3,), 10, 0.02)
    draw("normal", dtype, (40,), -1.5, 0.02)
    draw("normal", dtype, (6, 5), 0.5, 2, strides=(1, 6))
    draw("normal", dtype, (2, 3, 2, 4), 0, 1, strides=(24, 1, 12, 3))
state()
seed(-7)
for dtype in WHOLE:
    draw("integer", dtype, (21,), 0, 2 if dtype == torch.bool else 100)
    draw("bernoulli", dtype, (21,), 0.3)
for dtype in FLOATS:
    draw("integer", dtype, (21,), -5, 100)
    draw("bernoulli", dtype, (41,), 0.7)
    draw("exponential", dtype, (41,), 1.5)
    for pdtype in FLOATS:
        bernoulli_tensor(dtype, pdtype, (4, 6))
bernoulli_tensor(torch.bool, F32, (4, 6), strides=(1, 4))
draw("integer", torch.int64, (9,), 0, 2**28 - 1)
draw("integer", torch.int64, (9,), 0, 2**28)
draw("integer", torch.int32, (9,), -(2**31), 2**31 - 1)
draw("integer", torch.int64, (9,), -(2**40), 2**45)
state()
seed(123456789012345)
# Odd counts of words, so that 64-bit numbers straddle the blocks of 624.
for n in (1, 623, 624, 625):
    draw("uniform", F32, (n,), 0, 1)
    draw("uniform", F64, (317,), 0, 1)
    draw("normal", F32, (3,), 0, 1)
    permutation(n)
    draw("bernoulli", F32, (5,), 0.5)
    draw("normal", F32, (33,), 0, 1)
    draw("normal", F64, (1,), 0, 1)
state()
seed(2**63 - 1)
for n in (1, 2, 10):
    permutation(n)
draw("exponential", F64, (601,), 0.25)
state()
