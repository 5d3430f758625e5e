"""Where PyTorch's optimizers go in ten steps, for the tests of org.flambeau.nn.optim.

    python optimizers.py ../resources/org/flambeau/testkit/nn/optimizers.safetensors

NAME/DTYPE is the parameter after each step, NAME/DTYPE/STATE what the optimizer remembers after the last one.
"""
import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(5)
out = {}
target, start, weight = torch.randn(37, dtype=torch.float64), torch.randn(37, dtype=torch.float64), torch.rand(37, dtype=torch.float64)
out["optim/target"], out["optim/start"], out["optim/weight"] = target, start, weight

Adam, AdamW, RMSprop, Adagrad = torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad
WAYS = {
    "adam": (Adam, dict(lr=0.1)),
    "adam betas": (Adam, dict(lr=0.05, betas=(0.4, 0.95), eps=1e-3)),
    "adam decay": (Adam, dict(lr=0.05, weight_decay=0.1)),
    "adam amsgrad": (Adam, dict(lr=0.3, betas=(0.9, 0.5), amsgrad=True)),
    "adam maximize": (Adam, dict(lr=0.01, weight_decay=0.1, amsgrad=True, maximize=True)),
    "adamw": (AdamW, dict(lr=0.1)),
    "adamw decay": (AdamW, dict(lr=0.05, weight_decay=0.3, amsgrad=True)),
    "adamw maximize": (AdamW, dict(lr=0.01, maximize=True)),
    "rmsprop": (RMSprop, dict(lr=0.05)),
    "rmsprop centered": (RMSprop, dict(lr=0.05, alpha=0.9, eps=1e-4, centered=True, weight_decay=0.1)),
    "rmsprop momentum": (RMSprop, dict(lr=0.01, momentum=0.8, maximize=True)),
    "rmsprop all": (RMSprop, dict(lr=0.01, momentum=0.8, centered=True)),
    "adagrad": (Adagrad, dict(lr=0.1)),
    "adagrad decay": (Adagrad, dict(lr=0.2, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3)),
    "adagrad maximize": (Adagrad, dict(lr=0.05, maximize=True)),
    "adadelta": (torch.optim.Adadelta, dict()),
    "adadelta decay": (torch.optim.Adadelta, dict(lr=3, rho=0.7, eps=1e-3, weight_decay=0.1)),
    "adadelta maximize": (torch.optim.Adadelta, dict(maximize=True)),
}
for name, (optimizer_class, options) in WAYS.items():
    for dtype in torch.float32, torch.float64:
        p = start.to(dtype).clone().requires_grad_(True)
        optimizer = optimizer_class([p], **options)
        course = []
        for step in range(10):
            optimizer.zero_grad()
            ((p - target.to(dtype)) ** 2 * weight.to(dtype)).sum().backward()
            optimizer.step()
            course.append(p.detach().clone())
        key = f"optim/{name}/{str(dtype)[6:]}"
        out[key] = torch.stack(course)
        for state, value in optimizer.state_dict()["state"][0].items():
            out[f"{key}/{state}"] = value.clone()

save_file(out, sys.argv[1])
