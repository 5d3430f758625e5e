"""Losses of five steps of training under autocast to bfloat16, for AutocastTrainingTest.

    python autocast.py      # with torch 2.13, torchvision and numpy

A line of `../resources/org/flambeau/models/autocast.tsv` is a model, whether backward ran inside the region, and the losses; `float32` stands
for training without autocast. Models are filled and images drawn as `models.py` says.
"""

import contextlib
import pathlib
import types

import oracle  # noqa: F401, makes torchvision importable
import torch
from torch.nn.functional import cross_entropy
from torchvision import models
from torchvision.models.resnet import BasicBlock, ResNet

HERE = pathlib.Path(__file__).resolve().parent
source = types.ModuleType("models_py")
text = (HERE / "models.py").read_text()
exec(compile(text[:text.index('\nbegins("resnet18"')].replace("__file__", repr(str(HERE / "models.py"))), "models.py", "exec"), source.__dict__)


def learns(make, how):
    model = source.fill(make()).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, labels, losses = source.images(8, 32).float(), torch.arange(8), []
    for _ in range(5):
        optimizer.zero_grad()
        with contextlib.nullcontext() if how == "float32" else torch.autocast("cpu", torch.bfloat16):
            loss = cross_entropy(model(x), labels)
            if how == "inside":
                loss.backward()
        if how != "inside":
            loss.backward()
        optimizer.step()
        losses.append(repr(loss.item()))
    return losses


torch.set_num_threads(1)
lines = ["\t".join([name, how, *learns(make, how)])
         for name, make in {"resnet": lambda: ResNet(BasicBlock, [1, 1, 1, 1], num_classes=10), "vit_tiny": source.vit_tiny}.items()
         for how in ("float32", "outside", "inside")]
(source.OUT / "autocast.tsv").write_text("\n".join(lines) + "\n")
print("\n".join(lines))
