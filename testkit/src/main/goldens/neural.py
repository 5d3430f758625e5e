"""Samples of the operations of neural networks. Run: python neural.py, with PyTorch 2.13."""

import torch
import torch.nn.functional as F

from golden import F64, FLOATS, Family, distinct, integers, uniform

INF = float("inf")


def convolution():
    out = Family("convolution")
    conv = lambda x, w, *b, stride, padding, dilation, groups: F.conv2d(x, w, b[0] if b else None, stride, padding, dilation, groups)
    plain = dict(stride=[1, 1], padding=[0, 0], dilation=[1, 1], groups=1)
    cases = {
        "plain": ((2, 3, 5, 6), (4, 3, 3, 3), True, {}), "without bias": ((2, 3, 5, 6), (4, 3, 3, 3), False, {}),
        "stride 2": ((1, 2, 7, 8), (3, 2, 3, 3), True, dict(stride=[2, 2], padding=[1, 1])),
        "uneven": ((1, 2, 7, 8), (3, 2, 3, 2), True, dict(stride=[2, 1], padding=[0, 1], dilation=[1, 2])),
        "dilation 2": ((1, 2, 7, 7), (2, 2, 3, 3), False, dict(padding=[2, 2], dilation=[2, 2])),
        "groups 2": ((2, 4, 5, 5), (6, 2, 3, 3), True, dict(padding=[1, 1], groups=2)),
        "depthwise": ((1, 4, 5, 5), (4, 1, 3, 3), True, dict(padding=[1, 1], groups=4)),
        "1x1": ((2, 3, 4, 4), (5, 3, 1, 1), True, {}), "1x1 stride 2": ((2, 3, 4, 4), (5, 3, 1, 1), False, dict(stride=[2, 2])),
        "whole window": ((2, 3, 4, 4), (5, 3, 4, 4), True, {}), "left over": ((1, 1, 6, 6), (1, 1, 3, 3), False, dict(stride=[2, 2])),
        "empty batch": ((0, 3, 5, 6), (4, 3, 3, 3), True, {}),
    }
    for case, (x, w, bias, options) in cases.items():
        inputs = [uniform("x" + case, x), uniform("w" + case, w)] + ([uniform("b" + case, w[:1])] if bias else [])
        out.sample("conv2d", case, conv, inputs, **plain | options)
    case = "plain"
    out.sweep("conv2d", "dtypes", conv, [uniform("x" + case, (2, 3, 5, 6)), uniform("w" + case, (4, 3, 3, 3)), uniform("b" + case, (4,))], FLOATS, **plain)
    out.sample("conv2d", "one image", conv, [uniform("one", (3, 5, 6)), uniform("w" + case, (4, 3, 3, 3))], **plain)
    for case, x, w, options in (("large", (2, 16, 28, 28), (32, 16, 3, 3), dict(padding=[1, 1])), ("large stem", (2, 3, 64, 64), (16, 3, 7, 7), dict(stride=[2, 2], padding=[3, 3])),
                                ("large 1x1", (2, 32, 28, 28), (16, 32, 1, 1), {}), ("large patch", (2, 3, 64, 64), (24, 3, 16, 16), dict(stride=[16, 16])),
                                ("large depthwise", (2, 32, 28, 28), (32, 1, 3, 3), dict(padding=[1, 1], groups=32))):
        for dtype in (torch.float32, F64):
            out.large("conv2d", case, conv, [(dtype, x, -1, 1), (dtype, w, -1, 1), (dtype, w[:1], -1, 1)], **plain | options)
    fused = lambda x, w, b, *residual, relu, stride, padding: \
        (torch.relu if relu else lambda y: y)(F.conv2d(x, w, b, stride, padding) + (residual[0] if residual else 0))
    operands = [uniform("fx", (2, 3, 5, 6)), uniform("fw", (4, 3, 3, 3)), uniform("fb", (4,)), uniform("fr", (2, 4, 5, 6))]
    same = dict(stride=[1, 1], padding=[1, 1])
    out.sample("conv2d_add_relu", "residual", fused, operands, relu=True, **same)
    out.sample("conv2d_add_relu", "sum", fused, operands, relu=False, **same)
    out.sample("conv2d_add_relu", "without residual", fused, operands[:3], relu=True, stride=[2, 1], padding=[0, 1])
    out.sample("conv2d_add_relu", "broadcast residual", fused, [*operands[:3], operands[3][:1, :, :, :1]], relu=True, **same)
    out.sweep("conv2d_add_relu", "dtypes", fused, operands, FLOATS, relu=True, **same)
    out.large("conv2d_add_relu", "large", fused, [(torch.float32, s, -1, 1) for s in ((2, 16, 28, 28), (32, 16, 3, 3), (32,), (2, 32, 28, 28))], relu=True, **same)
    scaled = lambda x, w, scale, b, *residual, **rest: \
        fused(x, w * scale.view(-1, 1, 1, 1), b, *residual, **rest)
    with_scale = [*operands[:2], uniform("fs", (4,)), *operands[2:]]
    out.sample("conv2d_scale_add_relu", "residual", scaled, with_scale, relu=True, **same)
    out.sample("conv2d_scale_add_relu", "sum", scaled, with_scale, relu=False, **same)
    out.sample("conv2d_scale_add_relu", "without residual", scaled, with_scale[:4], relu=True, stride=[2, 1], padding=[0, 1])
    out.sweep("conv2d_scale_add_relu", "dtypes", scaled, with_scale, FLOATS, relu=True, **same)
    for case, c, size in (("large", 16, 28), ("few places", 256, 2)):
        shapes = (2, c, size, size), (2 * c, c, 3, 3), (2 * c,), (2 * c,), (2, 2 * c, size, size)
        out.large("conv2d_scale_add_relu", case, scaled, [(torch.float32, s, -1, 1) for s in shapes], relu=True, **same)
    transposed = lambda x, w, b, stride, padding, outputPadding, dilation, groups: \
        F.conv_transpose2d(x, w, b, stride, padding, outputPadding, groups, dilation)
    out.sample("conv_transpose2d", "output padding beyond the stride", transposed,
               [uniform("tx", (2, 3, 4, 4)), uniform("tw", (3, 2, 3, 3)), uniform("tb", (2,))], stride=[1, 1], padding=[1, 1], outputPadding=[1, 0], groups=1, dilation=[2, 1])
    out.sample("conv_transpose2d", "stride 2", transposed, [uniform("tx", (2, 3, 4, 4)), uniform("tw", (3, 2, 3, 3)), uniform("tb", (2,))],
               stride=[2, 2], padding=[1, 1], outputPadding=[1, 1], dilation=[1, 1], groups=1)
    conv1d = lambda x, w, b, stride, padding, dilation, groups: F.conv1d(x, w, b, stride, padding, dilation, groups)
    out.sample("conv1d", "plain", conv1d, [uniform("1x", (2, 3, 7)), uniform("1w", (4, 3, 3)), uniform("1b", (4,))], stride=2, padding=1, dilation=1, groups=1)
    x = distinct("pool", (2, 3, 6, 7))
    maximum = lambda x, kernel, stride, padding, dilation, ceil: F.max_pool2d(x, kernel, stride, padding, dilation, ceil)
    average = lambda x, kernel, stride, padding, ceil, countPadding: F.avg_pool2d(x, kernel, stride, padding, ceil, countPadding)
    for case, kernel, stride, padding, dilation, ceil in (
            ("2", [2, 2], [2, 2], [0, 0], [1, 1], False), ("3 stride 2", [3, 3], [2, 2], [1, 1], [1, 1], False), ("overlap", [3, 2], [1, 1], [0, 1], [1, 1], False),
            ("dilation", [2, 2], [1, 1], [0, 0], [2, 2], False), ("ceil", [3, 3], [2, 2], [0, 0], [1, 1], True), ("ceil padded", [2, 2], [2, 2], [1, 1], [1, 1], True)):
        out.sample("max_pool2d", case, maximum, [x], kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil=ceil)
        if dilation == [1, 1]:
            for count in (True, False):
                out.sample("avg_pool2d", f"{case} {'with' if count else 'without'} padding", average, [x], kernel=kernel, stride=stride, padding=padding, ceil=ceil,
                           countPadding=count)
    pool = dict(kernel=[3, 3], stride=[2, 2], padding=[1, 1], dilation=[1, 1], ceil=False)
    out.sample("max_pool2d", "nan", maximum, [torch.where(x[:1, :1] > 2.0, float("nan"), x[:1, :1])], False, **pool)
    out.sample("max_pool2d", "one image", maximum, [x[0]], **pool)
    out.sweep("max_pool2d", "dtypes", maximum, [x[:1]], FLOATS, **pool)
    out.large("max_pool2d", "large", maximum, [(torch.float32, (4, 16, 33, 35), -1, 1)], **pool)
    pool = dict(kernel=[3, 3], stride=[2, 2], padding=[1, 1], ceil=False, countPadding=True)
    out.sweep("avg_pool2d", "dtypes", average, [x[:1]], FLOATS, **pool)
    out.large("avg_pool2d", "large", average, [(torch.float32, (4, 16, 33, 35), -1, 1)], **pool)
    adaptive = lambda x, sizes: F.adaptive_avg_pool2d(x, sizes)
    for sizes in ([1, 1], [2, 3], [4, 5], [6, 7], [8, 9]):
        out.sample("adaptive_avg_pool2d", "x".join(map(str, sizes)), adaptive, [x], sizes=sizes)
    out.sweep("adaptive_avg_pool2d", "dtypes", adaptive, [x[:1]], FLOATS, sizes=[2, 2])
    out.large("adaptive_avg_pool2d", "large", adaptive, [(torch.float32, (4, 16, 33, 35), -1, 1)], sizes=[1, 1])
    largest = lambda x, sizes: F.adaptive_max_pool2d(x, sizes, return_indices=True)
    for sizes in ([1, 1], [2, 3], [3, 7], [4, 5], [8, 9]):
        out.sample("adaptive_max_pool2d", "x".join(map(str, sizes)), largest, [x], sizes=sizes)
    out.sample("adaptive_max_pool2d", "one image", largest, [x[0]], sizes=[4, 2])
    out.sample("adaptive_max_pool2d", "no windows", largest, [x], False, sizes=[0, 2])
    out.sweep("adaptive_max_pool2d", "dtypes", largest, [x[:1]], FLOATS, sizes=[2, 2])
    out.large("adaptive_max_pool2d", "large", largest, [(torch.float32, (4, 16, 33, 35), -1, 1)], sizes=[7, 7])
    line = distinct("line", (2, 3, 7))
    out.sample("max_pool1d", "3 stride 2", lambda x, kernel, stride, padding: F.max_pool1d(x, kernel, stride, padding), [line], kernel=3, stride=2, padding=1)
    out.sample("avg_pool1d", "3 stride 2", lambda x, kernel, stride, padding: F.avg_pool1d(x, kernel, stride, padding), [line], kernel=3, stride=2, padding=1)
    out.sample("adaptive_avg_pool1d", "3", lambda x, size: F.adaptive_avg_pool1d(x, size), [line], size=3)
    out.sample("max_pool2d_with_indices", "plain", lambda x, kernel: F.max_pool2d(x, kernel, return_indices=True), [x], kernel=2)
    pad = lambda x, padding, mode, value: F.pad(x, padding, mode, value) if mode == "constant" else F.pad(x, padding, mode)
    for padding in ([1, 2], [1, 0, 0, 2], [-1, 1]):
        out.sample("pad", f"{padding}", pad, [x[:1]], padding=padding, mode="constant", value=1.5)
    for mode in ("reflect", "replicate", "circular"):
        out.sample("pad", mode + " 1d", pad, [line], padding=[2, 1], mode=mode, value=0.0)
        out.sample("pad", mode + " 3d", pad, [uniform("solid", (1, 2, 3, 4, 3))], padding=[1, 1, 0, 2, 1, 1], mode=mode, value=0.0)
        out.sample("pad", mode, pad, [x[:1]], padding=[1, 2, 2, 1], mode=mode, value=0.0)
    # PyTorch has a name for each number of dimensions
    for mode, names in (("nearest", ("nearest",) * 3), ("linear", ("linear", "bilinear", "trilinear")), ("cubic", ("", "bicubic", ""))):
        resize = lambda x, sizes, mode, alignCorners: F.interpolate(x, sizes, mode=names[x.dim() - 3], align_corners=alignCorners if mode != "nearest" else None)
        scale = lambda x, mode, scale: F.interpolate(x, scale_factor=scale, mode=names[x.dim() - 3])
        for image, up, down in ((line, [11], [3]), (x[:1, :2], [9, 5], [3, 14]), (uniform("solid", (1, 1, 3, 4, 3)), [5, 2, 4], [2, 4, 6])):
            for sizes in (up, down) if names[image.dim() - 3] else ():
                out.sample("interpolate", f"{mode} {sizes}", resize, [image], sizes=sizes, mode=mode, alignCorners=False)
                if mode != "nearest":
                    out.sample("interpolate", f"{'' if mode == 'linear' else mode + ' '}aligned {sizes}", resize, [image], sizes=sizes, mode=mode, alignCorners=True)
        for factor in (2.0, 0.7):
            out.sample("interpolate_scale", f"{mode} {factor}", scale, [x[:1, :2]], mode=mode, scale=factor)
        out.sweep("interpolate", mode + " dtypes", resize, [x[:1, :2]], FLOATS, sizes=[9, 5], mode=mode, alignCorners=False)
    out.save()


def normalization():
    out = Family("normalization")
    x = uniform("softmax", (3, 4, 5), -4, 4)
    for op, f in {"softmax": lambda x, dim: F.softmax(x, dim), "log_softmax": lambda x, dim: F.log_softmax(x, dim)}.items():
        for dim in (-1, 0, 1):
            out.sample(op, f"dim {dim}", f, [x], dim=dim)
        out.sample(op, "0-d", f, [x[0, 0, 0]], dim=0)
        out.sample(op, "one", f, [x[:, :1]], dim=1)
        out.sample(op, "empty", f, [x[:, :0]], dim=2)
        out.sample(op, "overflow", f, [x * 1000], dim=2)
        out.sample(op, "-inf", f, [torch.where(x > 2, -INF, x)], False, dim=2)
        out.sweep(op, "dtypes", f, [x], FLOATS, dim=2)
        out.large(op, "large", f, [(torch.float32, (96, 197), -4, 4)], dim=1)
        out.large(op, "large columns", f, [(torch.float32, (197, 96), -4, 4)], dim=0)
    norm = lambda x, *wb, sizes, eps: F.layer_norm(x, sizes, *wb, eps=eps)
    w, b = uniform("w", (5,), 0.5, 1.5), uniform("b", (5,))
    out.sample("layer_norm", "affine", norm, [x, w, b], sizes=[5], eps=1e-5)
    out.sample("layer_norm", "plain", norm, [x], sizes=[5], eps=1e-5)
    out.sample("layer_norm", "weight", norm, [x, w], sizes=[5], eps=1e-2)
    out.sample("layer_norm", "two dims", norm, [x, uniform("w2", (4, 5)), uniform("b2", (4, 5))], sizes=[4, 5], eps=1e-5)
    out.sample("layer_norm", "constant row", norm, [torch.ones(2, 5, dtype=F64), w, b], sizes=[5], eps=1e-5)
    out.sample("layer_norm", "empty", norm, [x[:0], w, b], sizes=[5], eps=1e-5)
    out.sweep("layer_norm", "dtypes", norm, [x, w, b], FLOATS, sizes=[5], eps=1e-5)
    out.large("layer_norm", "large", norm, [(torch.float32, (61, 768), -2, 3), (torch.float32, (768,), 0.5, 1.5), (torch.float32, (768,), -1, 1)], sizes=[768], eps=1e-6)
    def add_norm(x, residual, *wb, sizes, eps):
        return x + residual, F.layer_norm(x + residual, sizes, *wb, eps=eps)

    r = uniform("r", tuple(x.shape))
    out.sample("add_layer_norm", "affine", add_norm, [x, r, w, b], sizes=[5], eps=1e-5)
    out.sample("add_layer_norm", "plain", add_norm, [x, r], sizes=[5], eps=1e-5)
    out.sample("add_layer_norm", "two dims", add_norm, [x, r, uniform("w2", (4, 5)), uniform("b2", (4, 5))], sizes=[4, 5], eps=1e-5)
    out.sample("add_layer_norm", "empty", add_norm, [x[:0], r[:0], w, b], sizes=[5], eps=1e-5)
    out.sweep("add_layer_norm", "dtypes", add_norm, [x, r, w, b], FLOATS, sizes=[5], eps=1e-5)
    out.large("add_layer_norm", "large", add_norm, [(torch.float32, (61, 768), -2, 3), (torch.float32, (61, 768), -1, 1), (torch.float32, (768,), 0.5, 1.5), (torch.float32, (768,), -1, 1)], sizes=[768], eps=1e-6)
    rms = lambda x, *w, sizes, eps: F.rms_norm(x, sizes, *w, eps=eps or None)
    out.sample("rms_norm", "affine", rms, [x, w], sizes=[5], eps=0.0)
    out.sample("rms_norm", "plain", rms, [x], sizes=[5], eps=1e-3)
    out.sample("rms_norm", "two dims", rms, [x, uniform("w2", (4, 5))], sizes=[4, 5], eps=1e-5)
    out.sweep("rms_norm", "dtypes", rms, [x, w], FLOATS, sizes=[5], eps=0.0)
    out.large("rms_norm", "large", rms, [(torch.float32, (61, 771), -2, 3), (torch.float32, (771,), 0.5, 1.5)], sizes=[771], eps=1e-6)
    group = lambda x, *wb, groups, eps: F.group_norm(x, groups, *wb, eps=eps)
    gw, gb = uniform("gw", (4,), 0.5, 1.5), uniform("gb", (4,))
    out.sample("group_norm", "2 groups", group, [x, gw, gb], groups=2, eps=1e-5)
    out.sample("group_norm", "plain", group, [x], groups=4, eps=1e-2)
    out.sample("group_norm", "no images", group, [x[:0], gw, gb], groups=2, eps=1e-5)
    out.sweep("group_norm", "dtypes", group, [x, gw, gb], FLOATS, groups=2, eps=1e-5)
    out.sweep("group_norm", "dtypes without places", group, [x[:, :, 0], gw, gb], FLOATS, groups=1, eps=1e-5)
    out.large("group_norm", "large", group, [(torch.float32, (5, 12, 9, 7), -2, 3), (torch.float32, (12,), 0.5, 1.5), (torch.float32, (12,), -1, 1)], groups=3, eps=1e-5)

    def batch_norm(x, *rest, training, momentum, eps, affine=True):
        """Results are the output and, where they change, the running statistics."""
        mean, var, *wb = rest
        mean, var = mean.clone(), var.clone()
        y = F.batch_norm(x, mean, var, *wb, training=training, momentum=momentum, eps=eps)
        return y, mean, var

    image = uniform("bn", (3, 4, 2, 3))
    stats = [uniform("mean", (4,)), uniform("var", (4,), 0.5, 2)]
    affine = [uniform("bw", (4,), 0.5, 1.5), uniform("bb", (4,))]
    for training in (True, False):
        mode = "training" if training else "evaluation"
        options = dict(training=training, momentum=0.1, eps=1e-5)
        out.sample("batch_norm", mode, batch_norm, [image, *stats, *affine], wants=[0, 3, 4], **options)
        out.sample("batch_norm", mode + " plain", batch_norm, [image, *stats], wants=[0], **options)
        out.sample("batch_norm", mode + " rows", batch_norm, [image[:, :, 0, 0], *stats, *affine], wants=[0, 3, 4], **options)
        for dtype in FLOATS:
            try:
                out.sample("batch_norm", mode + " dtypes", batch_norm, [t.to(dtype) for t in [image, *stats, *affine]], grad=dtype == torch.float32,
                           wants=[0, 3, 4], **options)
            except RuntimeError:
                pass
    out.sample("batch_norm", "momentum", batch_norm, [image, *stats, *affine], wants=[0, 3, 4], training=True, momentum=0.3, eps=1e-3)
    # what is differentiated of the large ones includes the statistics' operands in no case: they are buffers
    def large_norm(x, w, b, training, momentum, eps):
        y = F.batch_norm(x, torch.zeros(16, dtype=x.dtype), torch.ones(16, dtype=x.dtype), w, b, training, momentum, eps)
        return y
    for training in (True, False):
        out.large("batch_norm_fresh", "large " + ("training" if training else "evaluation"), large_norm,
                  [(torch.float32, (8, 16, 19, 17), -1, 2), (torch.float32, (16,), 0.5, 1.5), (torch.float32, (16,), -1, 1)],
                  training=training, momentum=0.1, eps=1e-5)
    out.sample("batch_norm_stateless", "training", lambda x, training, momentum, eps: F.batch_norm(x, None, None, training=training, momentum=momentum, eps=eps), [image],
               training=True, momentum=0.1, eps=1e-5)
    def norm_add_relu(x, *rest, training, affine):
        """As [batch_norm], with a residual last, where there is one."""
        count = 4 if affine else 2
        y, mean, var = batch_norm(x, *rest[:count], training=training, momentum=0.1, eps=1e-5)
        return torch.relu(y.add_(rest[count]) if len(rest) > count else y), mean, var

    residual = uniform("bn residual", tuple(image.shape))
    for training in (True, False):
        mode = "training" if training else "evaluation"
        for case, scaled, rest in (("", True, [*affine, residual]), (" without residual", True, affine), (" plain", False, [residual]), (" norm alone", False, [])):
            out.sample("batch_norm_add_relu", mode + case, norm_add_relu, [image, *stats, *rest], wants=[0, *range(3, 3 + len(rest))], training=training, affine=scaled)
        for dtype in FLOATS:
            try:
                out.sample("batch_norm_add_relu", mode + " dtypes", norm_add_relu, [t.to(dtype) for t in [image, *stats, *affine, residual]], grad=dtype == torch.float32,
                           wants=[0, 3, 4, 5], training=training, affine=True)
            except RuntimeError:
                pass
    out.sample("batch_norm_add_relu", "broadcast residual", norm_add_relu, [image, *stats, *affine, residual[:1, :, :, :1]], wants=[0, 3, 4, 5], training=True, affine=True)
    large_add_relu = lambda x, w, b, *residual, **options: torch.relu(large_norm(x, w, b, momentum=0.1, eps=1e-5, **options) + (residual[0] if residual else 0))
    for training in (True, False):
        for case, more in (("", 1), (" without residual", 0)):
            shapes = [(torch.float32, (8, 16, 19, 17), -1, 2), (torch.float32, (16,), 0.5, 1.5), (torch.float32, (16,), -1, 1), (torch.float32, (8, 16, 19, 17), -2, 2)]
            out.large("batch_norm_add_relu_fresh", "large " + ("training" if training else "evaluation") + case, large_add_relu, shapes[:3 + more], training=training)
    instance = lambda x, w, b, eps: F.instance_norm(x, None, None, w, b, True, 0.1, eps)
    out.sample("instance_norm", "affine", instance, [image, *affine], eps=1e-5)
    for op, f in {"softmax_dtype": F.softmax, "log_softmax_dtype": F.log_softmax}.items():
        out.sample(op, "float64", lambda x, dim: f(x, dim, dtype=F64), [x.float()], dim=1)
    out.sample("normalize", "rows", lambda x, p, dim, eps: F.normalize(x, p, dim, eps), [x], p=2.0, dim=1, eps=1e-12)
    out.sample("cosine_similarity", "broadcast", lambda a, b, dim, eps: F.cosine_similarity(a, b, dim, eps), [x, x[0, :1]], dim=-1, eps=1e-8)
    out.sample("cosine_similarity", "rows", lambda a, b, dim, eps: F.cosine_similarity(a, b, dim, eps), [x, x.flip(0) + 0.3], dim=1, eps=1e-8)
    out.save()


def layers():
    out = Family("layers")
    linear = lambda x, w, *b: F.linear(x, w, *b)
    w, b = uniform("lw", (4, 5)), uniform("lb", (4,))
    for case, shape in {"rows": (3, 5), "vector": (5,), "batch": (2, 3, 5), "empty": (0, 5)}.items():
        out.sample("linear", case, linear, [uniform("l" + case, shape), w, b])
    out.sample("linear", "without bias", linear, [uniform("lx", (3, 5)), w])
    out.sweep("linear", "dtypes", linear, [uniform("lx", (3, 5)), w, b], FLOATS)
    activated = lambda x, w, *b: F.gelu(F.linear(x, w, *b))
    out.sample("linear_gelu", "rows", activated, [uniform("lgx", (2, 3, 5)), w, b])
    out.sweep("linear_gelu", "dtypes", activated, [uniform("lx", (3, 5)), w, b], FLOATS)
    out.large("linear_gelu", "large", activated, [(torch.float32, s, -1, 1) for s in ((61, 205), (97, 205), (97,))])
    for dtype in (torch.float32, torch.bfloat16):
        out.large("linear", "large", linear, [(dtype, (61, 205), -1, 1), (dtype, (97, 205), -1, 1), (dtype, (97,), -1, 1)], dtype == torch.float32)
    q, k, v = uniform("q", (2, 2, 3, 4)), uniform("k", (2, 2, 5, 4)), uniform("v", (2, 2, 5, 4))
    attention = lambda q, k, v, causal, scale: F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        out.sample("attention", "plain", attention, [q, k, v], causal=False, scale=0.5)
        out.sample("attention", "scale", attention, [q, k, v], causal=False, scale=0.3)
        out.sample("attention", "causal", attention, [q[:, :, :3], k[:, :, :3], v[:, :, :3]], causal=True, scale=0.5)
        out.sweep("attention", "dtypes", attention, [q, k, v], FLOATS, causal=False, scale=0.5)
        out.large("attention", "large", attention, [(torch.float32, (2, 3, 197, 64), -1, 1)] * 3, causal=False, scale=0.125)
        masked = lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, mask)
        out.sample("attention_mask", "bool", masked, [q, k, v, uniform("am", (3, 5)) > -1])
        out.sample("attention_mask", "added", masked, [q, k, v, uniform("am", (2, 1, 3, 5))])
    table = uniform("table", (7, 3))
    embedding = lambda i, t: F.embedding(i, t)
    out.sample("embedding", "matrix", embedding, [integers("ids", (2, 4), 0, 7), table], wants=[1])
    out.sample("embedding", "0-d", embedding, [torch.tensor(3), table], wants=[1])
    out.sample("embedding_padding", "matrix", lambda i, t, paddingIdx: F.embedding(i, t, paddingIdx), [torch.tensor([[1, 2], [2, 5]]), table], wants=[1], paddingIdx=2)
    out.sample("feature_dropout", "nothing", lambda x, p, training: F.dropout2d(x, p, training), [uniform("drop2", (2, 3, 2, 2))], p=0.0, training=True)
    out.sample("feature_dropout", "everything", lambda x, p, training: F.dropout2d(x, p, training), [uniform("drop2", (2, 3, 2, 2))], p=1.0, training=True)
    out.sample("dropout", "nothing", lambda x, p, training: F.dropout(x, p, training), [uniform("drop", (3, 4))], p=0.0, training=True)
    out.sample("dropout", "everything", lambda x, p, training: F.dropout(x, p, training), [uniform("drop", (3, 4))], p=1.0, training=True)
    out.sample("dropout", "evaluation", lambda x, p, training: F.dropout(x, p, training), [uniform("drop", (3, 4))], p=0.5, training=False)
    out.sample("glu", "dim -1", lambda x, dim: F.glu(x, dim), [uniform("glu", (3, 4))], dim=-1)
    signs = uniform("signs", (2, 3, 4), -2, 2)
    # in the gradient PyTorch rounds alpha to float32, so one that float32 has
    out.sample("celu", "alpha", lambda x, alpha: F.celu(x, alpha), [signs], alpha=0.75)
    out.sample("selu", "both signs", lambda x: F.selu(x), [signs])
    out.sample("prelu", "channels", lambda x, w: F.prelu(x, w), [signs, uniform("prelu", (3,), 0.1, 0.5)])
    out.sample("prelu", "one weight", lambda x, w: F.prelu(x, w), [signs, uniform("prelu", (1,), 0.1, 0.5)])
    out.sample("threshold", "0.3", lambda x, threshold, value: F.threshold(x, threshold, value), [signs], threshold=0.3, value=-2.5)
    out.sample("pixel_shuffle", "images", lambda x, factor: F.pixel_shuffle(x, factor), [uniform("shuffled", (2, 8, 3, 2))], factor=2)
    out.sample("pixel_shuffle", "one image", lambda x, factor: F.pixel_shuffle(x, factor), [uniform("shuffled", (9, 2, 1))], factor=3)
    out.save()


def losses():
    out = Family("losses")
    logits, target = uniform("logits", (5, 4), -3, 3), torch.tensor([1, 0, 3, 3, 2])
    weight = uniform("weight", (4,), 0.5, 2)
    xent = lambda x, t, *w, reduction, ignoreIndex, labelSmoothing: \
        F.cross_entropy(x, t, w[0] if w else None, ignore_index=ignoreIndex, reduction=reduction, label_smoothing=labelSmoothing)
    plain = dict(reduction="mean", ignoreIndex=-100, labelSmoothing=0.0)
    ignored = torch.tensor([1, 2, 3, 2, 2])
    for reduction in ("mean", "sum", "none"):
        for smoothing in (0.0, 0.1):
            options = plain | dict(reduction=reduction, labelSmoothing=smoothing)
            out.sample("cross_entropy", f"{reduction} {smoothing}", xent, [logits, target], **options)
            out.sample("cross_entropy", f"weighted {reduction} {smoothing}", xent, [logits, target, weight], wants=[0], **options)
            out.sample("cross_entropy", f"ignored {reduction} {smoothing}", xent, [logits, ignored], **options | dict(ignoreIndex=2))
            out.sample("cross_entropy", f"weighted ignored {reduction} {smoothing}", xent, [logits, ignored, weight], wants=[0], **options | dict(ignoreIndex=2))
            out.sample("cross_entropy", f"probabilities {reduction} {smoothing}", xent, [logits, torch.softmax(uniform("p", (5, 4)), 1)], **options)
    out.sample("cross_entropy", "all ignored", xent, [logits, torch.full((5,), 2)], **plain | dict(ignoreIndex=2))
    out.sample("cross_entropy", "one sample", xent, [logits[0], target[0]], **plain)
    out.sample("cross_entropy", "pixels", xent, [uniform("pixels", (2, 4, 3, 2)), integers("classes", (2, 3, 2), 0, 4)], **plain)
    out.sample("cross_entropy", "overflow", xent, [logits * 1000, target], **plain)
    out.sample("cross_entropy", "empty", xent, [logits[:0], target[:0]], **plain | dict(reduction="sum"))
    out.sweep("cross_entropy", "dtypes", xent, [logits, target], FLOATS, **plain)
    out.large("cross_entropy", "large", xent, [(torch.float32, (64, 1000), -4, 4), (torch.int64, (64,), 0, 1000)], **plain)
    logp = torch.log_softmax(logits, 1)
    nll = lambda x, t, *w, reduction, ignoreIndex: F.nll_loss(x, t, w[0] if w else None, ignore_index=ignoreIndex, reduction=reduction)
    for reduction in ("mean", "sum", "none"):
        out.sample("nll_loss", reduction, nll, [logp, target], reduction=reduction, ignoreIndex=-100)
        out.sample("nll_loss", f"weighted ignored {reduction}", nll, [logp, ignored, weight], wants=[0], reduction=reduction, ignoreIndex=2)
        a, b, p = uniform("la", (3, 4)), uniform("lb", (3, 4)), uniform("lp", (3, 4), 0.05, 0.95)
        t = uniform("lt", (3, 4), 0, 1)
        out.sample("mse_loss", reduction, lambda x, y, reduction: F.mse_loss(x, y, reduction=reduction), [a, b], reduction=reduction)
        out.sample("l1_loss", reduction, lambda x, y, reduction: F.l1_loss(x, y, reduction=reduction), [a, b], reduction=reduction)
        out.sample("smooth_l1_loss", reduction, lambda x, y, reduction, beta: F.smooth_l1_loss(x, y, reduction=reduction, beta=beta), [a, b], reduction=reduction,
                   beta=0.8)
        out.sample("huber_loss", reduction, lambda x, y, reduction, delta: F.huber_loss(x, y, reduction=reduction, delta=delta), [a, b], reduction=reduction, delta=0.8)
        out.sample("smooth_l1_loss", f"{reduction} bent at 1", lambda x, y, reduction, beta: F.smooth_l1_loss(x, y, reduction=reduction, beta=beta), [a * 2, b], reduction=reduction,
                   beta=1.0)
        out.sample("huber_loss", f"{reduction} bent at 1", lambda x, y, reduction, delta: F.huber_loss(x, y, reduction=reduction, delta=delta), [a * 2, b], reduction=reduction, delta=1.0)
        out.sample("binary_cross_entropy", reduction, lambda x, y, reduction: F.binary_cross_entropy(x, y, reduction=reduction), [p, t], wants=[0],
                   reduction=reduction)
        out.sample("binary_cross_entropy_with_logits", reduction, lambda x, y, reduction: F.binary_cross_entropy_with_logits(x, y, reduction=reduction), [a, t],
                   reduction=reduction)
        out.sample("binary_cross_entropy_with_logits", f"positive weight {reduction}", lambda x, y, w, reduction:
                   F.binary_cross_entropy_with_logits(x, y, pos_weight=w, reduction=reduction), [a, t, weight], wants=[0, 1], reduction=reduction)
        for log in (False, True):
            out.sample("kl_div", f"{reduction} {'log target' if log else 'target'}", lambda x, y, reduction, logTarget:
                       F.kl_div(x, y, reduction=reduction, log_target=logTarget), [logp, torch.log_softmax(uniform("kl", (5, 4)), 1) if log else
                       torch.softmax(uniform("kl", (5, 4)), 1)], reduction=reduction, logTarget=log)
        signs = integers("signs", (3, 4), 0, 2).to(F64) * 2 - 1
        out.sample("margin_ranking_loss", reduction, lambda x, y, t, margin, reduction: F.margin_ranking_loss(x, y, t, margin, reduction=reduction), [a, b, signs],
                   margin=0.3, reduction=reduction)
        out.sample("hinge_embedding_loss", reduction, lambda x, t, margin, reduction: F.hinge_embedding_loss(x, t, margin, reduction=reduction), [a, signs],
                   wants=[0], margin=1.2, reduction=reduction)
        out.sample("cosine_embedding_loss", reduction, lambda x, y, t, margin, reduction: F.cosine_embedding_loss(x, y, t, margin, reduction=reduction),
                   [a, b, signs[:, 0]], wants=[0, 1], margin=-0.8, reduction=reduction)
        for p, swap in ((2.0, False), (3.0, True)):
            out.sample("triplet_margin_loss", f"{reduction} {p} {swap}", lambda x, y, z, margin, p, swap, reduction:
                       F.triplet_margin_loss(x, y, z, margin, p, swap=swap, reduction=reduction), [a, b, uniform("lc", (3, 4))], margin=4.0, p=p, swap=swap,
                       reduction=reduction)
        for log, full in ((True, False), (False, True)):
            out.sample("poisson_nll_loss", f"{reduction} {log} {full}", lambda x, y, logInput, full, reduction: F.poisson_nll_loss(x, y, logInput, full,
                       reduction=reduction), [a if log else t, uniform("counts", (3, 4), 0.2, 6)], logInput=log, full=full, reduction=reduction)
        for case, var in (("each", (3, 4)), ("rows", (3,)), ("columns", (1, 4))):
            out.sample("gaussian_nll_loss", f"{reduction} {case}", lambda x, y, v, full, reduction: F.gaussian_nll_loss(x, y, v, full, reduction=reduction),
                       [a, b, uniform("var" + case, var, 0.3, 2)], full=case == "rows", reduction=reduction)
    out.sample("kl_div", "batchmean", lambda x, y, reduction, logTarget: F.kl_div(x, y, reduction=reduction, log_target=logTarget),
               [logp, torch.softmax(uniform("kl", (5, 4)), 1)], reduction="batchmean", logTarget=False)
    out.sample("binary_cross_entropy", "edges", lambda x, y, reduction: F.binary_cross_entropy(x, y, reduction=reduction),
               [torch.tensor([0.0, 1, 0, 1], dtype=F64), torch.tensor([0.0, 1, 1, 0], dtype=F64)], False, reduction="none")
    out.sample("binary_cross_entropy_with_logits", "overflow", lambda x, y, reduction: F.binary_cross_entropy_with_logits(x, y, reduction=reduction),
               [torch.tensor([1000.0, -1000, 1000, -1000], dtype=F64), torch.tensor([0.0, 1, 1, 0], dtype=F64)], reduction="none")
    out.save()


if __name__ == "__main__":
    convolution()
    normalization()
    layers()
    losses()
