"""The learning rates that PyTorch's schedulers give, for the tests of org.flambeau.nn.optim.

    python schedulers.py ../resources/org/flambeau/testkit/nn/schedulers.safetensors

NAME is one row for each epoch from the first on, of each group's learning rate and then, where it is cycled, of each group's momentum.
"""
import math
import sys
import warnings

import torch
from safetensors.torch import save_file
from torch.optim import SGD, Adam, lr_scheduler as S
from torch.optim.swa_utils import SWALR

warnings.simplefilter("ignore")
out = {}


def groups():
    return [{"params": [torch.zeros(1, requires_grad=True)]}, {"params": [torch.zeros(1, requires_grad=True)], "lr": 0.07}]


def case(name, make, epochs, optimizer=None, momentum=None, metrics=None):
    optimizer = optimizer or SGD(groups(), lr=0.3)
    scheduler = make(optimizer)
    rows = []
    for epoch in range(epochs):
        row = [g["lr"] for g in optimizer.param_groups]
        if momentum:
            row += [momentum(g) for g in optimizer.param_groups]
        rows.append(row)
        optimizer.step()
        scheduler.step(*([metrics[epoch]] if metrics else []))
    out[f"schedule/{name}"] = torch.tensor(rows, dtype=torch.float64)


case("step", lambda o: S.StepLR(o, 7, 0.3), 40)
case("multi-step", lambda o: S.MultiStepLR(o, [5, 9, 9, 30], 0.3), 40)
case("constant", lambda o: S.ConstantLR(o, 0.3, 12), 30)
case("linear", lambda o: S.LinearLR(o, 0.1, 0.9, 17), 30)
case("linear warm-up", lambda o: S.LinearLR(o, total_iters=5), 30)
case("exponential", lambda o: S.ExponentialLR(o, 0.93), 60)
case("cosine", lambda o: S.CosineAnnealingLR(o, 90), 100)
case("cosine waves", lambda o: S.CosineAnnealingLR(o, 13, 0.01), 100)
case("warm restarts", lambda o: S.CosineAnnealingWarmRestarts(o, 9), 60)
case("longer restarts", lambda o: S.CosineAnnealingWarmRestarts(o, 5, 2, 0.003), 100)
case("polynomial", lambda o: S.PolynomialLR(o, 30), 40)
case("polynomial curve", lambda o: S.PolynomialLR(o, 30, 0.9), 40)
case("lambda", lambda o: S.LambdaLR(o, [lambda e: 0.95**e, lambda e: 1 / (1 + e)]), 40)
case("one cycle", lambda o: S.OneCycleLR(o, 0.9, 99), 99, SGD(groups(), lr=0.3, momentum=0.5), lambda g: g["momentum"])
case("one cycle linear", lambda o: S.OneCycleLR(o, [0.9, 0.2], 60, pct_start=0.25, anneal_strategy="linear", base_momentum=0.7, max_momentum=0.9,
     div_factor=10, final_div_factor=100, three_phase=True), 60, Adam(groups(), lr=0.3), lambda g: g["betas"][0])
case("one cycle without momentum", lambda o: S.OneCycleLR(o, 0.9, 40, cycle_momentum=False), 40)
case("sequential", lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.1, total_iters=5), S.CosineAnnealingLR(o, 60)], [5]), 70)
case("sequential three", lambda o: S.SequentialLR(o, [S.ConstantLR(o, 0.5, 100), S.ExponentialLR(o, 0.9), S.CosineAnnealingWarmRestarts(o, 7)],
     [8, 20]), 60)
case("sequential steps", lambda o: S.SequentialLR(o, [S.StepLR(o, 3), S.MultiStepLR(o, [2, 4], 0.5), S.LinearLR(o, 0.2, 0.8, 6)], [5, 11]), 30)
case("chained", lambda o: S.ChainedScheduler([S.LinearLR(o, 0.2, 1, 8), S.ExponentialLR(o, 0.97), S.StepLR(o, 11)]), 60)
case("averaging", lambda o: SWALR(o, 0.05), 20)
case("averaging linear", lambda o: SWALR(o, [0.5, 0.01], 7, "linear"), 20)
case("averaging at once", lambda o: SWALR(o, 0.05, 0), 5)
case("sequential averaging", lambda o: S.SequentialLR(o, [S.ExponentialLR(o, 0.9), SWALR(o, 0.05, 4)], [5]), 15)
case("sequential polynomial", lambda o: S.SequentialLR(o, [S.ExponentialLR(o, 0.9), S.PolynomialLR(o, 10, 2)], [5]), 20)


def batches(name, make, epochs, each, start):
    """`make` steps after each of `each` batches of `epochs` epochs, from an epoch on that lies beyond all of them."""
    optimizer = SGD(groups(), lr=0.3)
    scheduler = make(optimizer)
    rows = []
    for step in range(epochs * each):
        optimizer.step()
        scheduler.step(step / each)
        rows.append([g["lr"] for g in optimizer.param_groups])
    scheduler.step(start)
    for _ in range(10):
        rows.append([g["lr"] for g in optimizer.param_groups])
        scheduler.step()
    out[f"schedule/{name}"] = torch.tensor(rows, dtype=torch.float64)


batches("restarts by batches", lambda o: S.CosineAnnealingWarmRestarts(o, 3), 10, 7, 26)
batches("longer restarts by batches", lambda o: S.CosineAnnealingWarmRestarts(o, 1, 2, 0.003), 16, 4, 40.5)

metrics = [math.cos(i / 5) + (0.3 if i > 40 else 1) for i in range(100)]
out["schedule/metrics"] = torch.tensor(metrics, dtype=torch.float64)
case("plateau", lambda o: S.ReduceLROnPlateau(o, patience=3, factor=0.6, cooldown=2), 100, metrics=metrics)
case("plateau max", lambda o: S.ReduceLROnPlateau(o, "max", 0.5, 1, 0.05, "abs", min_lr=0.01), 100, metrics=metrics)
case("plateau max relative", lambda o: S.ReduceLROnPlateau(o, "max", 0.5, 2, 0.05, min_lr=0.001), 100, metrics=metrics)

save_file(out, sys.argv[1])
