"""Whole models in PyTorch and torchvision, the same as in ModelBench.java: equal initial weights, images and labels."""
import contextlib
import re

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 1000
NAME = re.compile(r"(\w+) (\d+)x3x(\d+)x\d+(?: (\w+))?, (.*)")


def workload(name, device):
    """What NAME says, as in `resnet18 8x3x224x224 bfloat16, training step`."""
    model, batch, size, precision, kind = NAME.fullmatch(name).groups()
    return KINDS[kind](model, int(batch), int(size), precision, device)


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


def draw_images(batch, size, device):
    return torch.randn(batch, 3, size, size).to(device)


def autocast(precision, device):
    return torch.autocast(device.type, getattr(torch, precision)) if precision else contextlib.nullcontext()


def inference(gradients):
    def prepare(name, batch, size, precision, device):
        model = make(name).eval().to(device)
        images = draw_images(batch, size, device)

        def run():
            with torch.set_grad_enabled(gradients), autocast(precision, device):
                return model(images)

        return run

    return prepare


def step(name, batch, size, precision, device):
    return training(make(name), batch, size, precision, device)


def step_of_a_new_head(name, batch, size, precision, device):
    model = make(name).eval().requires_grad_(False)
    new = nn.Linear(head(model).in_features, CLASSES)
    if hasattr(model, "fc"):
        model.fc = new
    else:
        model.heads.head = new
    draw_weights(new)
    return training(model, batch, size, precision, device)


def training(model, batch, size, precision, device):
    images = draw_images(batch, size, device)
    labels = torch.randint(0, CLASSES, (batch,)).to(device)
    model.to(device)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")

    def run():
        optimizer.zero_grad()
        with autocast(precision, device):
            loss = F.cross_entropy(model(images), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss

    return run


KINDS = {"tracked": inference(True), "no_grad": inference(False), "training step": step, "step of a new head": step_of_a_new_head}
