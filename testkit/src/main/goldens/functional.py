"""Values and gradients of PyTorch's torch.nn.functional, and the course of its SGD, for the tests of the module org.flambeau.nn.

    python functional.py ../resources/org/flambeau/testkit/nn/functional.safetensors

Each case NAME holds its operands NAME/x0, NAME/x1, ..., its result NAME/y, the gradient that is sent back NAME/g, and for
each operand that requires grad what arrives there, NAME/d0, NAME/d1, ...
"""
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(7)
out = {}


def case(name, f, *operands):
    """Records f of the operands; those of a float dtype require grad, but where marked as constants by a leading '.'"""
    leaves = []
    for i, x in enumerate(operands):
        constant = isinstance(x, tuple)
        x = x[0] if constant else x
        out[f"{name}/x{i}"] = x.clone()
        leaves.append(x.clone().requires_grad_(x.is_floating_point() and not constant))
    y = f(*leaves)
    g = torch.randn_like(y)
    y.backward(g)
    out[f"{name}/y"] = y.detach().contiguous()
    out[f"{name}/g"] = g
    for i, x in enumerate(leaves):
        if x.grad is not None:
            out[f"{name}/d{i}"] = x.grad.contiguous()


def r(*sizes):
    return torch.randn(*sizes, dtype=torch.float64)


def const(x):
    return (x,)


def positive(*sizes):
    return torch.rand(*sizes, dtype=torch.float64) * 0.8 + 0.1


# convolutions
case("conv2d", lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2)), r(2, 4, 7, 8), r(6, 4, 3, 3), r(6))
case("conv2d_groups", lambda x, w: F.conv2d(x, w, groups=2, padding=1), r(2, 4, 5, 5), r(6, 2, 3, 3))
case("conv2d_depthwise", lambda x, w, b: F.conv2d(x, w, b, groups=3), r(2, 3, 5, 4), r(6, 1, 2, 3), r(6))
case("conv2d_same_even", lambda x, w: F.conv2d(x, w, padding="same"), r(1, 2, 5, 6), r(3, 2, 4, 2))
case("conv2d_unbatched", lambda x, w, b: F.conv2d(x, w, b), r(2, 5, 6), r(3, 2, 2, 2), r(3))
case("conv1d", lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=1, dilation=2), r(2, 4, 9), r(6, 4, 3), r(6))
case("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1, groups=2, dilation=1),
     r(2, 4, 3, 4), r(4, 3, 3, 2), r(6))

# pooling
case("max_pool2d", lambda x: F.max_pool2d(x, 3, 2, 1), r(2, 3, 7, 8))
case("max_pool2d_ceil_dilated", lambda x: F.max_pool2d(x, (2, 3), 2, 1, (2, 1), ceil_mode=True), r(2, 3, 7, 8))
case("avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1), r(2, 3, 7, 8))
case("avg_pool2d_ceil", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False), r(2, 3, 8, 8))
case("avg_pool2d_divisor", lambda x: F.avg_pool2d(x, 2, divisor_override=3), r(3, 4, 4))
case("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 5)), r(2, 3, 7, 8))
case("adaptive_avg_pool2d_one", lambda x: F.adaptive_avg_pool2d(x, 1), r(2, 3, 7, 8))
case("max_pool1d", lambda x: F.max_pool1d(x, 3, 2), r(2, 3, 8))

# normalisation
case("layer_norm", lambda x, w, b: F.layer_norm(x, (4, 5), w, b), r(2, 3, 4, 5), r(4, 5), r(4, 5))
case("layer_norm_plain", lambda x: F.layer_norm(x, (5,)), r(2, 3, 5))
case("layer_norm_frozen", lambda x, w, b: F.layer_norm(x, (5,), w, b), r(3, 5), const(r(5)), r(5))
case("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), r(2, 4, 3, 3), r(4), r(4))
case("instance_norm", lambda x, w, b: F.instance_norm(x, weight=w, bias=b), r(2, 4, 3, 3), r(4), r(4))
case("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, True), r(4, 3, 2, 2), r(3), r(3))
case("batch_norm_eval", lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b, False), r(4, 3, 2, 2), const(r(3)), const(positive(3)), r(3), r(3))
case("batch_norm_eval_frozen", lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b, False), r(4, 3, 2, 2), const(r(3)), const(positive(3)),
     const(r(3)), const(r(3)))

# attention
case("attention", F.scaled_dot_product_attention, r(2, 3, 5, 4), r(2, 3, 6, 4), r(2, 3, 6, 4))
case("attention_causal", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3), r(2, 3, 5, 4), r(2, 3, 6, 4),
     r(2, 3, 6, 4))
mask = torch.rand(5, 6) > 0.4
mask[2] = False
case("attention_mask", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), r(2, 3, 5, 4), r(2, 3, 6, 4), r(2, 3, 6, 7), mask)
case("attention_bias", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), r(5, 4), r(6, 4), r(6, 7), const(r(5, 6)))

# linear
case("linear", F.linear, r(2, 3, 4), r(5, 4), r(5))
case("linear_vector", F.linear, r(4), r(5, 4), r(5))
case("linear_no_bias", F.linear, r(3, 4), r(5, 4))

# losses of classes
y5 = torch.tensor([1, 0, 3, -100, 2])
for reduction in ("none", "mean", "sum"):
    case(f"cross_entropy_{reduction}", lambda x, y: F.cross_entropy(x, y, reduction=reduction), r(5, 4), y5)
    case(f"cross_entropy_weight_{reduction}", lambda x, y, w: F.cross_entropy(x, y, w, reduction=reduction), r(5, 4), y5, const(positive(4)))
    case(f"cross_entropy_smooth_{reduction}", lambda x, y, w: F.cross_entropy(x, y, w, reduction=reduction, label_smoothing=0.2), r(5, 4), y5,
         const(positive(4)))
    case(f"cross_entropy_images_{reduction}", lambda x, y: F.cross_entropy(x, y, reduction=reduction, ignore_index=1), r(2, 4, 3, 2),
         torch.randint(0, 4, (2, 3, 2)))
    case(f"cross_entropy_probabilities_{reduction}", lambda x, y, w: F.cross_entropy(x, y, w, reduction=reduction, label_smoothing=0.1),
         r(5, 4), torch.softmax(r(5, 4), 1), const(positive(4)))
case("cross_entropy_one", F.cross_entropy, r(4), torch.tensor(2))
case("nll_loss", F.nll_loss, r(5, 4), y5)

# other losses
a, b = r(3, 4), r(3, 4)
case("mse_loss", F.mse_loss, a, b)
case("mse_loss_none", lambda x, y: F.mse_loss(x, y, reduction="none"), a, b)
case("l1_loss", F.l1_loss, a, b)
case("smooth_l1_loss", lambda x, y: F.smooth_l1_loss(x, y, beta=0.7), a, b)
case("huber_loss", lambda x, y: F.huber_loss(x, y, delta=0.7, reduction="sum"), a, b)
case("binary_cross_entropy", lambda x, y, w: F.binary_cross_entropy(x, y, w), positive(3, 4), positive(3, 4), const(positive(4)))
case("bce_with_logits", F.binary_cross_entropy_with_logits, r(3, 4) * 20, positive(3, 4))
case("bce_with_logits_weights", lambda x, y, w, p: F.binary_cross_entropy_with_logits(x, y, w, pos_weight=p), r(3, 4), positive(3, 4),
     const(positive(3, 1)), const(positive(4)))
case("kl_div", lambda x, y: F.kl_div(x, y, reduction="batchmean"), r(3, 4), positive(3, 4))
case("kl_div_log", lambda x, y: F.kl_div(x, y, reduction="sum", log_target=True), r(3, 4), r(3, 4))

# the rest
case("softplus", lambda x: F.softplus(x, 2, 3), r(20) * 3)
case("hardswish", F.hardswish, r(20) * 4)
case("hardsigmoid", F.hardsigmoid, r(20) * 4)
case("relu6", F.relu6, r(20) * 6)
case("mish", F.mish, r(20) * 3)
case("logsigmoid", F.logsigmoid, r(20) * 30)
case("glu", lambda x: F.glu(x, 1), r(3, 6))
case("normalize", F.normalize, r(3, 4))
case("cosine_similarity", F.cosine_similarity, r(3, 4), r(3, 4))
case("pad", lambda x: F.pad(x, (1, -2, 3, 0), value=1.5), r(2, 3, 4))
case("pad_reflect", lambda x: F.pad(x, (2, 1, 1, 2), mode="reflect"), r(1, 2, 4, 5))
case("pad_replicate", lambda x: F.pad(x, (2, 1), mode="replicate"), r(2, 3, 4))
case("pad_circular", lambda x: F.pad(x, (2, 1), mode="circular"), r(2, 3, 4))
case("interpolate_nearest", lambda x: F.interpolate(x, (5, 3)), r(1, 2, 3, 4))
case("interpolate_nearest_scale", lambda x: F.interpolate(x, scale_factor=2.4), r(1, 2, 5))
case("interpolate_bilinear", lambda x: F.interpolate(x, (5, 3), mode="bilinear"), r(1, 2, 3, 4))
case("interpolate_bilinear_corners", lambda x: F.interpolate(x, (5, 7), mode="bilinear", align_corners=True), r(1, 2, 3, 4))
case("interpolate_linear_scale", lambda x: F.interpolate(x, scale_factor=2.4, mode="linear"), r(1, 2, 5))

# batch norm's running statistics over three steps, float32
bn = torch.nn.BatchNorm2d(3, momentum=0.3)
for step in range(3):
    x = torch.randn(4, 3, 2, 5) * 2 + 1
    out[f"running/x{step}"] = x
    bn(x)
    out[f"running/mean{step}"] = bn.running_mean.clone()
    out[f"running/var{step}"] = bn.running_var.clone()

# dropout
torch.manual_seed(3)
out["dropout/y"] = F.dropout(torch.ones(40), 0.3)
out["dropout/feature"] = F.dropout2d(torch.ones(2, 5, 2, 2), 0.5)

# ten steps of SGD each way
target = torch.randn(5)
out["sgd/target"] = target
start = torch.randn(5)
out["sgd/start"] = start
ways = {
    "plain": dict(lr=0.1),
    "decay": dict(lr=0.05, weight_decay=0.1),
    "momentum": dict(lr=0.05, momentum=0.9),
    "dampening": dict(lr=0.05, momentum=0.9, dampening=0.5, weight_decay=0.01),
    "nesterov": dict(lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01),
    "maximize": dict(lr=0.01, momentum=0.5, maximize=True),
}
for name, options in ways.items():
    p = start.clone().requires_grad_(True)
    optimizer = torch.optim.SGD([p], **options)
    course = []
    for step in range(10):
        optimizer.zero_grad()
        ((p - target) ** 2 * torch.arange(1, 6)).sum().backward()
        optimizer.step()
        course.append(p.detach().clone())
    out[f"sgd/{name}"] = torch.stack(course)

save_file({name: x.contiguous() for name, x in out.items()}, sys.argv[1])
