"""Whole models in PyTorch and torchvision, the same as in ModelWorkloads.java: equal initial weights, images and labels."""
import torch
import torch.nn.functional as F
from torch import nn


def make(name):
    from torchvision.models import resnet18, vit_b_16

    torch.manual_seed(0)
    model = {"resnet18": resnet18, "vit_b_16": vit_b_16}[name](weights=None)
    draw_weights(head(model))
    return model


def head(model):
    return model.fc if hasattr(model, "fc") else model.heads.head


def draw_weights(layer):
    nn.init.normal_(layer.weight, 0, 0.02)
    nn.init.zeros_(layer.bias)


def no_grad(name, batch, size):
    model = make(name).eval()
    images = torch.randn(batch, 3, size, size)

    def run():
        with torch.no_grad():
            return model(images)

    return run


def step(name, batch, size):
    return training(make(name), batch, size)


def frozen(name, batch, size):
    model = make(name).eval().requires_grad_(False)
    old = head(model)
    new = nn.Linear(old.in_features, 1000)
    if hasattr(model, "fc"):
        model.fc = new
    else:
        model.heads.head = new
    draw_weights(new)
    return training(model, batch, size)


def training(model, batch, size):
    images = torch.randn(batch, 3, size, size)
    labels = torch.randint(0, 1000, (batch,))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def run():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return run


SIZES = [("resnet18", 1, 64), ("resnet18", 32, 32), ("resnet18", 8, 224), ("vit_b_16", 1, 224), ("vit_b_16", 8, 224)]
KINDS = {"no_grad": no_grad, "training step": step, "step of a new head": frozen}
WORKLOADS = {
    f"{name} {batch}x3x{size}x{size}, {what}": lambda kind=kind, sizes=(name, batch, size): kind(*sizes)
    for what, kind in KINDS.items()
    for name, batch, size in SIZES
}
