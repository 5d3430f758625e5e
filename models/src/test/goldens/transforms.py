"""Writes ../resources/org/flambeau/vision/transforms.txt: what torchvision's transforms make of images by Pillow.

A line is: transform; its arguments; the image's width, height and channels; the seed of the generator and how often it is applied;
the CRC-32 of each result's bytes with its sizes; the next randint below 1000 of the generator.
"""

import pathlib
import zlib

import numpy as np
import oracle  # noqa: F401, makes torchvision importable
import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode as I
from torchvision.transforms._presets import ImageClassification

OUT = pathlib.Path(__file__).parent.parent / "resources/org/flambeau/vision/transforms.txt"

SIZES = [(1, 1), (1, 7), (7, 1), (2, 3), (5, 5), (16, 9), (31, 64), (64, 31), (100, 75), (257, 130)]
TARGETS = [(1, 1), (3, 2), (7, 7), (16, 16), (40, 23), (90, 128), (260, 1)]
FILTERS = {"nearest": I.NEAREST, "bilinear": I.BILINEAR, "bicubic": I.BICUBIC}


def image(w, h, channels):
    """Half noise, half slopes: the same as in TransformsTest."""
    i = np.arange(w * h * channels, dtype=np.uint32)
    noise = (i * np.uint32(2654435761)) >> np.uint32(24)
    slope = (i * np.uint32(3)) >> np.uint32(2)
    values = np.where((i // np.uint32(64)) % np.uint32(2) == 0, noise, slope).astype(np.uint8)
    return Image.fromarray(values.reshape((h, w) if channels == 1 else (h, w, channels)))


def crc(result):
    array = result.numpy() if isinstance(result, torch.Tensor) else np.asarray(result)
    return f"{zlib.crc32(np.ascontiguousarray(array).tobytes()):08x}:{'x'.join(map(str, array.shape))}"


def line(name, arguments, transform, size, seed=0, times=1):
    torch.manual_seed(seed)
    source = image(*size)
    results = " ".join(crc(transform(source)) for _ in range(times))
    after = int(torch.randint(1000, (1,)))
    return f"{name};{arguments};{','.join(map(str, size))};{seed},{times};{results};{after}"


def is_clear(blur, size, seed, times):
    """Whether no pixel is so near to one half that the rounding of its sum decides."""
    torch.manual_seed(seed)
    source = T.functional.pil_to_tensor(image(*size)).double()
    exact = torch.stack([blur(source) for _ in range(times)])
    return bool(((exact - exact.floor() - 0.5).abs() > 5e-5).all())


def lines():
    for w, h in SIZES:
        for name, mode in FILTERS.items():
            for tw, th in TARGETS:
                yield line("Resize", f"{th},{tw},{name}", T.Resize((th, tw), mode), (w, h, 1 + 2 * ((w + tw) % 2)))
            for short in (1, 6, 32, 75):
                yield line("Shortest", f"{short},{name}", T.Resize(short, mode), (w, h, 3))
        for th, tw in ((1, 1), (2, 3), (5, 5), (20, 31), (31, 20), (64, 64)):
            yield line("CenterCrop", f"{th},{tw}", T.CenterCrop((th, tw)), (w, h, 3))
        for mode in ("constant", "edge", "reflect", "symmetric"):
            for padding in ((1, 1, 1, 1), (0, 2, 3, 1), (5, 0, 0, 9)):
                yield line("Pad", f"{','.join(map(str, padding))},17,{mode}", T.Pad(padding, 17, mode), (w, h, 3))
        yield line("Grayscale", "1", T.Grayscale(1), (w, h, 3))
        yield line("Grayscale", "3", T.Grayscale(3), (w, h, 3))
        yield line("Grayscale", "3", T.Grayscale(3), (w, h, 1))
        yield line("ToTensor", "", T.ToTensor(), (w, h, 3))
        for seed in (0, 1):
            yield line("RandomHorizontalFlip", "0.5", T.RandomHorizontalFlip(), (w, h, 3), seed, 6)
            yield line("RandomVerticalFlip", "0.3", T.RandomVerticalFlip(0.3), (w, h, 1), seed, 6)
            for name, mode in FILTERS.items():
                yield line("RandomResizedCrop", f"24,{name}", T.RandomResizedCrop(24, interpolation=mode), (w, h, 3), seed, 8)
            yield line("RandomCrop", "1,1,0", T.RandomCrop(1), (w, h, 3), seed, 4)
            yield line("RandomCrop", "8,9,4", T.RandomCrop((8, 9), padding=4), (w, h, 3), seed, 4)
            jitter = (0.4, 0.3, 0.2, 0.1)
            yield line("ColorJitter", "0.4,0.3,0.2,0.1", T.ColorJitter(*jitter), (w, h, 3), seed, 8)
            yield line("ColorJitter", "0.4,0.3,0.2,0.1", T.ColorJitter(*jitter), (w, h, 1), seed, 3)
            yield line("ColorJitter", "1.5,0,2,0.5", T.ColorJitter(1.5, 0, 2, 0.5), (w, h, 3), seed, 8)
            for name, mode in FILTERS.items():
                yield line("RandAugment", f"2,9,{name},0", T.RandAugment(interpolation=mode), (w, h, 3), seed, 40)
                yield line("RandAugment", f"3,30,{name},88", T.RandAugment(3, 30, interpolation=mode, fill=[88]), (w, h, 1), seed, 15)
                yield line("TrivialAugmentWide", f"{name},0", T.TrivialAugmentWide(interpolation=mode), (w, h, 3), seed, 60)
                for policy in T.AutoAugmentPolicy:
                    yield line("AutoAugment", f"{policy.name},{name},{50 if mode == I.BILINEAR else 0}",
                               T.AutoAugment(policy, mode, [50] * 3 if mode == I.BILINEAR else None), (w, h, 3), seed, 60)
            yield line("RandomGrayscale", "0.5", T.RandomGrayscale(0.5), (w, h, 3), seed, 6)
            yield line("RandomApply", "0.4", T.RandomApply([T.RandomVerticalFlip(0.5)], 0.4), (w, h, 3), seed, 8)
            for name, mode in FILTERS.items():
                yield line("RandomRotation", f"-40,40,{name},no,0", T.RandomRotation(40, mode), (w, h, 3), seed, 6)
                yield line("RandomRotation", f"-200,500,{name},yes,77", T.RandomRotation((-200, 500), mode, True, fill=77), (w, h, 1), seed, 6)
                for angle in (0, 90, 180, 270):
                    yield line("RandomRotation", f"{angle},{angle},{name},yes,3", T.RandomRotation((angle, angle), mode, True, fill=3), (w, h, 3))
                    yield line("RandomRotation", f"{angle},{angle},{name},no,3", T.RandomRotation((angle, angle), mode, fill=3), (w, h, 3))
                yield line("RandomAffine", f"30,0,0,1,1,0,{name},0", T.RandomAffine(30, interpolation=mode), (w, h, 3), seed, 5)
                yield line("RandomAffine", f"20,0.2,0.3,0.7,1.4,12,{name},9",
                           T.RandomAffine(20, (0.2, 0.3), (0.7, 1.4), 12, mode, 9), (w, h, 3), seed, 5)
                yield line("RandomAffine", f"0,0.2,0,0.5,2,0,{name},9", T.RandomAffine(0, (0.2, 0), (0.5, 2), None, mode, 9), (w, h, 1), seed, 5)
            for value in (0, "random", (0.1, 0.2, 0.3)):
                erase = T.Compose([T.ToTensor(), T.RandomErasing(0.7, value=value)])
                arguments = "random" if value == "random" else ",".join(map(str, value if value else [0]))
                yield line("RandomErasing", arguments, erase, (w, h, 3), seed, 6)
            train = T.Compose([T.RandomResizedCrop(24), T.RandomHorizontalFlip(), T.ToTensor(),
                               T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
            yield line("train", "24", train, (w, h, 3), seed, 3)
        if 4 < min(w, h) < 64:
            for arguments, blur, channels in (("5,3,0.1,2", T.GaussianBlur((3, 5), (0.1, 2)), 3), ("9,9,0.5,5", T.GaussianBlur(9, (0.5, 5)), 1)):
                if max(blur.kernel_size) // 2 < min(w, h):
                    seeds = (seed for seed in range(1000) if is_clear(blur, (w, h, channels), seed, 3))
                    yield line("GaussianBlur", arguments, blur, (w, h, channels), next(seeds), 3)
        yield line("eval", "32,28", ImageClassification(crop_size=28, resize_size=32), (w, h, 3))
        yield line("eval", "256,224", ImageClassification(crop_size=224), (w, h, 3))


OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text("\n".join(lines()) + "\n")
