"""Samples of reductions, scans, sorting, shapes, indexing and matrix products. Run: python tensors.py, with PyTorch 2.13."""

import torch

from golden import F64, FLOATS, INTS, Family, distinct, integers, uniform

ALL = (*FLOATS, *INTS, torch.bool)
INF, NAN = float("inf"), float("nan")


def over(f, **fixed):
    """A function of (x, dims, keepdim), where no dims stand for all."""
    return lambda x, dims, keepdim, **more: f(x, dim=dims or tuple(range(x.dim())), keepdim=keepdim, **fixed, **more)


def product(x, dims, keepdim):
    for d in sorted(d % x.dim() for d in dims or range(x.dim()))[::-1]:
        x = x.prod(d, keepdim=keepdim)
    return x


REDUCTIONS = {
    "sum": over(torch.sum), "mean": over(torch.mean), "prod": product, "amax": over(torch.amax), "amin": over(torch.amin),
    "var": lambda x, dims, keepdim, correction: x.var(dims or None, correction=correction, keepdim=keepdim),
    "std": lambda x, dims, keepdim, correction: x.std(dims or None, correction=correction, keepdim=keepdim),
    "norm": lambda x, dims, keepdim, p: torch.linalg.vector_norm(x, p, dims or None, keepdim), "logsumexp": over(torch.logsumexp),
    "any": over(torch.any), "all": over(torch.all), "count_nonzero": lambda x, dims, keepdim: torch.count_nonzero(x, dims or None),
}
EXTRA = {"var": {"correction": 1}, "std": {"correction": 1}, "norm": {"p": 2.0}}
NO_GRAD = {"any", "all", "count_nonzero"}
NEED_ELEMENTS = {"amax", "amin"}


def reductions():
    out = Family("reductions")
    for op, f in REDUCTIONS.items():
        grad, extra = op not in NO_GRAD, EXTRA.get(op, {})
        x = distinct(op, (3, 4, 2))
        for case, dims, keepdim in (("all", [], False), ("first", [0], False), ("last", [-1], True), ("middle", [1], False),
                                    ("outer", [0, 2], False), ("two", [2, 1], True), ("all kept", [], True)):
            if op == "count_nonzero" and keepdim:
                continue
            out.sample(op, case, f, [x], grad, dims=dims, keepdim=keepdim, **extra)
        out.sample(op, "vector", f, [x[0, :, 0]], grad, dims=[0], keepdim=False, **extra)
        if op not in ("var", "std"):
            out.sample(op, "0-d", f, [x[0, 1, 1]], grad, dims=[], keepdim=False, **extra)
        if op not in NEED_ELEMENTS and op not in ("var", "std"):
            out.sample(op, "over nothing", f, [x[:, :0]], grad, dims=[1], keepdim=False, **extra)
        out.sample(op, "of nothing", f, [x[:0]], grad, dims=[1], keepdim=False, **extra)
        out.sweep(op, "dtypes", f, [x[:2]], ALL, grad, dims=[1], keepdim=False, **extra)
        if op not in ("any", "all", "prod"):
            for case, sizes, dims in (("large all", (97, 431), []), ("large rows", (97, 431), [1]), ("large columns", (97, 431), [0]),
                                      ("large middle", (23, 57, 35), [1])):
                out.large(op, case, f, [(torch.float32, sizes, -1, 1.5)], grad, dims=dims, keepdim=False, **extra)
            out.large(op, "large rows", f, [(F64, (97, 431), -1, 1.5)], grad, dims=[1], keepdim=False, **extra)
        special = torch.tensor([[1.0, INF, 2], [-INF, 0, 3], [NAN, 1, 2], [INF, -INF, 0]])
        out.sample(op, "special", f, [special], False, dims=[1], keepdim=False, **extra)
    y = distinct("norm", (3, 4))
    for p in (0.0, 1.0, 3.0, INF, -INF):
        out.sample("norm", f"order {p}", REDUCTIONS["norm"], [y], p != 0, dims=[1], keepdim=False, p=p)
    out.sample("norm", "of zero", REDUCTIONS["norm"], [torch.zeros(2, 3, dtype=F64)], dims=[1], keepdim=False, p=2.0)
    for correction in (0, 2):
        out.sample("var", f"correction {correction}", REDUCTIONS["var"], [y], dims=[1], keepdim=True, correction=correction)
    z = torch.where(y == y[1, 1], NAN, y)
    for op in ("nansum", "nanmean"):
        f = over(getattr(torch, op))
        out.sample(op, "dims", f, [z], dims=[1], keepdim=True)
        out.sample(op, "all", f, [z], dims=[], keepdim=False)
        out.sample(op, "only nan", f, [z * NAN], False, dims=[1], keepdim=False)
        out.sweep(op, "dtypes", f, [z], FLOATS, dims=[0], keepdim=False)
    for op in ("var_mean", "std_mean"):
        f = lambda x, dims, keepdim, correction, op=op: getattr(torch, op)(x, dims or None, correction=correction, keepdim=keepdim)
        for dims, keepdim in (([1], False), ([0, 2], True), ([], False)):
            out.sample(op, f"dims {dims}", f, [x], dims=dims, keepdim=keepdim, correction=1)
        out.sweep(op, "dtypes", f, [x], FLOATS, dims=[1], keepdim=False, correction=0)
    out.sample("prod", "one zero", product, [torch.where(y == y[1, 1], 0.0, y)], dims=[1], keepdim=False)
    out.sample("prod", "two zeros", product, [torch.where((y == y[1, 1]) | (y == y[1, 2]), 0.0, y)], dims=[1], keepdim=False)
    out.sample("amax", "ties", REDUCTIONS["amax"], [y.round().clamp(-1, 1)], dims=[1], keepdim=False)
    out.sample("logsumexp", "overflow", REDUCTIONS["logsumexp"], [y * 1000], dims=[1], keepdim=True)
    out.save()


def scans():
    out = Family("ordering")
    x = distinct("scan", (3, 4, 2))
    along = {
        "max_dim": lambda x, dim, keepdim: torch.max(x, dim, keepdim), "min_dim": lambda x, dim, keepdim: torch.min(x, dim, keepdim),
        "median_dim": lambda x, dim, keepdim: torch.median(x, dim, keepdim),
        "argmax": lambda x, dim, keepdim: torch.argmax(x, dim, keepdim), "argmin": lambda x, dim, keepdim: torch.argmin(x, dim, keepdim),
    }
    for op, f in along.items():
        grad = not op.startswith("arg")
        for dim, keepdim in ((0, False), (1, True), (-1, False)):
            out.sample(op, f"dim {dim}", f, [x], grad, dim=dim, keepdim=keepdim)
        out.sample(op, "size 1", f, [x[:, :1]], grad, dim=1, keepdim=False)
        if op != "median_dim":
            out.sweep(op, "dtypes", f, [x * 2], ALL, grad, dim=1, keepdim=False)
            out.sample(op, "nan", f, [torch.tensor([[1, NAN, 3], [INF, 2, 1]], dtype=F64)], False, dim=1, keepdim=False)
        out.large(op, "large rows", f, [(torch.float32, (97, 431), -1, 1)], grad, dim=1, keepdim=False)
        out.large(op, "large columns", f, [(torch.float32, (97, 431), -1, 1)], grad, dim=0, keepdim=False)
    modes = lambda x, dim, keepdim: torch.mode(x, dim, keepdim)
    few = integers("mode", (3, 7, 2), 0, 3).to(F64)
    for dim, keepdim in ((0, False), (1, True), (-1, False)):
        out.sample("mode", f"dim {dim}", modes, [few], dim=dim, keepdim=keepdim)
    out.sample("mode", "0-d", modes, [few[0, 0, 0]], dim=0, keepdim=False)
    out.sweep("mode", "dtypes", modes, [few], ALL, dim=1, keepdim=False)
    holes = torch.where(distinct("holes", (3, 4, 2)) > 1, NAN, x)
    holes[1, :, 0] = NAN
    out.sample("nanmedian", "all", torch.nanmedian, [holes])
    out.sample("nanmedian", "only nan", torch.nanmedian, [holes * NAN], False)
    nanmedian = lambda x, dim, keepdim: torch.nanmedian(x, dim, keepdim)
    for dim, keepdim in ((0, False), (1, True), (-1, False)):
        some = torch.where(holes.isnan().all(dim, keepdim=True), x, holes)  # of NaN alone, which one is a matter of the library
        out.sample("nanmedian_dim", f"dim {dim}", nanmedian, [some], dim=dim, keepdim=keepdim)
    out.sweep("nanmedian_dim", "dtypes", nanmedian, [x * 2], (*FLOATS, *INTS), dim=1, keepdim=False)
    out.sample("nanmedian_dim", "0-d", nanmedian, [x[0, 0, 0]], dim=0, keepdim=False)
    for op, f in {"max": torch.max, "min": torch.min, "median": torch.median, "argmax_all": torch.argmax, "argmin_all": torch.argmin}.items():
        grad = not op.startswith("arg")
        out.sample(op, "all", f, [x], grad)
        out.sample(op, "0-d", f, [x[0, 0, 0]], grad)
        out.sweep(op, "dtypes", f, [x * 2], ALL, grad)
        out.large(op, "large", f, [(torch.float32, (97, 431), -1, 1)], grad)
    for op in ("cumsum", "cumprod"):
        f = lambda x, dim, op=op: getattr(torch, op)(x, dim)
        for dim in (0, 1, -1):
            out.sample(op, f"dim {dim}", f, [x], dim=dim)
        out.sample(op, "empty", f, [x[:, :0]], dim=1)
        out.sample(op, "0-d", f, [x[0, 0, 0]], dim=0)
        out.sweep(op, "dtypes", f, [x[:2]], ALL, dim=1)
        out.large(op, "large rows", f, [(torch.float32, (97, 331), 0.6, 1.4)], op == "cumsum", dim=1)
        out.large(op, "large columns", f, [(torch.float32, (97, 331), 0.6, 1.4)], op == "cumsum", dim=0)
    out.sample("cumprod", "zeros", lambda x, dim: torch.cumprod(x, dim), [torch.where(x[0] > 0.4, 0.0, x[0])], dim=0)
    for op in ("cummax", "cummin", "logcumsumexp"):
        f = lambda x, dim, op=op: getattr(torch, op)(x, dim)
        for dim in (0, -1):
            out.sample(op, f"dim {dim}", f, [x], dim=dim)
        out.sample(op, "0-d", f, [x[0, 0, 0]], dim=0)
        out.sweep(op, "dtypes", f, [x * 2], ALL if op != "logcumsumexp" else FLOATS, dim=1)
        out.large(op, "large", f, [(torch.float32, (97, 331), -1, 1)], dim=1)
    out.sample("cummax", "ties", lambda x, dim: torch.cummax(x, dim), [torch.tensor([1.0, 3, 3, 2, 3, NAN, 4], dtype=F64)], False, dim=0)
    out.sample("logcumsumexp", "-inf", lambda x, dim: torch.logcumsumexp(x, dim), [torch.tensor([-INF, -INF, 1, 2, -INF], dtype=F64)], False, dim=0)
    unique = lambda x: torch.unique(x, return_inverse=True, return_counts=True)
    out.sweep("unique", "dtypes", unique, [(x * 2).round()], ALL, False)
    out.sample("unique", "empty", unique, [x[:0]], False)
    rows = lambda x, dim: torch.unique(x, dim=dim, return_inverse=True, return_counts=True)
    pairs = integers("rows", (9, 3), 0, 2).to(F64)
    out.sample("unique_dim", "rows", rows, [pairs], False, dim=0)
    out.sample("unique_dim", "columns", rows, [pairs], False, dim=-1)
    out.sample("unique_dim", "planes", rows, [integers("planes", (2, 6, 2), 0, 2)], False, dim=1)
    out.sample("unique_dim", "vector", rows, [pairs[:, 0]], False, dim=0)
    out.sample("unique_dim", "empty", rows, [pairs[:0]], False, dim=0)
    out.sweep("unique_dim", "dtypes", rows, [pairs], ALL, False, dim=0)
    sort = lambda x, dim, descending: torch.sort(x, dim=dim, descending=descending, stable=True)
    for dim, descending in ((0, False), (1, True), (-1, False)):
        out.sample("sort", f"dim {dim}", sort, [x], dim=dim, descending=descending)
    out.sample("sort", "0-d", sort, [x[0, 0, 0]], dim=0, descending=False)
    out.sample("sort", "empty", sort, [x[:, :0]], dim=1, descending=False)
    out.sweep("sort", "dtypes", sort, [x * 2], ALL, dim=1, descending=True)
    out.sample("sort", "nan", sort, [torch.tensor([[1, NAN, 3, -INF], [INF, 2, NAN, 1]])], False, dim=1, descending=False)
    out.sample("sort", "nan first", sort, [torch.tensor([[1, NAN, 3, -INF], [INF, 2, NAN, 1]])], False, dim=1, descending=True)
    out.sample("sort", "ties are stable", sort, [torch.tensor([3, 1, 3, 1, 2, 2, 3, 1])], False, dim=0, descending=True)
    out.large("sort", "large rows", sort, [(torch.float32, (37, 431), -1, 1)], dim=1, descending=False)
    out.large("sort", "large columns", sort, [(torch.float32, (431, 37), -1, 1)], dim=0, descending=True)
    argsort = lambda x, dim, descending: torch.argsort(x, dim=dim, descending=descending, stable=True)
    out.sample("argsort", "dim 1", argsort, [x], False, dim=1, descending=False)
    out.sample("argsort", "descending", argsort, [x], False, dim=0, descending=True)
    topk = lambda x, k, dim, largest: torch.topk(x, k, dim, largest)
    for k, dim, largest in ((2, 1, True), (1, 0, False), (2, -1, True), (0, 1, True)):
        out.sample("topk", f"{k} of dim {dim}", topk, [x], k=k, dim=dim, largest=largest)
    out.sweep("topk", "dtypes", topk, [x * 2], (*FLOATS, torch.int64, torch.int32), k=3, dim=1, largest=True)
    out.large("topk", "large", topk, [(torch.float32, (37, 431), -1, 1)], k=5, dim=1, largest=True)
    kth = lambda x, k, dim, keepdim: torch.kthvalue(x, k, dim, keepdim)
    out.sample("kthvalue", "second", kth, [x], k=2, dim=1, keepdim=False)
    out.save()


def shapes():
    out = Family("shapes")
    x = uniform("shape", (2, 3, 4))
    cases = {
        "reshape": (lambda x, sizes: x.reshape(sizes), [dict(sizes=[4, 6]), dict(sizes=[-1]), dict(sizes=[2, 1, -1, 2])]),
        "view": (lambda x, sizes: x.view(sizes), [dict(sizes=[6, 4]), dict(sizes=[2, -1])]),
        "flatten": (lambda x, start, end: x.flatten(start, end), [dict(start=0, end=-1), dict(start=1, end=2), dict(start=1, end=1)]),
        "unflatten": (lambda x, dim, sizes: x.unflatten(dim, sizes), [dict(dim=2, sizes=[2, 2]), dict(dim=-1, sizes=[1, -1])]),
        "unsqueeze": (lambda x, dim: x.unsqueeze(dim), [dict(dim=0), dict(dim=-1), dict(dim=2)]),
        "transpose": (lambda x, dim0, dim1: x.transpose(dim0, dim1), [dict(dim0=0, dim1=2), dict(dim0=-1, dim1=-2)]),
        "mT": (lambda x: x.mT, [dict()]),
        "permute": (lambda x, dims: x.permute(dims), [dict(dims=[2, 0, 1]), dict(dims=[0, -1, 1])]),
        "movedim": (lambda x, source, destination: x.movedim(source, destination), [dict(source=0, destination=2), dict(source=-1, destination=0)]),
        "slice": (lambda x, dim, start, end, step: x[(slice(None),) * dim + (slice(start, end, step),)],
                  [dict(dim=1, start=1, end=3, step=1), dict(dim=2, start=0, end=4, step=3), dict(dim=0, start=-1, end=100, step=1),
                   dict(dim=1, start=2, end=2, step=1)]),
        "narrow": (lambda x, dim, start, length: x.narrow(dim, start, length), [dict(dim=1, start=1, length=2), dict(dim=2, start=-3, length=0)]),
        "select": (lambda x, dim, index: x.select(dim, index), [dict(dim=0, index=1), dict(dim=-1, index=-2)]),
        "split": (lambda x, size, dim: x.split(size, dim), [dict(size=2, dim=1), dict(size=3, dim=-1), dict(size=5, dim=0)]),
        "split_sizes": (lambda x, sizes, dim: x.split(sizes, dim), [dict(sizes=[1, 3], dim=2), dict(sizes=[0, 2, 1], dim=1)]),
        "chunk": (lambda x, chunks, dim: x.chunk(chunks, dim), [dict(chunks=2, dim=1), dict(chunks=3, dim=2), dict(chunks=1, dim=0)]),
        "unbind": (lambda x, dim: x.unbind(dim), [dict(dim=0), dict(dim=-1)]),
        "unfold": (lambda x, dim, size, step: x.unfold(dim, size, step), [dict(dim=2, size=2, step=1), dict(dim=1, size=1, step=2), dict(dim=2, size=3, step=1)]),
        "diagonal": (lambda x, offset, dim1, dim2: x.diagonal(offset, dim1, dim2), [dict(offset=0, dim1=0, dim2=1), dict(offset=1, dim1=1, dim2=2),
                                                                                 dict(offset=-1, dim1=2, dim2=0)]),
        "as_strided": (lambda x, sizes, strides, offset: x.as_strided(sizes, strides, offset),
                       [dict(sizes=[3, 2], strides=[4, 1], offset=2), dict(sizes=[4, 3], strides=[1, 1], offset=0), dict(sizes=[2, 3], strides=[0, 1], offset=5)]),
        "flip": (lambda x, dims: x.flip(dims), [dict(dims=[0]), dict(dims=[-1, 0])]),
        "roll": (lambda x, shift, dim: x.roll(shift, dim), [dict(shift=1, dim=1), dict(shift=-2, dim=2), dict(shift=7, dim=0)]),
        "repeat": (lambda x, repeats: x.repeat(repeats), [dict(repeats=[1, 2, 1]), dict(repeats=[2, 1, 1, 3]), dict(repeats=[0, 1, 1])]),
        "repeat_interleave": (lambda x, repeats, dim: x.repeat_interleave(repeats, dim), [dict(repeats=2, dim=1), dict(repeats=3, dim=-1)]),
        "clone": (lambda x: x.clone(), [dict()]),
        "contiguous": (lambda x: x.contiguous(), [dict()]),
        "tril": (lambda x, diagonal: x.tril(diagonal), [dict(diagonal=0), dict(diagonal=-1), dict(diagonal=2)]),
        "triu": (lambda x, diagonal: x.triu(diagonal), [dict(diagonal=0), dict(diagonal=-1), dict(diagonal=2)]),
    }
    empty = {"reshape": dict(sizes=[3, 0]), "flatten": dict(start=0, end=-1), "transpose": dict(dim0=0, dim1=1), "clone": {}, "flip": dict(dims=[0]),
             "unsqueeze": dict(dim=0), "permute": dict(dims=[2, 1, 0]), "select": dict(dim=1, index=0), "tril": dict(diagonal=0)}
    for op, (f, attributes) in cases.items():
        for i, a in enumerate(attributes):
            out.sample(op, " ".join(str(v).replace("/", "") for v in a.values()) or "plain", f, [x], **a)
        out.sweep(op, "dtypes", f, [x * 3], ALL, **attributes[0])
        if op in empty:
            out.sample(op, "empty", f, [x[:0]], **empty[op])
    one = uniform("one", (1, 3, 1))
    for dims in ([], [0], [-1], [1], [0, 2]):
        out.sample("squeeze", f"dims {dims}", lambda x, dims: x.squeeze(dims) if dims else x.squeeze(), [one], dims=dims)
    for sizes in ([2, 3, 4], [5, 1, -1, 2], [-1, -1, 0]):
        out.sample("expand", f"{sizes}", lambda x, sizes: x.expand(sizes), [one], sizes=sizes)
    out.sample("expand", "0-d", lambda x, sizes: x.expand(sizes), [one[0, 0, 0]], sizes=[2, 3])
    for case, y in {"matrix": x[0], "vector": x[0, 0], "0-d": x[0, 0, 0]}.items():
        out.sample("t", case, lambda x: x.t(), [y])
    cat = lambda *xs, dim: torch.cat(xs, dim)
    out.sample("cat", "dim 1", cat, [x, x[:, :1] + 1, x[:, 1:]], dim=1)
    out.sample("cat", "dim -1", cat, [x, uniform("cat", (2, 3, 2))], dim=-1)
    out.sample("cat", "one", cat, [x], dim=0)
    out.sample("cat", "empty vector", cat, [torch.zeros(0, dtype=F64), x], wants=[1], dim=0)
    out.sample("cat", "size 0", cat, [x[:, :0], x], dim=1)
    out.sample("cat", "promoted", cat, [integers("cat", (2, 3)), uniform("c", (1, 3)).float(), integers("d", (1, 3)) > 0], False, dim=0)
    out.sweep("cat", "dtypes", cat, [x[0] * 3, x[1] * 3], ALL, dim=0)
    out.large("cat", "large", cat, [(torch.float32, (40, 301), -1, 1), (torch.float32, (41, 301), -1, 1)], dim=0)
    out.large("cat", "large last", cat, [(torch.float32, (301, 40), -1, 1), (torch.float32, (301, 41), -1, 1)], dim=1)
    for indexing in ("ij", "xy"):
        out.sample("meshgrid", indexing, lambda *xs, indexing: torch.meshgrid(*xs, indexing=indexing), [x[0, 0], x[0, :, 0], x[:, 0, 0]], indexing=indexing)
    out.sample("broadcast_tensors", "three", torch.broadcast_tensors, [x, x[0, :1], x[0, 0, 0]])
    stack = lambda *xs, dim: torch.stack(xs, dim)
    out.sample("stack", "dim 0", stack, [x[0], x[1], x[0] * 2], dim=0)
    out.sample("stack", "dim -1", stack, [x[0], x[1]], dim=-1)
    out.sample("stack", "0-d", stack, [x[0, 0, 0], x[1, 1, 1]], dim=0)
    out.sweep("stack", "dtypes", stack, [x[0] * 3, x[1] * 3], ALL, dim=1)
    for source in (F64, *ALL):
        for target in (torch.float64, *ALL):
            y = (uniform("to", (2, 3), 0, 3) if source in (torch.uint8, torch.bool) or target == torch.uint8 else uniform("to", (2, 3), -3, 3)).to(source)
            name = str(target).removeprefix("torch.")
            out.sample("to", name, lambda x, target: x.to(getattr(torch, target)), [y], target=name)
    out.large("contiguous", "large transposed", lambda x: x.t().contiguous(), [(torch.float32, (311, 217), -1, 1)])
    out.large("to", "large bfloat16", lambda x, target: x.to(torch.bfloat16), [(torch.float32, (31, 1217), -1e6, 1e6)], target="bfloat16")
    out.large("to", "large float16", lambda x, target: x.to(torch.float16), [(torch.float32, (31, 1217), -1e4, 1e4)], target="float16")
    out.save()


def indexing():
    out = Family("indexing")
    x = uniform("indexing", (4, 3, 5))
    ix = lambda *v: torch.tensor(v)
    index3 = integers("gather", (2, 3, 4), 0, 4)
    gather = lambda x, i, dim: torch.gather(x, dim, i)
    for dim in (0, 1, 2):
        i = integers(f"gather{dim}", (2, 3, 4), 0, x.shape[dim])
        out.sample("gather", f"dim {dim}", gather, [x, i], dim=dim)
        source = uniform(f"scatter{dim}", (2, 3, 4))
        u = distinct(f"order{dim}", (2, 3, 4)).argsort(dim)  # no position twice: which of two values wins is not defined
        out.sample("scatter", f"dim {dim}", lambda x, i, s, dim: torch.scatter(x, dim, i, s), [x, u, uniform(f"s{dim}", u.shape)], dim=dim)
        out.sample("scatter_add", f"dim {dim}", lambda x, i, s, dim: torch.scatter_add(x, dim, i, s), [x, i, source], dim=dim)
        out.sample("scatter_value", f"dim {dim}", lambda x, i, dim, value: torch.scatter(x, dim, i, value), [x, i], dim=dim, value=1.5)
    out.sample("gather", "0-d", gather, [x[0, 0, 0], torch.tensor(0)], dim=0)
    out.sample("gather", "empty", gather, [x, torch.zeros(0, 3, 5, dtype=torch.int64)], dim=0)
    out.sweep("gather", "dtypes", gather, [x * 3, index3], ALL, dim=0)
    out.large("gather", "large", lambda x, i, dim: torch.gather(x, dim, i), [(torch.float32, (97, 331), -1, 1), (torch.int64, (97, 331), 0, 97)], dim=0)
    out.sweep("scatter_add", "dtypes", lambda x, i, s, dim: torch.scatter_add(x, dim, i, s), [x * 3, index3, uniform("sa", (2, 3, 4), -3, 3)],
              (*FLOATS, torch.int64, torch.int32), dim=0)
    reduce = lambda x, i, s, dim, reduce, include_self: torch.scatter_reduce(x, dim, i, s, reduce, include_self=include_self)
    for how in ("sum", "prod", "amax", "amin"):
        for keep in (True, False):
            out.sample("scatter_reduce", f"{how} {'with' if keep else 'without'} self", reduce, [x, index3, distinct(how, (2, 3, 4))],
                       dim=0, reduce=how, include_self=keep)
    select = lambda x, i, dim: torch.index_select(x, dim, i)
    for dim, i in ((0, ix(3, 0, 0)), (1, ix(2)), (-1, ix(4, 1, 4, 0))):
        out.sample("index_select", f"dim {dim}", select, [x, i], dim=dim)
        s = list(x.shape)
        s[dim] = len(i)
        out.sample("index_add", f"dim {dim}", lambda x, i, s, dim, alpha: torch.index_add(x, dim, i, s, alpha=alpha), [x, i, uniform(f"ia{dim}", s)],
                   dim=dim, alpha=1.0)
        out.sample("index_fill", f"dim {dim}", lambda x, i, dim, value: torch.index_fill(x, dim, i, value), [x, i], dim=dim, value=2.5)
    s = uniform("copy", (2, 3, 5))
    out.sample("index_copy", "dim 0", lambda x, i, s, dim: torch.index_copy(x, dim, i, s), [x, ix(2, 0), s], dim=0)
    out.sample("index_add", "alpha", lambda x, i, s, dim, alpha: torch.index_add(x, dim, i, s, alpha=alpha), [x, ix(3, 3), s], dim=0, alpha=0.5)
    out.sample("index_select", "empty", select, [x, torch.zeros(0, dtype=torch.int64)], dim=1)
    out.sweep("index_select", "dtypes", select, [x * 3, ix(1, 1, 3)], ALL, dim=0)
    out.sweep("index_add", "dtypes", lambda x, i, s, dim, alpha: torch.index_add(x, dim, i, s, alpha=alpha), [x * 3, ix(3, 3), s * 3],
              (*FLOATS, torch.int64, torch.int32), dim=0, alpha=1)
    out.large("index_select", "large", select, [(torch.float32, (197, 231), -1, 1), (torch.int64, (150,), 0, 197)], dim=0)
    out.large("index_add", "large", lambda x, i, s, dim, alpha: torch.index_add(x, dim, i, s, alpha=alpha),
              [(torch.float32, (197, 231), -1, 1), (torch.int64, (150,), 0, 197), (torch.float32, (150, 231), -1, 1)], dim=0, alpha=1.0)
    # advanced indexing; `where` says which dimensions the index tensors stand for: t a tensor, : all
    index = lambda x, *i, where: x[place(where, i)]
    put = lambda x, *rest, where, accumulate: torch.ops.aten.index_put(x, [None if p == ":" else j for p, j in aligned(where, rest[:-1])], rest[-1], accumulate)
    out.sample("index", "first", index, [x, ix(2, 0, 2)], where="t")
    out.sample("index", "two", index, [x, ix(2, 0, 2), ix(1, 1, 0)], where="tt")
    out.sample("index", "broadcast", index, [x, ix(2, 0)[:, None], ix(1, 2, 0)], where="tt")
    out.sample("index", "last", index, [x, ix(-1, 3)], where="::t")
    out.sample("index", "apart", index, [x, ix(2, 0), ix(1, 3)], where="t:t")
    out.sample("index", "all", index, [x, ix(2, 0), ix(1, 1), ix(0, 4)], where="ttt")
    out.sample("index", "mask", index, [x, x[:, :, 0] > 0], where="t")
    out.sweep("index", "dtypes", index, [x * 3, ix(1, 1, 3)], ALL, where="t")
    v = uniform("put", (3, 3, 5))
    out.sample("index_put", "first", put, [x, ix(2, 0, 1), v], where="t", accumulate=False)
    out.sample("index_put", "accumulate", put, [x, ix(2, 0, 2), v], where="t", accumulate=True)
    out.sample("index_put", "broadcast", put, [x, ix(2, 0), ix(1, 2), v[0, 0]], where="tt", accumulate=False)
    out.sample("index_put", "apart", put, [x, ix(2, 0), ix(1, 3), v[0, :2, :3]], where="t:t", accumulate=True)
    mask = x > 0.3
    out.sample("masked_select", "same", torch.masked_select, [x, mask])
    out.sample("masked_select", "broadcast", torch.masked_select, [x, mask[:, :1, :1]])
    out.sample("masked_select", "nothing", torch.masked_select, [x, torch.zeros_like(mask)])
    out.sweep("masked_select", "dtypes", torch.masked_select, [x * 3, mask], ALL)
    out.sample("masked_scatter", "same", torch.masked_scatter, [x, mask, uniform("ms", (60,))])
    out.sample("nonzero", "some", torch.nonzero, [torch.where(mask, x, 0.0)], False)
    out.sample("nonzero", "none", torch.nonzero, [torch.zeros(2, 3)], False)
    out.sample("nonzero", "bool", torch.nonzero, [mask], False)
    out.sample("index_fill_tensor", "dim 1", lambda x, i, v, dim: torch.index_fill(x, dim, i, v), [x, ix(2, 0), uniform("value", ())], dim=1)
    out.sample("masked_fill_tensor", "0-d", torch.masked_fill, [x, mask, uniform("value", ())])
    out.sample("scatter_reduce", "mean with self", reduce, [x, index3, distinct("mean", (2, 3, 4))], dim=0, reduce="mean", include_self=True)
    out.sample("scatter_reduce", "mean without self", reduce, [x, index3, distinct("mean", (2, 3, 4))], dim=0, reduce="mean", include_self=False)
    out.sample("trace", "matrix", torch.trace, [x[0]])
    out.sweep("trace", "dtypes", torch.trace, [x[0] * 3], (*FLOATS, torch.int64, torch.int32))
    embed = lambda x, offset, dim1, dim2: torch.diag_embed(x, offset, dim1, dim2)
    for offset, dim1, dim2 in ((0, -2, -1), (1, 0, 2), (-1, 1, 2)):
        out.sample("diag_embed", f"offset {offset}", embed, [x[0]], offset=offset, dim1=dim1, dim2=dim2)
    out.sample("take", "flat", torch.take, [x, ix(3, 3, 59).reshape(1, 3)])
    out.sample("take_along_dim", "dim 1", lambda x, i, dim: torch.take_along_dim(x, i, dim), [x, integers("tad", (4, 2, 5), 0, 3)], dim=1)
    out.sample("diag", "vector", lambda x, diagonal: torch.diag(x, diagonal), [x[0, 0]], diagonal=1)
    out.sample("diag", "matrix", lambda x, diagonal: torch.diag(x, diagonal), [x[0]], diagonal=0)
    count = lambda x, minLength: torch.bincount(x, minlength=minLength)
    weighted = lambda x, weights, minLength: torch.bincount(x, weights, minLength)
    numbers = integers("bincount", (40,), 0, 7)
    out.sample("bincount", "empty", count, [numbers[:0]], False, minLength=3)
    for dtype in INTS:
        out.sample("bincount", "numbers", count, [numbers.to(dtype)], False, dtype=dtype, minLength=0)
        out.sample("bincount", "more", count, [numbers.to(dtype)], False, dtype=dtype, minLength=9)
    for dtype in (*FLOATS, F64, torch.int64):
        out.sample("bincount_weights", "weights", weighted, [numbers, uniform("weights", (40,), 1, 9).to(dtype)], False, dtype=dtype, minLength=9)
    out.sample("one_hot", "classes", lambda x, classes: torch.nn.functional.one_hot(x, classes), [ix(2, 0, 3)], False, classes=5)
    out.save()


def aligned(where, indices):
    rest = iter(indices)
    return [(p, next(rest) if p == "t" else None) for p in where]


def place(where, indices):
    return tuple(slice(None) if p == ":" else j for p, j in aligned(where, indices))


def linear_algebra():
    out = Family("linalg")
    shapes = {"vector vector": ((5,), (5,)), "matrix vector": ((3, 5), (5,)), "vector matrix": ((5,), (5, 4)), "matrix matrix": ((3, 5), (5, 4)),
              "batch matrix": ((2, 3, 5), (5, 4)), "matrix batch": ((3, 5), (2, 5, 4)), "batch batch": ((2, 3, 5), (2, 5, 4)),
              "broadcast": ((2, 1, 3, 5), (4, 5, 2)), "batch vector": ((2, 3, 5), (5,)), "vector batch": ((5,), (2, 5, 4)),
              "one": ((1, 1), (1, 1)), "empty rows": ((0, 5), (5, 4)), "empty sum": ((3, 0), (0, 4)), "empty batch": ((0, 3, 5), (0, 5, 4))}
    for case, (a, b) in shapes.items():
        out.sample("matmul", case, torch.matmul, [uniform("a" + case, a), uniform("b" + case, b)])
    out.sweep("matmul", "dtypes", torch.matmul, [uniform("ma", (3, 5), -3, 3), uniform("mb", (5, 4), -3, 3)], ALL)
    out.sweep("matmul", "batch dtypes", torch.matmul, [uniform("ba", (2, 3, 5), -3, 3), uniform("bb", (2, 5, 4), -3, 3)], ALL)
    out.sweep("matmul", "vector dtypes", torch.matmul, [uniform("va", (3, 5), -3, 3), uniform("vb", (5,), -3, 3)], ALL)
    for case, a, b in (("large", (131, 203), (203, 97)), ("large thin", (1, 503), (503, 211)), ("large batch", (6, 61, 45), (6, 45, 53)),
                       ("large vector", (311, 203), (203,)), ("large fold", (7, 33, 65), (65, 49))):
        for dtype in (torch.float32, F64, torch.bfloat16):
            out.large("matmul", case, torch.matmul, [(dtype, a, -1, 1), (dtype, b, -1, 1)], dtype != torch.bfloat16)
    out.sample("bmm", "plain", torch.bmm, [uniform("bmm", (2, 3, 5)), uniform("bmmb", (2, 5, 4))])
    out.sweep("bmm", "dtypes", torch.bmm, [uniform("bmm", (2, 3, 5)), uniform("bmmb", (2, 5, 4))], FLOATS)
    for op in ("mm", "mv", "dot", "outer"):
        a, b = {"mm": ((3, 5), (5, 4)), "mv": ((3, 5), (5,)), "dot": ((5,), (5,)), "outer": ((3,), (4,))}[op]
        out.sample(op, "plain", getattr(torch, op), [uniform(op, a), uniform(op + "b", b)])
    addmm = lambda c, a, b, beta, alpha: torch.addmm(c, a, b, beta=beta, alpha=alpha)
    for case, c in {"matrix": (3, 4), "row": (4,), "column": (3, 1), "0-d": ()}.items():
        for beta, alpha in ((1.0, 1.0), (0.5, -2.0)):
            out.sample("addmm", f"{case} {beta} {alpha}", addmm, [uniform(case, c), uniform("am", (3, 5)), uniform("an", (5, 4))], beta=beta, alpha=alpha)
    out.sample("addmm", "beta 0", addmm, [torch.full((3, 4), NAN, dtype=F64), uniform("am", (3, 5)), uniform("an", (5, 4))], wants=[1, 2],
               beta=0.0, alpha=1.0)
    out.sweep("addmm", "dtypes", addmm, [uniform("c", (3, 4)), uniform("am", (3, 5)), uniform("an", (5, 4))], FLOATS, beta=1.0, alpha=1.0)
    baddbmm = lambda c, a, b, beta, alpha: torch.baddbmm(c, a, b, beta=beta, alpha=alpha)
    out.sample("baddbmm", "row", baddbmm, [uniform("bc", (1, 4)), uniform("bm", (2, 3, 5)), uniform("bn", (2, 5, 4))], beta=0.5, alpha=2.0)
    dot = lambda a, b, dims, otherDims: torch.tensordot(a, b, dims=(dims, otherDims))
    out.sample("tensordot", "two dims", dot, [uniform("ta", (3, 4, 5)), uniform("tb", (5, 3, 2))], dims=[0, 2], otherDims=[1, 0])
    out.sample("tensordot_count", "one", lambda a, b, count: torch.tensordot(a, b, dims=count), [uniform("ta", (3, 4, 5)), uniform("tc", (4, 5, 2))], count=2)
    einsum = lambda *xs, equation: torch.einsum(equation, *xs)
    m, n, batch = uniform("em", (3, 4)), uniform("en", (4, 5)), uniform("eb", (2, 3, 4))
    for equation, operands in (("ij,jk->ik", [m, n]), ("ij->ji", [m]), ("ij->", [m]), ("ij->j", [m]), ("ii->i", [m[:, :3]]), ("ii->", [m[:, :3]]),
                               ("i,j->ij", [m[0], n[0]]), ("bij,bij->b", [batch, batch + 1]), ("bij,jk->bik", [batch, n]), ("ij,jk", [m, n]),
                               ("...ij,jk->...ik", [batch, n]), ("bi,bij,bj->b", [batch[:, :, 0], batch, batch[:, 0]]),
                               ("ij,ij->ij", [m, m + 1]), ("bij,bkj->bik", [batch, batch + 1]), ("i,i->", [m[0], m[1]]), ("bhqd,bhkd->bhqk", [uniform("q", (2, 2, 3, 4)), uniform("k", (2, 2, 5, 4))])):
        out.sample("einsum", equation.replace("->", " to ").replace("...", "+"), einsum, operands, equation=equation)
    out.sweep("einsum", "dtypes", einsum, [m, n], FLOATS, equation="ij,jk->ik")
    cdist = lambda a, b, p: torch.cdist(a, b, p)
    rows, others = distinct("rows", (3, 4)), distinct("others", (5, 4)) + 0.06
    for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, INF):
        out.sample("cdist", f"order {p}", cdist, [rows, others], p=p)
        out.sample("cdist", f"equal rows {p}", cdist, [rows.round(), torch.cat([rows.round()[1:], rows.round() + 1])], p=p)
    out.sample("cdist", "batches", cdist, [uniform("ca", (2, 1, 3, 4)), uniform("cb", (3, 5, 4))], p=2.0)
    out.sample("cdist", "one batch", cdist, [uniform("ca", (2, 3, 4)), uniform("cb", (5, 4))], p=1.0)
    out.sample("cdist", "empty rows", cdist, [rows[:0], others], p=2.0)
    for p in (1.0, 2.0, INF):
        out.sample("cdist", f"no columns {p}", cdist, [rows[:, :0], others[:, :0]], p=p)
    out.sample("cdist", "empty columns", cdist, [rows[:, :0], others[:, :0]], False, p=2.0)
    out.sample("cdist", "by product", cdist, [uniform("cp", (26, 3)), uniform("cq", (2, 1, 3))], p=2.0)
    out.large("cdist", "large", cdist, [(torch.float32, (37, 61), -1, 1), (torch.float32, (97, 61), -1, 1)], p=2.0)
    out.large("cdist", "large by differences", cdist, [(torch.float32, (37, 61), -1, 1), (torch.float32, (97, 61), -1, 1)], p=1.0)
    out.sweep("cdist", "dtypes", cdist, [rows, others], FLOATS, p=2.0)
    out.save()


if __name__ == "__main__":
    reductions()
    scans()
    shapes()
    indexing()
    linear_algebra()
