"""What PyTorch's GradScaler makes of ten steps, some with infinite or undefined gradients, for GradScalerTest.

    python scaler.py ../resources/org/flambeau/testkit/nn/scaler.tsv

A line is a step: the planted gradient factor, whether unscale_ was called by itself, then the scale, the growth tracker and both parameters.
"""
import sys

import torch

lines = []
p = torch.tensor([1.5, -0.25], requires_grad=True)
optimizer = torch.optim.SGD([p], lr=0.125, momentum=0.5)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_factor=4.0, backoff_factor=0.25, growth_interval=3)
for step, planted in enumerate(["1", "0.5", "inf", "1", "nan", "2", "1", "1", "1e38", "1"]):
    optimizer.zero_grad()
    scaler.scale((p * p * float(planted)).sum() if planted != "1e38" else (p * float(planted)).sum()).backward()
    apart = step % 3 == 1
    if apart:
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    lines.append("\t".join([planted, str(apart).lower(), repr(scaler.get_scale()), str(scaler.state_dict()["_growth_tracker"]), *(repr(v) for v in p.tolist())]))
open(sys.argv[1], "w").write("\n".join(lines) + "\n")
