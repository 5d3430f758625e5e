"""What PyTorch's layers print and compute, for the tests of org.flambeau.nn's modules.

    python modules.py ../resources/org/flambeau/testkit/nn

Writes modules.tsv, a layer's key and its printed form with line ends as \\n, and modules.safetensors, for each key what a layer that was made after
torch.manual_seed(3) computes of torch.randn(sizes): KEY/train/y and KEY/d of the sum of y*y in training, KEY/eval/y afterwards in evaluation;
and for each loss its operands KEY/input, KEY/target and of some KEY/third, KEY/loss, and KEY/d of the loss's sum.
"""
import pathlib
import sys

import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

IMAGE, ROWS, LINE, VOLUME = (2, 4, 7, 6), (3, 8), (2, 4, 9), (2, 3, 4, 2, 5)
CASES = {
    "linear": (lambda: nn.Linear(8, 3), ROWS),
    "linear_no_bias": (lambda: nn.Linear(8, 3, bias=False), ROWS),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1), LINE),
    "conv2d": (lambda: nn.Conv2d(4, 6, 3), IMAGE),
    "conv2d_options": (lambda: nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(1, 2), dilation=(2, 1), groups=2, bias=False), IMAGE),
    "conv1d_reflect": (lambda: nn.Conv1d(4, 2, 3, padding=2, stride=2, padding_mode="reflect"), LINE),
    "conv1d_circular_same": (lambda: nn.Conv1d(4, 2, 4, padding="same", padding_mode="circular"), LINE),
    "conv2d_reflect": (lambda: nn.Conv2d(4, 2, 3, stride=2, padding=(1, 2), bias=False, padding_mode="reflect"), IMAGE),
    "conv2d_replicate_same": (lambda: nn.Conv2d(4, 2, (4, 3), padding="same", padding_mode="replicate"), IMAGE),
    "conv2d_circular": (lambda: nn.Conv2d(4, 2, 3, padding=1, dilation=2, groups=2, padding_mode="circular"), IMAGE),
    "conv2d_same": (lambda: nn.Conv2d(4, 2, 3, padding="same"), IMAGE),
    "conv_transpose2d": (lambda: nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1), IMAGE),
    "batch_norm1d": (lambda: nn.BatchNorm1d(8), ROWS),
    "batch_norm2d": (lambda: nn.BatchNorm2d(4), IMAGE),
    "batch_norm2d_average": (lambda: nn.BatchNorm2d(4, eps=1e-3, momentum=None, affine=False), IMAGE),
    "batch_norm2d_untracked": (lambda: nn.BatchNorm2d(4, track_running_stats=False), IMAGE),
    "batch_norm3d": (lambda: nn.BatchNorm3d(3), VOLUME),
    "instance_norm1d": (lambda: nn.InstanceNorm1d(4), LINE),
    "instance_norm2d": (lambda: nn.InstanceNorm2d(4), IMAGE),
    "instance_norm2d_affine": (lambda: nn.InstanceNorm2d(4, eps=1e-3, momentum=0.3, affine=True, track_running_stats=True), IMAGE),
    "instance_norm2d_unbatched": (lambda: nn.InstanceNorm2d(4, affine=True), IMAGE[1:]),
    "layer_norm": (lambda: nn.LayerNorm(8, eps=1e-6), ROWS),
    "layer_norm_no_bias": (lambda: nn.LayerNorm(8, bias=False), ROWS),
    "layer_norm_plain": (lambda: nn.LayerNorm((7, 6), elementwise_affine=False), IMAGE),
    "rms_norm": (lambda: nn.RMSNorm(8), ROWS),
    "rms_norm_eps": (lambda: nn.RMSNorm(8, eps=1e-5), ROWS),
    "rms_norm_plain": (lambda: nn.RMSNorm((7, 6), eps=1e-3, elementwise_affine=False), IMAGE),
    "group_norm": (lambda: nn.GroupNorm(2, 4), IMAGE),
    "dropout": (lambda: nn.Dropout(0.25), ROWS),
    "dropout2d": (lambda: nn.Dropout2d(), IMAGE),
    "stochastic_depth": (lambda: torchvision.ops.StochasticDepth(0.5, "row"), ROWS),
    "max_pool2d": (lambda: nn.MaxPool2d(3, 2, 1), IMAGE),
    "max_pool2d_options": (lambda: nn.MaxPool2d((3, 2), ceil_mode=True), IMAGE),
    "avg_pool2d": (lambda: nn.AvgPool2d(2), IMAGE),
    "max_pool1d": (lambda: nn.MaxPool1d(3), LINE),
    "max_pool1d_options": (lambda: nn.MaxPool1d(3, stride=2, padding=1, ceil_mode=True), LINE),
    "avg_pool1d": (lambda: nn.AvgPool1d(3, stride=2, padding=1), LINE),
    "adaptive_avg_pool1d": (lambda: nn.AdaptiveAvgPool1d(4), LINE),
    "adaptive_avg_pool2d": (lambda: nn.AdaptiveAvgPool2d((1, 1)), IMAGE),
    "adaptive_avg_pool2d_square": (lambda: nn.AdaptiveAvgPool2d(2), IMAGE),
    "adaptive_max_pool2d": (lambda: nn.AdaptiveMaxPool2d((2, 3)), IMAGE),
    "adaptive_max_pool2d_square": (lambda: nn.AdaptiveMaxPool2d(3), IMAGE),
    "flatten": (lambda: nn.Flatten(), IMAGE),
    "unflatten": (lambda: nn.Unflatten(1, (2, 2)), IMAGE),
    "zero_pad2d": (lambda: nn.ZeroPad2d(2), IMAGE),
    "constant_pad2d": (lambda: nn.ConstantPad2d((1, 2, 0, -1), 2.5), IMAGE),
    "reflection_pad2d": (lambda: nn.ReflectionPad2d((1, 2, 0, 3)), IMAGE),
    "replication_pad2d": (lambda: nn.ReplicationPad2d((1, 2, 0, 3)), IMAGE),
    "circular_pad2d": (lambda: nn.CircularPad2d(1), IMAGE),
    "identity": (lambda: nn.Identity(), ROWS),
    "relu": (lambda: nn.ReLU(), ROWS),
    "relu_inplace": (lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True)), ROWS),
    "relu6": (lambda: nn.ReLU6(), ROWS),
    "gelu": (lambda: nn.GELU(), ROWS),
    "gelu_tanh": (lambda: nn.GELU("tanh"), ROWS),
    "silu": (lambda: nn.SiLU(), ROWS),
    "sigmoid": (lambda: nn.Sigmoid(), ROWS),
    "tanh": (lambda: nn.Tanh(), ROWS),
    "softplus": (lambda: nn.Softplus(), ROWS),
    "leaky_relu": (lambda: nn.LeakyReLU(), ROWS),
    "celu": (lambda: nn.CELU(0.7), ROWS),
    "selu": (lambda: nn.SELU(), ROWS),
    "prelu": (lambda: nn.PReLU(), ROWS),
    "prelu_features": (lambda: nn.PReLU(8), ROWS),
    "prelu_channels": (lambda: nn.PReLU(4, 0.1), IMAGE),
    "threshold": (lambda: nn.Threshold(0.1, 20.0), ROWS),
    "pixel_shuffle": (lambda: nn.PixelShuffle(2), IMAGE),
    "elu": (lambda: nn.ELU(), ROWS),
    "hardtanh": (lambda: nn.Hardtanh(), ROWS),
    "hardswish": (lambda: nn.Hardswish(), ROWS),
    "hardsigmoid": (lambda: nn.Hardsigmoid(), ROWS),
    "mish": (lambda: nn.Mish(), ROWS),
    "log_sigmoid": (lambda: nn.LogSigmoid(), ROWS),
    "softsign": (lambda: nn.Softsign(), ROWS),
    "glu": (lambda: nn.GLU(), ROWS),
    "softmax": (lambda: nn.Softmax(dim=1), ROWS),
    "softmin": (lambda: nn.Softmin(dim=1), ROWS),
    "log_softmax": (lambda: nn.LogSoftmax(dim=-1), ROWS),
    "upsample": (lambda: nn.Upsample(scale_factor=2, mode="nearest"), IMAGE),
    "upsample_linear": (lambda: nn.Upsample(scale_factor=3, mode="linear"), LINE),
    "upsample_trilinear": (lambda: nn.Upsample(scale_factor=2, mode="trilinear"), VOLUME),
    "upsample_bilinear": (lambda: nn.Upsample(scale_factor=1.5, mode="bilinear"), IMAGE),
    "sequential": (lambda: nn.Sequential(nn.Linear(8, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 4)), nn.Sequential()), ROWS),
    "sequential_empty": (lambda: nn.Sequential(), ROWS),
}
CLASS_WEIGHT, ELEMENT_WEIGHT = torch.tensor([0.5, 1, 2, 1.5]), torch.tensor([2, 0.5, 1, 3.0])
classes = lambda: torch.tensor([[1, 0], [3, 2], [1, 1]])
numbers = lambda: torch.randn(3, 4, 2)
answers = lambda: torch.randint(2, (5, 4)).float()
probabilities = lambda: torch.rand(5, 4) * 0.8 + 0.1
counts = lambda: torch.randint(5, (5, 4)).float()
signs = lambda *sizes: lambda: torch.randint(2, sizes).float() * 2 - 1
vectors = lambda: torch.randn(5, 4)
log_probabilities = lambda: torch.randn(3, 4, 2).log_softmax(1)
LOSSES = {
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(), numbers, classes),
    "CrossEntropyLoss options": (lambda: nn.CrossEntropyLoss(CLASS_WEIGHT, ignore_index=2, reduction="sum", label_smoothing=0.1), numbers, classes),
    "CrossEntropyLoss probabilities": (lambda: nn.CrossEntropyLoss(label_smoothing=0.2), numbers, lambda: torch.randn(3, 4, 2).softmax(1)),
    "NLLLoss": (lambda: nn.NLLLoss(), log_probabilities, classes),
    "NLLLoss options": (lambda: nn.NLLLoss(CLASS_WEIGHT, ignore_index=2, reduction="none"), log_probabilities, classes),
    "MSELoss": (lambda: nn.MSELoss(), numbers, numbers),
    "MSELoss sum": (lambda: nn.MSELoss(reduction="sum"), numbers, numbers),
    "L1Loss": (lambda: nn.L1Loss(), numbers, numbers),
    "L1Loss none": (lambda: nn.L1Loss(reduction="none"), numbers, numbers),
    "SmoothL1Loss": (lambda: nn.SmoothL1Loss(), numbers, numbers),
    "SmoothL1Loss options": (lambda: nn.SmoothL1Loss(reduction="sum", beta=0.5), numbers, numbers),
    "HuberLoss": (lambda: nn.HuberLoss(), numbers, numbers),
    "HuberLoss options": (lambda: nn.HuberLoss(reduction="sum", delta=0.5), numbers, numbers),
    "BCELoss": (lambda: nn.BCELoss(), probabilities, answers),
    "BCELoss options": (lambda: nn.BCELoss(ELEMENT_WEIGHT, reduction="none"), probabilities, answers),
    "BCEWithLogitsLoss": (lambda: nn.BCEWithLogitsLoss(), lambda: torch.randn(5, 4), answers),
    "BCEWithLogitsLoss options": (lambda: nn.BCEWithLogitsLoss(ELEMENT_WEIGHT, reduction="sum", pos_weight=CLASS_WEIGHT), lambda: torch.randn(5, 4), answers),
    "KLDivLoss": (lambda: nn.KLDivLoss(), log_probabilities, lambda: torch.randn(3, 4, 2).softmax(1)),
    "KLDivLoss options": (lambda: nn.KLDivLoss(reduction="batchmean", log_target=True), log_probabilities, log_probabilities),
    "PoissonNLLLoss": (lambda: nn.PoissonNLLLoss(), vectors, counts),
    "PoissonNLLLoss options": (lambda: nn.PoissonNLLLoss(log_input=False, full=True, eps=1e-6, reduction="sum"), probabilities, counts),
    "HingeEmbeddingLoss": (lambda: nn.HingeEmbeddingLoss(), vectors, signs(5, 4)),
    "HingeEmbeddingLoss options": (lambda: nn.HingeEmbeddingLoss(margin=2, reduction="sum"), vectors, signs(5, 4)),
    "GaussianNLLLoss": (lambda: nn.GaussianNLLLoss(), vectors, vectors, lambda: torch.rand(5, 4)),
    "GaussianNLLLoss options": (lambda: nn.GaussianNLLLoss(full=True, eps=0.5, reduction="none"), vectors, vectors, lambda: torch.rand(5)),
    "MarginRankingLoss": (lambda: nn.MarginRankingLoss(), vectors, vectors, signs(5, 4)),
    "MarginRankingLoss options": (lambda: nn.MarginRankingLoss(margin=0.5, reduction="sum"), vectors, vectors, signs(5, 4)),
    "CosineEmbeddingLoss": (lambda: nn.CosineEmbeddingLoss(), vectors, vectors, signs(5)),
    "CosineEmbeddingLoss options": (lambda: nn.CosineEmbeddingLoss(margin=0.3, reduction="none"), vectors, vectors, signs(5)),
    "TripletMarginLoss": (lambda: nn.TripletMarginLoss(), vectors, vectors, vectors),
    "TripletMarginLoss options": (lambda: nn.TripletMarginLoss(margin=2.0, p=1, eps=1e-4, swap=True, reduction="sum"), vectors, vectors, vectors),
}
TEXTS = {
    "module_dict": nn.ModuleDict({"act": nn.ReLU(), "head": nn.Linear(1, 2)}),
    "module_dict_empty": nn.ModuleDict(),
    "cosine_similarity": nn.CosineSimilarity(),
    "module_list": nn.ModuleList([nn.ReLU(), nn.Linear(1, 2), nn.Linear(1, 2), nn.Linear(1, 2), nn.Sequential(nn.ReLU()), nn.Sequential(nn.ReLU())]),
    "embedding": nn.Embedding(10, 3, padding_idx=-8),
    "multihead_attention": nn.MultiheadAttention(8, 2),
}

texts = {key: str(module) for key, module in TEXTS.items()}
out = {}
for key, (make, sizes) in CASES.items():
    torch.manual_seed(3)
    layer = make()
    texts[key] = str(layer)
    x = torch.randn(sizes, requires_grad=True)
    y = layer(x)
    (y * y).sum().backward()
    out[f"{key}/train/y"], out[f"{key}/d"] = y.detach().contiguous(), x.grad.contiguous()
    out[f"{key}/eval/y"] = layer.eval()(x.detach().clone()).detach().contiguous()

for key, (make, inputs, targets, *others) in LOSSES.items():
    torch.manual_seed(3)
    loss, x, target = make(), inputs().requires_grad_(), targets()
    third = [other() for other in others]
    texts[key] = str(loss)
    y = loss(x, target, *third)
    y.sum().backward()
    out |= {f"{key}/input": x.detach(), f"{key}/target": target, f"{key}/loss": y.detach(), f"{key}/d": x.grad}
    out |= {f"{key}/third": other for other in third}

torch.manual_seed(3)
attention = nn.MultiheadAttention(8, 2, batch_first=True)
q, k, v = torch.randn(2, 5, 8), torch.randn(2, 4, 8), torch.randn(2, 4, 8)
out["attention/self"] = attention(q, q, q)[0].detach()
out["attention/cross"], out["attention/weights"] = (t.detach() for t in attention(q, k, v))
out["attention/causal"] = attention(q, q, q, attn_mask=torch.ones(5, 5).triu(1).bool())[0].detach()
sequence_first = nn.MultiheadAttention(8, 2, bias=False)
out["attention/sequence_first"] = sequence_first(q, q, q)[0].detach()
out["attention/unbatched"] = sequence_first(q[0], k[0], v[0])[0].detach()

folder = pathlib.Path(sys.argv[1])
save_file({name: tensor.contiguous() for name, tensor in out.items()}, folder / "modules.safetensors")
(folder / "modules.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in ((k, t.replace("\n", "\\n")) for k, t in texts.items())))
print(len(texts), "printed forms,", len(out), "tensors")
