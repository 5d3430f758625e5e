"""What torchvision's models print, begin with, compute and learn, for the tests of org.flambeau.models.

    python models.py        # with torch 2.13, torchvision and numpy

Writes to ../resources/org/flambeau/models, of each model, `NAME.txt`, its tree, and `NAME.state`, the names and sizes of its state dict; and
`models.safetensors`, which holds

    NAME/initial               what is sampled of the state that seed 0 begins with, an entry in a row
    NAME/logits/DTYPE          of the filled model, in evaluation
    NAME/losses/SIZE/DTYPE     of five steps of SGD with momentum that start from the filled model, on images of that size
    NAME/trained/SIZE/DTYPE    what is sampled of the state after them

A filled model has the weights that `fill` draws, so that no file of weights is needed; the tests draw the same ones.
"""

import pathlib
import sys

import oracle  # noqa: F401, makes torchvision importable
import torch
from torch.nn.functional import cross_entropy
from torchvision import models
from torchvision.models import VisionTransformer

sys.path.append(str(pathlib.Path(__file__).resolve().parents[4] / "testkit/src/main/goldens"))
from golden import write  # noqa: E402

OUT = pathlib.Path(__file__).parent.parent / "resources/org/flambeau/models"
PLACES = 7
torch.set_num_threads(2)


def sampled(state):
    """Of each entry some elements at equal distances, the sum, and the sum of absolute values."""
    rows = []
    for entry in state.values():
        flat = entry.detach().reshape(-1).to(torch.float64)
        places = torch.arange(PLACES) * (flat.numel() - 1) // (PLACES - 1)
        rows.append(torch.cat([flat[places], flat.sum()[None], flat.abs().sum()[None]]))
    return torch.stack(rows)


def uniform(sizes, low, high):
    return torch.rand(sizes, dtype=torch.float64) * (high - low) + low


def fill(model):
    """Weights under which activations keep their magnitude, and statistics as of a trained model."""
    torch.manual_seed(1)
    for name, entry in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name.endswith("running_var") or entry.dim() == 1 and name.endswith("weight"):
            entry.copy_(uniform(entry.shape, 0.5, 1.5))
        elif entry.dim() in (2, 4):
            bound = (3 / entry[0].numel()) ** 0.5
            entry.copy_(uniform(entry.shape, -bound, bound))
        else:
            entry.copy_(uniform(entry.shape, -0.1, 0.1))
    return model


def images(count, size):
    torch.manual_seed(2)
    return uniform((count, 3, size, size), -2, 2)


tensors = {}


def begins(name, make):
    torch.manual_seed(0)
    model = make()
    (OUT / f"{name}.txt").write_text(f"{model}\n")
    (OUT / f"{name}.state").write_text(
        "".join(f"{key} {list(entry.shape)}\n" for key, entry in model.state_dict().items()))
    tensors[f"{name}/initial"] = sampled(model.state_dict())


def computes(name, make, count, size, dtype):
    model = fill(make()).to(dtype).eval()
    with torch.no_grad():
        tensors[f"{name}/logits/{dtype}".replace("torch.", "")] = model(images(count, size).to(dtype))


def learns(name, make, count, size, dtype, lr=0.01):
    model = fill(make()).to(dtype).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    x, labels, losses = images(count, size).to(dtype), torch.arange(count), []
    for _ in range(5):
        optimizer.zero_grad()
        loss = cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    print(name, size, dtype, [x.item() for x in losses])
    tensors[f"{name}/losses/{size}/{dtype}".replace("torch.", "")] = torch.stack(losses)
    tensors[f"{name}/trained/{size}/{dtype}".replace("torch.", "")] = sampled(model.state_dict())


def vit_tiny():
    return VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=10)


begins("resnet18", models.resnet18)
begins("resnet34", models.resnet34)
begins("resnet50", models.resnet50)
begins("vit_b_16", models.vit_b_16)
begins("vit_tiny", vit_tiny)
computes("resnet18", models.resnet18, 2, 64, torch.float32)
computes("resnet18", models.resnet18, 2, 32, torch.float64)
computes("resnet50", models.resnet50, 2, 64, torch.float32)
computes("vit_b_16", models.vit_b_16, 1, 224, torch.float32)
computes("vit_tiny", vit_tiny, 3, 32, torch.float32)
computes("vit_tiny", vit_tiny, 3, 32, torch.float64)
learns("resnet18", models.resnet18, 4, 224, torch.float32, lr=0.001)  # at 0.01, float32 is 4e-3 from float64 after five steps
learns("resnet18", models.resnet18, 4, 32, torch.float64)
learns("vit_b_16", models.vit_b_16, 2, 224, torch.float32)
learns("vit_tiny", vit_tiny, 4, 32, torch.float32)
learns("vit_tiny", vit_tiny, 4, 32, torch.float64)
write(OUT / "models.safetensors", tensors, {})
