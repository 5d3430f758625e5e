"""Whole models in PyTorch and torchvision, the same as in ModelBench.java: equal initial weights, images and labels."""
import contextlib
import functools
import re

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 1000
NAME = re.compile(r"(\w+) (\d+)x3x(\d+)x\d+ ([\w ]+), (.*)")
LAYOUTS = {"plain": torch.contiguous_format, "channels-last": torch.channels_last}


class Setting:
    """Where, in what and in which layout a model computes. Numerics are as in Numerics.java: `tf32`, `bfloat16`, `autocast to bfloat16`."""

    def __init__(self, device, numerics, layout):
        self.device, self.layout, self.name = device, LAYOUTS[layout], layout
        _, mixed, name = numerics.rpartition("autocast to ")
        self.autocast_dtype = getattr(torch, name) if mixed else None
        self.dtype = torch.float32 if mixed or name == "tf32" else getattr(torch, name)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = numerics == "tf32"

    def __str__(self):
        return f"{self.name}, autocast" if self.autocast_dtype else self.name

    def place(self, thing):
        return thing.to(self.device, self.dtype, memory_format=self.layout)

    def autocast(self):
        return torch.autocast(self.device.type, self.autocast_dtype) if self.autocast_dtype else contextlib.nullcontext()

    def scaler(self):
        return torch.amp.GradScaler(self.device.type, enabled=self.autocast_dtype == torch.float16)


def variants(name, device):
    """What prepares NAME, as in `resnet18 8x3x224x224 bfloat16, training step`, by layout, which says so of autocast."""
    model, batch, size, numerics, kind = NAME.fullmatch(name).groups()
    settings = [Setting(device, numerics, layout) for layout in LAYOUTS]
    return {str(setting): functools.partial(KINDS[kind], model, int(batch), int(size), setting) for setting in settings}


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


def inference(gradients):
    def prepare(name, batch, size, setting):
        model = setting.place(make(name).eval())
        images = setting.place(torch.randn(batch, 3, size, size))

        def run():
            with torch.set_grad_enabled(gradients), setting.autocast():
                return model(images)

        return run

    return prepare


def step(name, batch, size, setting):
    return training(make(name), batch, size, setting)


def step_of_a_new_head(name, batch, size, setting):
    model = make(name).eval().requires_grad_(False)
    new = nn.Linear(head(model).in_features, CLASSES)
    if hasattr(model, "fc"):
        model.fc = new
    else:
        model.heads.head = new
    draw_weights(new)
    return training(model, batch, size, setting)


def training(model, batch, size, setting):
    images = setting.place(torch.randn(batch, 3, size, size))
    labels = torch.randint(0, CLASSES, (batch,)).to(setting.device)
    setting.place(model)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.9)
    scaler = setting.scaler()

    def run():
        optimizer.zero_grad()
        with setting.autocast():
            loss = F.cross_entropy(model(images), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss

    return run


KINDS = {"tracked": inference(True), "no_grad": inference(False), "training step": step, "step of a new head": step_of_a_new_head}
