"""Whole models in PyTorch and torchvision, the same as in ModelBench.java: equal initial weights, images and labels."""
import contextlib
import re

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 1000
NAME = re.compile(r"(\w+) (\d+)x3x(\d+)x\d+(?: (autocast to )?(\w+))?, (.*)")


class Arithmetic:
    """What parameters and images are in, `dtype`, and what autocast computes in, `lower`, or None."""

    def __init__(self, autocast, precision):
        named = getattr(torch, precision or "float32")
        self.dtype, self.lower = (torch.float32, named) if autocast else (named, None)

    def region(self, device):
        return torch.autocast(device.type, self.lower) if self.lower else contextlib.nullcontext()

    def scaler(self, device):
        return torch.amp.GradScaler(device.type, enabled=self.lower == torch.float16)


def workload(name, device):
    """What NAME says, as in `resnet18 8x3x224x224 autocast to bfloat16, training step`."""
    model, batch, size, autocast, precision, kind = NAME.fullmatch(name).groups()
    return KINDS[kind](model, int(batch), int(size), Arithmetic(autocast, precision), device)


def make(name):
    from torchvision import models

    torch.manual_seed(0)
    model = getattr(models, name)(weights=None)
    draw_weights(head(model))
    return model


def head(model):
    return model.fc if hasattr(model, "fc") else model.heads.head


def draw_weights(layer):
    nn.init.normal_(layer.weight, 0, 0.02)
    nn.init.zeros_(layer.bias)


def draw_images(batch, size, arithmetic, device):
    return torch.randn(batch, 3, size, size).to(device, arithmetic.dtype)


def inference(gradients):
    def prepare(name, batch, size, arithmetic, device):
        model = make(name).eval().to(device, arithmetic.dtype)
        images = draw_images(batch, size, arithmetic, device)

        def run():
            with torch.set_grad_enabled(gradients), arithmetic.region(device):
                return model(images)

        return run

    return prepare


def step(name, batch, size, arithmetic, device):
    return training(make(name), batch, size, arithmetic, device)


def step_of_a_new_head(name, batch, size, arithmetic, device):
    model = make(name).eval().requires_grad_(False)
    new = nn.Linear(head(model).in_features, CLASSES)
    if hasattr(model, "fc"):
        model.fc = new
    else:
        model.heads.head = new
    draw_weights(new)
    return training(model, batch, size, arithmetic, device)


def training(model, batch, size, arithmetic, device):
    images = draw_images(batch, size, arithmetic, device)
    labels = torch.randint(0, CLASSES, (batch,)).to(device)
    model.to(device, arithmetic.dtype)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)
    scaler = arithmetic.scaler(device)

    def run():
        optimizer.zero_grad()
        with arithmetic.region(device):
            loss = F.cross_entropy(model(images), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss

    return run


KINDS = {"tracked": inference(True), "no_grad": inference(False), "training step": step, "step of a new head": step_of_a_new_head}
