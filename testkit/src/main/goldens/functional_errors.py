"""What PyTorch's torch.nn.functional and torch.optim.SGD say of operands and options that make no sense.

    python functional_errors.py ../resources/org/flambeau/testkit/nn/functional_errors.tsv
"""
import sys

import torch
import torch.nn.functional as F
from torch import ones, tensor, zeros

SGD = torch.optim.SGD
leaf = lambda: ones(2, requires_grad=True)
p = leaf()


def int64(*sizes):
    return zeros(*sizes, dtype=torch.int64)


CASES = {
    "conv2d channels in groups": lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 2, 3, 3), groups=2),
    "conv2d rank": lambda: F.conv2d(ones(5, 5), ones(4, 2, 3, 3)),
    "conv2d bias": lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), ones(3)),
    "conv2d kernel too large": lambda: F.conv2d(ones(1, 3, 2, 2), ones(4, 3, 3, 3)),
    "conv2d stride": lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), stride=0),
    "conv2d dilation": lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), dilation=0),
    "conv2d padding": lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), padding=-1),
    "conv2d groups": lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), groups=0),
    "conv2d outputs in groups": lambda: F.conv2d(ones(1, 4, 5, 5), ones(3, 2, 3, 3), groups=2),
    "conv2d same with stride": lambda: F.conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), padding="same", stride=2),
    "conv1d rank": lambda: F.conv1d(ones(3), ones(4, 3, 3)),
    "conv1d channels": lambda: F.conv1d(ones(1, 2, 5), ones(4, 3, 3)),
    "conv1d kernel too large": lambda: F.conv1d(ones(1, 3, 2), ones(4, 3, 3)),
    "conv_transpose2d channels": lambda: F.conv_transpose2d(ones(1, 2, 5, 5), ones(3, 4, 3, 3)),
    "conv_transpose2d bias": lambda: F.conv_transpose2d(ones(1, 3, 5, 5), ones(3, 4, 3, 3), ones(3)),
    "conv_transpose2d output padding": lambda: F.conv_transpose2d(ones(1, 3, 5, 5), ones(3, 4, 3, 3), output_padding=1),
    "conv_transpose2d too small": lambda: F.conv_transpose2d(ones(1, 3, 1, 1), ones(3, 4, 3, 3), padding=2),
    "max_pool2d rank": lambda: F.max_pool2d(ones(5, 5), 2),
    "max_pool2d padding": lambda: F.max_pool2d(ones(1, 3, 5, 5), 2, padding=2),
    "max_pool2d dilated padding": lambda: F.max_pool2d(ones(1, 3, 5, 5), 3, padding=2, dilation=2),
    "max_pool2d negative padding": lambda: F.max_pool2d(ones(1, 3, 5, 5), 2, padding=-1),
    "max_pool2d too small": lambda: F.max_pool2d(ones(1, 3, 1, 1), 2),
    "max_pool2d kernel": lambda: F.max_pool2d(ones(1, 3, 5, 5), 0, 1),
    "max_pool2d stride": lambda: F.max_pool2d(ones(1, 3, 5, 5), 2, -1),
    "max_pool2d no stride": lambda: F.max_pool2d(ones(1, 3, 5, 5), 2, 0),
    "max_pool2d dilation": lambda: F.max_pool2d(ones(1, 3, 5, 5), 2, dilation=0),
    "max_pool2d no rows": lambda: F.max_pool2d(ones(1, 3, 0, 5), 2),
    "avg_pool2d divisor": lambda: F.avg_pool2d(ones(1, 3, 5, 5), 2, divisor_override=0),
    "adaptive_avg_pool2d rank": lambda: F.adaptive_avg_pool2d(ones(5, 5), 2),
    "adaptive_avg_pool2d size": lambda: F.adaptive_avg_pool2d(ones(1, 3, 5, 5), -2),
    "adaptive_avg_pool2d no rows": lambda: F.adaptive_avg_pool2d(ones(1, 3, 0, 5), 2),
    "layer_norm no shape": lambda: F.layer_norm(ones(2, 3), []),
    "layer_norm weight": lambda: F.layer_norm(ones(2, 4), [4], ones(3)),
    "batch_norm no statistics": lambda: F.batch_norm(ones(2, 3), None, None),
    "batch_norm one statistic": lambda: F.batch_norm(ones(2, 3), zeros(3), None, training=True),
    "batch_norm one value": lambda: F.batch_norm(ones(1, 3), zeros(3), ones(3), training=True),
    "batch_norm statistics": lambda: F.batch_norm(ones(2, 3), zeros(4), ones(3), training=True),
    "batch_norm weight": lambda: F.batch_norm(ones(2, 3), zeros(3), ones(3), ones(4)),
    "group_norm division": lambda: F.group_norm(ones(2, 4, 3), 3),
    "group_norm one value": lambda: F.group_norm(ones(1, 4, 1, 1), 4),
    "group_norm weight": lambda: F.group_norm(ones(2, 4, 3), 2, ones(3)),
    "instance_norm one place": lambda: F.instance_norm(ones(2, 4, 1)),
    "instance_norm no statistics": lambda: F.instance_norm(ones(2, 4, 3), use_input_stats=False),
    "attention ranks": lambda: F.scaled_dot_product_attention(ones(8), ones(8), ones(8)),
    "attention dropout": lambda: F.scaled_dot_product_attention(ones(2, 8), ones(2, 8), ones(2, 8), dropout_p=2.0),
    "linear ranks": lambda: F.linear(tensor(1.0), ones(2, 3)),
    "cross_entropy batch": lambda: F.cross_entropy(ones(4, 3), int64(5)),
    "cross_entropy multi-target": lambda: F.cross_entropy(ones(4, 3), int64(4, 1)),
    "cross_entropy places": lambda: F.cross_entropy(ones(4, 3, 5), int64(4, 6)),
    "cross_entropy smoothing": lambda: F.cross_entropy(ones(4, 3), int64(4), label_smoothing=1.1),
    "cross_entropy weight": lambda: F.cross_entropy(ones(4, 3), int64(4), ones(4)),
    "cross_entropy ignored probabilities": lambda: F.cross_entropy(ones(4, 3), ones(4, 3), ignore_index=1),
    "cross_entropy weight's gradient": lambda: F.cross_entropy(ones(4, 3), int64(4), ones(3, requires_grad=True)),
    "nll_loss rank": lambda: F.nll_loss(tensor(1.0), tensor(1)),
    "nll_loss class": lambda: F.nll_loss(ones(1, 3, 4), tensor([[0, 1, 2, 3]])),
    "smooth_l1_loss beta": lambda: F.smooth_l1_loss(ones(3), ones(3), beta=-1),
    "huber_loss delta": lambda: F.huber_loss(ones(3), ones(3), delta=0),
    "binary_cross_entropy sizes": lambda: F.binary_cross_entropy(ones(3, 2), ones(3)),
    "binary_cross_entropy range": lambda: F.binary_cross_entropy(tensor([1.5]), ones(1)),
    "bce_with_logits sizes": lambda: F.binary_cross_entropy_with_logits(ones(3, 2), ones(3)),
    "bce_with_logits weight's gradient": lambda: F.binary_cross_entropy_with_logits(ones(3), ones(3), pos_weight=ones(3, requires_grad=True)),
    "dropout": lambda: F.dropout(ones(3), 1.5),
    "embedding rank": lambda: F.embedding(int64(3), ones(4)),
    "one_hot negative": lambda: F.one_hot(tensor([-1, 5])),
    "one_hot too large": lambda: F.one_hot(tensor([0, 5]), 3),
    "one_hot dtype": lambda: F.one_hot(ones(3)),
    "one_hot empty": lambda: F.one_hot(int64(0)),
    "Hardtanh": lambda: torch.nn.Hardtanh(1.0, 1.0),
    "hardtanh": lambda: F.hardtanh(ones(3), 1, -1),
    "glu": lambda: F.glu(ones(3), 0),
    "pad odd": lambda: F.pad(ones(2, 3, 4), (1, 2, 3)),
    "pad long": lambda: F.pad(ones(2), (1, 2, 3, 4)),
    "pad reflect": lambda: F.pad(ones(2, 3, 4), (4, 2), mode="reflect"),
    "sgd lr": lambda: SGD([p], lr=-1.0),
    "sgd momentum": lambda: SGD([p], momentum=-1.0),
    "sgd weight decay": lambda: SGD([p], weight_decay=-1.0),
    "sgd nesterov": lambda: SGD([p], nesterov=True),
    "sgd nothing": lambda: SGD([]),
    "sgd result": lambda: SGD([p * 2]),
    "sgd twice": lambda: SGD([{"params": [p]}, {"params": [p]}]),
}

lines = []
for name, case in CASES.items():
    try:
        case()
    except (RuntimeError, IndexError, ValueError, AssertionError) as e:
        lines.append(f"{name}\t{' '.join(str(e).split())}\n")
    else:
        raise AssertionError(f"{name} was not refused")
with open(sys.argv[1], "w") as file:
    file.writelines(lines)
