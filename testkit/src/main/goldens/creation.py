"""Samples of tensors made from nothing: filled, counted and random. Run: python creation.py, with PyTorch 2.13."""

import torch
import torch.nn.functional as F
import torchvision

from golden import F64, FLOATS, INTS, Family, uniform

ALL = (torch.float32, F64, torch.bfloat16, torch.float16, *INTS, torch.bool)


def main():
    out = Family("creation")

    def made(op, case, function, dtype, **attributes):
        """A sample without operands, of results of `dtype`."""
        out.sample(op, case, lambda **a: function(dtype=dtype, **a), [], False, dtype=dtype, **attributes)

    for dtype in ALL:
        for sizes in ([2, 3], [], [0, 4]):
            made("zeros", f"{sizes}", lambda sizes, dtype: torch.zeros(sizes, dtype=dtype), dtype, sizes=sizes)
            made("ones", f"{sizes}", lambda sizes, dtype: torch.ones(sizes, dtype=dtype), dtype, sizes=sizes)
        made("full", "number", lambda sizes, value, dtype: torch.full(sizes, value, dtype=dtype), dtype, sizes=[2, 3], value=2.5 if dtype.is_floating_point else 1)
        x = uniform("like", (2, 3)).to(dtype)
        out.sample("zeros_like", "matrix", torch.zeros_like, [x], False, dtype=dtype)
        out.sample("ones_like", "matrix", torch.ones_like, [x], False, dtype=dtype)
        out.sample("full_like", "matrix", lambda x, value: torch.full_like(x, value), [x], False, dtype=dtype, value=1)
        if dtype != torch.bool:
            for start, end, step in ((0, 5, 1), (2, 11, 3), (5, 0, -2), (3, 3, 1)):
                if dtype != torch.uint8 or step > 0:
                    made("arange", f"{start} {end} {step}", lambda start, end, step, dtype: torch.arange(start, end, step, dtype=dtype), dtype, start=start, end=end, step=step)
    made("arange", "fractions", lambda start, end, step, dtype: torch.arange(start, end, step, dtype=dtype), torch.float32, start=0.1, end=1.05, step=0.1)
    for start, end, steps in ((0, 1, 5), (-3, 2, 4), (1, 1, 3), (2, 5, 1), (0, 1, 0)):
        made("linspace", f"{start} {end} {steps}", lambda start, end, steps, dtype: torch.linspace(start, end, steps, dtype=dtype), torch.float32,
             start=float(start), end=float(end), steps=steps)
    for dtype in (torch.int64, torch.int32, torch.uint8, F64):
        made("linspace", "fractions", lambda start, end, steps, dtype: torch.linspace(start, end, steps, dtype=dtype), dtype, start=0.5, end=6.75, steps=10)
    for rows, columns in ((3, 3), (2, 4), (4, 2), (0, 3)):
        made("eye", f"{rows} {columns}", lambda rows, columns, dtype: torch.eye(rows, columns, dtype=dtype), torch.float32, rows=rows, columns=columns)
    random(out)
    out.save()


def random(out):
    """Random numbers after a seed. Each is drawn twice, so that what a draw leaves behind counts too."""

    def drawn(op, case, function, dtype, **attributes):
        def twice(seed, **a):
            torch.manual_seed(seed)
            return [function(dtype=dtype, **a), function(dtype=dtype, **a)]
        out.sample(op, case, twice, [], False, dtype=dtype, seed=42, **attributes)

    for sizes in ([3], [4, 5], [17], [33], [0], []):
        for dtype in (torch.float32, F64):
            drawn("rand", f"{sizes}", lambda sizes, dtype: torch.rand(sizes, dtype=dtype), dtype, sizes=sizes)
            drawn("randn", f"{sizes}", lambda sizes, dtype: torch.randn(sizes, dtype=dtype), dtype, sizes=sizes)
            drawn("uniform_", f"{sizes}", lambda sizes, low, high, dtype: torch.empty(sizes, dtype=dtype).uniform_(low, high), dtype, sizes=sizes, low=-2.0, high=3.0)
            drawn("normal_", f"{sizes}", lambda sizes, mean, std, dtype: torch.empty(sizes, dtype=dtype).normal_(mean, std), dtype, sizes=sizes, mean=1.0, std=2.0)
            drawn("exponential_", f"{sizes}", lambda sizes, rate, dtype: torch.empty(sizes, dtype=dtype).exponential_(rate), dtype, sizes=sizes, rate=1.5)
        drawn("randint", f"{sizes}", lambda sizes, low, high, dtype: torch.randint(low, high, sizes, dtype=dtype), torch.int64, sizes=sizes, low=-5, high=20)
        drawn("random_int_", f"{sizes}", lambda sizes, low, high, dtype: torch.empty(sizes, dtype=dtype).random_(low, high), torch.int32, sizes=sizes, low=-5, high=20)
    for dtype in (torch.bfloat16, torch.float16):
        drawn("rand", "half", lambda sizes, dtype: torch.rand(sizes, dtype=dtype), dtype, sizes=[20])
    for n in (0, 1, 5, 40):
        drawn("randperm", f"{n}", lambda n, dtype: torch.randperm(n, dtype=dtype), torch.int64, n=n)
    for dtype in (torch.float32, F64):
        drawn("bernoulli_", "0.3", lambda sizes, p, dtype: torch.empty(sizes, dtype=dtype).bernoulli_(p), dtype, sizes=[30], p=0.3)

    def bernoulli(p, seed):
        torch.manual_seed(seed)
        return torch.bernoulli(p)

    def multinomial(weights, draws, replacement, seed):
        torch.manual_seed(seed)
        return torch.multinomial(weights, draws, replacement)

    for dtype in (torch.float32, F64, torch.float16):
        vector, matrix = uniform("weights", (7,), 0, 3).to(dtype), uniform("more weights", (4, 9), 0, 3).to(dtype)
        matrix[:, 2] = 0
        for draws, replacement in ((1, False), (1, True), (5, False), (6, True), (60, True)):
            out.sample("multinomial", f"vector {draws} {replacement}", multinomial, [vector], False, seed=7, draws=draws, replacement=replacement)
            out.sample("multinomial", f"matrix {draws} {replacement}", multinomial, [matrix], False, seed=7, draws=draws, replacement=replacement)
            if draws == 60 and dtype != torch.float16:
                out.sample("multinomial", "ones", multinomial, [torch.ones(100, dtype=dtype)], False, seed=7, draws=300, replacement=True)
    out.sample("multinomial", "nothing", multinomial, [torch.ones(0, 3)], False, seed=7, draws=2, replacement=True)

    def dropout(x, p, seed):
        torch.manual_seed(seed)
        return F.dropout(x, p, True)

    def channels(x, p, seed):
        torch.manual_seed(seed)
        return F.dropout2d(x, p, True)

    def rows(x, p, seed):
        torch.manual_seed(seed)
        return torchvision.ops.stochastic_depth(x, p, "row")

    def like(x, seed):
        torch.manual_seed(seed)
        return [torch.rand_like(x), torch.randn_like(x)]

    for dtype in (torch.float32, F64):
        out.sample("bernoulli", "tensor", bernoulli, [uniform("p", (5, 4), 0, 1).to(dtype)], seed=7)
        out.sample("dropout_seeded", "half", dropout, [uniform("x", (5, 4)).to(dtype)], seed=7, p=0.4)
        out.sample("feature_dropout_seeded", "half", channels, [uniform("x4", (2, 5, 2, 2)).to(dtype)], seed=7, p=0.4)
        out.sample("stochastic_depth_seeded", "half", rows, [uniform("x4", (2, 5, 2, 2)).to(dtype)], seed=7, p=0.4)
        out.sample("random_like", "matrix", like, [uniform("x", (5, 4)).to(dtype)], False, seed=7)


if __name__ == "__main__":
    main()
