"""Samples of the element-wise operations. Run: python pointwise.py, with PyTorch 2.13."""

import torch
import torch.nn.functional as F

from golden import F64, FLOATS, INTS, Family, distinct, integers, uniform

ALL = (*FLOATS, *INTS, torch.bool)
INF, NAN = float("inf"), float("nan")
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.5, 3.0, -2.0, 1e-3, 20.0, -20.0, 87.0, -87.0, 89.0, -104.0, 1e3, -1e3, 1e5, 1e-30, -1e-30,
           1e30, -1e30, 1e-40, INF, -INF, NAN]

# operation: the interval of its operands
UNARY = {
    "abs": (-2, 2), "neg": (-2, 2), "sign": (-2, 2), "ceil": (-2, 2), "floor": (-2, 2), "round": (-2, 2), "trunc": (-2, 2), "square": (-2, 2),
    "sqrt": (0.1, 3), "rsqrt": (0.1, 3), "reciprocal": (0.2, 3), "exp": (-2, 2), "exp2": (-2, 2), "expm1": (-2, 2), "log": (0.1, 3),
    "log2": (0.1, 3), "log10": (0.1, 3), "log1p": (-0.9, 3), "sin": (-4, 4), "cos": (-4, 4), "tan": (-1.4, 1.4), "asin": (-0.9, 0.9),
    "acos": (-0.9, 0.9), "atan": (-3, 3), "sinh": (-2, 2), "cosh": (-2, 2), "tanh": (-2, 2), "asinh": (-3, 3), "acosh": (1.1, 3),
    "atanh": (-0.9, 0.9), "erf": (-2, 2), "erfc": (-2, 2), "erfinv": (-0.9, 0.9), "lgamma": (0.2, 4), "digamma": (0.2, 4),
    "logit": (0.1, 0.9), "sigmoid": (-3, 3), "relu": (-2, 2), "bitwise_not": None, "logical_not": (-2, 2), "isnan": (-2, 2), "isinf": (-2, 2), "isfinite": (-2, 2),
}
NN_UNARY = {
    "silu": (F.silu, {}), "gelu": (F.gelu, {}), "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), {}),
    "leaky_relu": (lambda x, slope: F.leaky_relu(x, slope), {"slope": 0.1}), "elu": (lambda x, alpha: F.elu(x, alpha), {"alpha": 0.7}),
    "softplus": (lambda x, beta, threshold: F.softplus(x, beta, threshold), {"beta": 2.0, "threshold": 3.0}),
    "softplus_default": (F.softplus, {}), "leaky_relu_default": (F.leaky_relu, {}), "elu_default": (F.elu, {}), "hardtanh_default": (F.hardtanh, {}),
    "log_sigmoid": (F.logsigmoid, {}), "hardtanh": (lambda x, low, high: F.hardtanh(x, low, high), {"low": -0.8, "high": 1.1}),
    "hardsigmoid": (F.hardsigmoid, {}), "hardswish": (F.hardswish, {}), "relu6": (lambda x: F.relu6(x * 4), {}), "mish": (F.mish, {}),
    "softsign": (F.softsign, {}),
}
NOT_DIFFERENTIABLE = {"bitwise_not", "logical_not", "isnan", "isinf", "isfinite"}
# Where PyTorch's numbers at the edge are a matter of its libraries: tested inside their intervals only.
UNSPECIAL = {"lgamma", "digamma", "erfinv", "bitwise_not", "gelu"}


def unary():
    out = Family("unary")
    functions = {op: (getattr(torch, op), {}, interval) for op, interval in UNARY.items()}
    functions |= {op: (f, attributes, (-3, 3)) for op, (f, attributes) in NN_UNARY.items()}
    for op, (f, attributes, interval) in functions.items():
        grad = op not in NOT_DIFFERENTIABLE
        if interval:
            low, high = interval
            # away from the kinks at whole numbers and at zero
            x = uniform(op, (3, 5), low + 0.1, high - 0.1)
            x = torch.where((x - x.round()).abs() < 0.05, x + 0.1, x)
            out.sample(op, "matrix", f, [x], grad, **attributes)
            out.sample(op, "0-d", f, [x[1, 2]], grad, **attributes)
            out.sample(op, "empty", f, [x[:, :0]], grad, **attributes)
            out.sweep(op, "dtypes", f, [x[:2]], FLOATS, grad, **attributes)
            out.large(op, "large", f, [(torch.float32, (7, 4799), low, high)], grad, **attributes)
        if op not in UNSPECIAL:
            out.sample(op, "special", f, [torch.tensor(SPECIAL)], False, **attributes)
            out.sample(op, "special", f, [torch.tensor(SPECIAL, dtype=F64)], False, **attributes)
        whole = integers(op, (2, 3), 1, 4) if op in ("log", "acosh", "lgamma", "digamma", "sqrt", "rsqrt", "reciprocal") else integers(op, (2, 3))
        out.sweep(op, "dtypes", f, [whole.to(F64)], (*INTS, torch.bool), False, **attributes)
    polygamma = lambda x, n: torch.polygamma(n, x)
    for n in (0, 1, 2, 3):
        out.sample("polygamma", f"order {n}", polygamma, [uniform(f"polygamma{n}", (3, 4), 0.3, 4)], n=n)
        out.sample("polygamma", f"order {n}, negative", polygamma, [uniform(f"polygamma-{n}", (2, 3), -1.8, -1.2)], n=n)
    out.sweep("polygamma", "dtypes", polygamma, [uniform("polygamma", (2, 5), 0.3, 4)], FLOATS, n=1)
    out.large("polygamma", "large", polygamma, [(torch.float32, (7, 799), 0.2, 4)], n=1)
    out.save()


BINARY = ["add", "sub", "mul", "div", "floor_divide", "trunc_divide", "remainder", "fmod", "pow", "atan2", "hypot", "copysign", "xlogy", "logaddexp",
          "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "logical_and",
          "logical_or", "logical_xor", "eq", "ne", "lt", "le", "gt", "ge"]
POSITIVE = {"pow", "xlogy"}
PREDICATES = {"logical_and", "logical_or", "logical_xor", "eq", "ne", "lt", "le", "gt", "ge", "floor_divide"}
WITH_SCALAR = ["add", "sub", "mul", "div", "floor_divide", "trunc_divide", "remainder", "fmod", "pow", "eq", "ne", "lt", "le", "gt", "ge"]


def binary():
    out = Family("binary")
    shapes = {"same": ((3, 4), (3, 4)), "row": ((3, 4), (4,)), "column": ((3, 4), (3, 1)), "outer": ((3, 1), (1, 4)), "left": ((4,), (2, 3, 4)),
              "0-d": ((2, 3), ()), "empty": ((0, 3), (1, 3))}
    for op in BINARY:
        f = {"trunc_divide": lambda a, b: torch.div(a, b, rounding_mode="trunc")}.get(op) or getattr(torch, op)
        grad = op not in PREDICATES
        if not op.startswith("bitwise"):
            for case, (sa, sb) in shapes.items():
                a, b = uniform(op + case, sa, 0.3, 2) if op in POSITIVE else uniform(op + case, sa), uniform(op + case + "b", sb, 0.3, 2)
                out.sample(op, case, f, [a, b], grad)
            a, b = uniform(op + "f", (2, 3), 0.3, 2), uniform(op + "g", (2, 3), 0.3, 2)
            out.sweep(op, "dtypes", f, [a, b], FLOATS, grad)
            low = 0.3 if op in POSITIVE else -2
            out.large(op, "large", f, [(torch.float32, (61, 503), low, 2), (torch.float32, (61, 503), 0.3, 2)], grad)
            out.large(op, "large-row", f, [(torch.float32, (61, 503), low, 2), (torch.float32, (503,), 0.3, 2)], grad)
            out.large(op, "large-column", f, [(torch.float64, (61, 503), low, 2), (torch.float64, (61, 1), 0.3, 2)], grad)
            special = torch.tensor([0.0, -0.0, 1.0, -1.0, 2.5, -3.0, 1e30, -1e-30, INF, -INF, NAN])
            out.sample(op, "special", f, [special[:, None], special], False)
        low, high = (1, 4) if "shift" in op else (1, 5)
        a, b = integers(op + "i", (2, 3), 0 if op == "pow" else -4, 5), integers(op + "j", (2, 3), low, high)
        out.sweep(op, "dtypes", f, [a.to(F64), b.to(F64)], (*INTS, torch.bool), False)
        for left, right in ((torch.int64, torch.float32), (torch.uint8, torch.int8), (torch.bool, torch.int32), (torch.float16, torch.bfloat16),
                            (torch.float32, torch.float64), (torch.int32, torch.int64)):
            try:
                promoted(out, op, f, a.abs().to(left), b.to(right))
            except (RuntimeError, NotImplementedError):
                pass
        if op in WITH_SCALAR:
            for x in (uniform(op + "s", (2, 3), 0.3, 2), a):
                for other in (2, 1.5):
                    out.sample(op + "_scalar", f"{type(other).__name__}", lambda x, other: f(x, other), [x], grad and x.is_floating_point(), other=other)
            for dtype in FLOATS:
                out.sample(op + "_scalar", "float", lambda x, other: f(x, other), [uniform(op + "t", (2, 3), 0.3, 2).to(dtype)],
                           grad and dtype == torch.float32, other=1.25)
    x, y = uniform("alpha", (3, 4)), uniform("alphab", (4,))
    for dtype in (F64, *FLOATS):
        out.sample("add_scaled", "alpha", lambda a, b, alpha: torch.add(a, b, alpha=alpha), [x.to(dtype), y.to(dtype)], dtype in (F64, torch.float32), alpha=0.75)
        out.sample("sub_scaled", "alpha", lambda a, b, alpha: torch.sub(a, b, alpha=alpha), [x.to(dtype), y.to(dtype)], dtype in (F64, torch.float32), alpha=0.75)
    out.sample("add_scaled", "whole", lambda a, b, alpha: torch.add(a, b, alpha=alpha), [integers("n", (3, 4)), integers("m", (4,))], False, alpha=3)
    for op, f in {"rsub": lambda x, other: other - x, "rdiv": lambda x, other: other / x}.items():
        for dtype in (F64, torch.float32, torch.int64):
            out.sample(op, "scalar", f, [(uniform(op, (2, 3), 1, 4)).to(dtype)], dtype != torch.int64, other=2.5)
    for base in (2.0, 0.5, 0.0):
        out.sample("rpow", f"base {base}", lambda x, base: base**x, [uniform("rpow", (2, 3), 0.5, 2)], base=base)
    for exponent in (2, 3, 0, 1, -1, 0.5, -0.5, 2.5, -2):
        out.sample("pow_scalar", f"exponent {exponent}", lambda x, other: x**other, [uniform("pow", (2, 3), 0.3, 2)], other=exponent)
    out.sample("pow_scalar", "negative base", lambda x, other: x**other, [uniform("pow-", (2, 3), -2, -0.3)], other=3)
    out.sample("pow_scalar", "zero base", lambda x, other: x**other, [torch.zeros(3, dtype=F64)], other=2)
    ternary(out)
    out.save()


def promoted(out, op, f, a, b):
    out.sample(op, f"promoted {str(a.dtype)[6:]} {str(b.dtype)[6:]}", f, [a, b], False)


def ternary(out):
    zeta, q = torch.special.zeta, uniform("q", (4,), 0.3, 3)
    out.sample("zeta", "broadcast", zeta, [uniform("zeta", (3, 1), 1.5, 5), q], wants=[1])
    out.sample("zeta", "negative", zeta, [torch.tensor([2.0, 3.0], dtype=F64), uniform("q-", (3, 1), -3.8, -3.2)], wants=[1])
    out.sweep("zeta", "dtypes", zeta, [uniform("zeta", (3, 1), 1.5, 5), q], FLOATS, False)
    edges = torch.tensor([0.0, -2.0, -0.5, 0.5, 1e-5, 30.0, 1e9, NAN], dtype=F64)
    out.sample("zeta", "special", zeta, [torch.tensor([0.5, 1.0, 1.5, 2.0, 10.0, NAN], dtype=F64)[:, None], edges], False)
    mask = uniform("mask", (3, 4)) > 0
    x, y = uniform("where", (3, 4)), uniform("whereb", (4,))
    out.sample("where", "broadcast", torch.where, [mask, x, y])
    out.sample("where", "column mask", torch.where, [mask[:, :1], x, y])
    out.sample("where", "0-d", torch.where, [mask, x, y[0]])
    out.sample("where", "empty", torch.where, [mask[:0], x[:0], y])
    out.sweep("where", "dtypes", torch.where, [mask, x * 3, y * 3], ALL)
    out.large("where", "large", lambda m, a, b: torch.where(m > 0, a, b), [(torch.float32, (61, 503), -1, 1)] * 3)
    clamp = lambda x, low, high: torch.clamp(x, low, high)
    out.sample("clamp", "both", clamp, [x], low=-0.5, high=1.0)
    out.sample("clamp", "low", clamp, [x], low=-0.5, high=INF)
    out.sweep("clamp", "dtypes", clamp, [x.abs() * 3], ALL, low=1, high=3)
    out.sample("clamp", "special", clamp, [torch.tensor(SPECIAL)], False, low=-1.0, high=1.0)
    out.large("clamp", "large", clamp, [(torch.float32, (7, 4799), -2, 2)], low=-0.5, high=1.0)
    fill = lambda x, m, value: x.masked_fill(m, value)
    out.sample("masked_fill", "broadcast", fill, [x, mask[:, :1]], value=-1.5)
    out.sweep("masked_fill", "dtypes", fill, [x * 3, mask], ALL, value=1)
    out.sample("clamp", "crossed", clamp, [x], low=0.5, high=-0.5)
    bounds = [uniform("low", (3, 1), -1, 0), uniform("high", (4,), 0, 1)]
    out.sample("clamp_tensors", "broadcast", torch.clamp, [x, *bounds])
    out.sample("clamp_tensors", "crossed", torch.clamp, [x, bounds[1], bounds[0]])
    for op, f, other in (("clamp_min", torch.clamp_min, bounds[0]), ("clamp_max", torch.clamp_max, bounds[1])):
        out.sample(op, "number", lambda x, bound: f(x, bound), [x], bound=0.25)
        out.sweep(op, "dtypes", lambda x, bound: f(x, bound), [x.abs() * 3], ALL, bound=2)
        out.sample(op + "_tensor", "broadcast", f, [x, other])
    holes = torch.tensor([1.0, NAN, INF, -INF, -2.5], dtype=F64)
    out.sample("nan_to_num", "numbers", lambda x, nan, positive, negative: torch.nan_to_num(x, nan, positive, negative), [holes], nan=0.5, positive=3.0, negative=-4.0)
    for dtype in (F64, *FLOATS):
        out.sample("nan_to_num", "default", torch.nan_to_num, [holes.to(dtype)], False)
    out.sample("masked_fill", "column", fill, [x, mask[:, :1].clone()], value=2.5)
    out.sample("where_number", "right", lambda x, m, other: torch.where(m, x, other), [x, mask], other=1.5)
    out.sample("where_number_left", "left", lambda m, x, other: torch.where(m, other, x), [mask, x], other=1.5)
    out.sample("lerp_number", "0.3", lambda a, b, weight: torch.lerp(a, b, weight), [x, uniform("lerp", (3, 4))], weight=0.3)
    out.sample("lerp_number", "0.7", lambda a, b, weight: torch.lerp(a, b, weight), [x, uniform("lerp", (4,))], weight=0.7)
    for dtype in FLOATS:
        out.sample("lerp_number", "dtypes", lambda a, b, weight: torch.lerp(a, b, weight), [x.to(dtype), y.to(dtype)], dtype == torch.float32, weight=0.3)
        for op in ("addcmul", "addcdiv"):
            out.sample(op, "dtypes", lambda a, b, c, value: getattr(torch, op)(a, b, c, value=value), [x.to(dtype), y.to(dtype), uniform("c", (3, 1), 0.5, 2).to(dtype)],
                       dtype == torch.float32, value=0.5)
    out.sample("lerp", "tensor", torch.lerp, [x, uniform("lerp", (3, 4)), uniform("weight", (3, 4), 0, 1)])
    out.sample("addcmul", "value", lambda a, b, c, value: torch.addcmul(a, b, c, value=value), [x, y, uniform("c", (3, 1))], value=0.5)
    out.sample("addcdiv", "value", lambda a, b, c, value: torch.addcdiv(a, b, c, value=value), [x, y, uniform("c", (3, 1), 0.5, 2)], value=0.5)
    close = lambda a, b, rtol, atol, equalNan: torch.isclose(a, b, rtol, atol, equalNan)
    out.sample("isclose", "tensor", close, [x, x + torch.tensor([0, 1e-9, 1e-3, 1])], False, rtol=1e-5, atol=1e-8, equalNan=False)
    out.sample("isclose", "nan", close, [holes, holes.flip(0)], False, rtol=1e-5, atol=1e-8, equalNan=True)
    out.sample("isclose", "same nan", close, [holes, holes], False, rtol=1e-5, atol=1e-8, equalNan=True)
    out.sample("max_tensor", "plain", torch.max, [x, y])
    out.sample("min_tensor", "plain", torch.min, [x, y])


if __name__ == "__main__":
    unary()
    binary()
