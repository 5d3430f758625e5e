"""Writes ../resources/org/flambeau/vision/images/: small images of every kind, and decoded.txt, what Pillow's convert("RGB") makes of them.

A line of decoded.txt is: the file's name, width, height, the CRC-32 of the pixels. What Pillow makes of lossy WebP is beside it as PNG, since decoders
smooth its colours differently.
"""

import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

OUT = pathlib.Path(__file__).parent.parent / "resources/org/flambeau/vision/images"
W, H = 37, 23


def picture(w=W, h=H, mode="RGB"):
    """Slopes, an edge and a disc."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    red = 255 * x / max(w - 1, 1)
    green = 255 * y / max(h - 1, 1)
    blue = np.where((x - w / 2) ** 2 + (y - h / 2) ** 2 < (h / 3) ** 2, 220, 40)
    alpha = 255 * (x + y) / (w + h)
    channels = np.stack([red, green, blue, alpha], -1).astype(np.uint8)
    rgba = Image.fromarray(channels, "RGBA")
    return rgba if mode == "RGBA" else rgba.convert("RGB").convert(mode)


def png(name, depth, colour, rows, extra=b"", w=W, h=H):
    """A PNG of a depth that Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    (OUT / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def packed(values, bits):
    """Rows of values of less than 8 bits, the first in the upper bits."""
    rows = []
    for row in values:
        text = "".join(format(v, f"0{bits}b") for v in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    return rows


def write():
    OUT.mkdir(parents=True, exist_ok=True)
    rgb = picture()
    rgb.save(OUT / "rgb.png")
    picture(mode="RGBA").save(OUT / "rgba.png")
    picture(mode="L").save(OUT / "grey.png")
    picture(mode="LA").save(OUT / "grey-alpha.png")
    picture(mode="1").save(OUT / "black-white.png")
    palette = rgb.quantize(17)
    palette.save(OUT / "palette.png")
    palette.save(OUT / "palette-transparent.png", transparency=3)
    rgb.save(OUT / "colour-key.png", transparency=(0, 0, 40))
    picture(1, 1).save(OUT / "one-pixel.png")
    wide = (np.arange(W * H * 3, dtype=np.uint32) * 7919 % 65536).astype(">u2").reshape(H, W, 3)
    png("rgb16.png", 16, 2, [row.tobytes() for row in wide])
    png("grey16.png", 16, 0, [row.tobytes() for row in wide[:, :, 0]])
    png("rgba16.png", 16, 6, [np.concatenate([row, row[:, :1]], -1).tobytes() for row in wide])
    for bits in (2, 4):
        png(f"grey{bits}.png", bits, 0, packed(wide[:, :, 0] % (1 << bits), bits))
    gamma = struct.pack(">I", 4) + b"gAMA" + struct.pack(">I", 100000)
    gamma += struct.pack(">I", zlib.crc32(gamma[4:]))
    png("gamma.png", 8, 2, [np.asarray(rgb)[y].tobytes() for y in range(H)], gamma)
    rgb.save(OUT / "rgb.bmp")
    palette.save(OUT / "palette.bmp")
    picture(mode="1").save(OUT / "black-white.bmp")
    palette.save(OUT / "palette.gif")
    rgb.save(OUT / "rgb.tif")
    palette.save(OUT / "palette.tif")
    picture(mode="CMYK").save(OUT / "cmyk.tif", compression="tiff_deflate")
    rgb.save(OUT / "rgb.ppm")
    picture(mode="L").save(OUT / "grey.pgm")
    (OUT / "narrow.ppm").write_bytes(b"P6 # up to 100\n3 2\n100\n" + bytes(range(0, 108, 6)))
    rgb.save(OUT / "lossless.webp", lossless=True)
    picture(mode="RGBA").save(OUT / "lossless-alpha.webp", lossless=True, exact=True)

    rgb.save(OUT / "444.jpg", quality=90, subsampling=0)
    rgb.save(OUT / "422.jpg", quality=90, subsampling=1)
    rgb.save(OUT / "420.jpg", quality=75, subsampling=2)
    rgb.save(OUT / "progressive.jpg", quality=75, progressive=True)
    picture(mode="L").save(OUT / "grey.jpg", quality=90)
    picture(mode="CMYK").save(OUT / "cmyk.jpg", quality=90)
    rgb.save(OUT / "plain-rgb.jpg", quality=90, keep_rgb=True)
    ycck = bytearray((OUT / "cmyk.jpg").read_bytes())
    ycck[ycck.index(b"Adobe") + 11] = 2
    (OUT / "ycck.jpg").write_bytes(ycck)
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(OUT / "rotated.jpg", quality=90, exif=exif, subsampling=0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # the time it was made
    rgb.save(OUT / "profile.png", icc_profile=profile)
    swapped = profile.replace(b"rXYZ", b"tXYZ").replace(b"gXYZ", b"rXYZ").replace(b"tXYZ", b"gXYZ")
    rgb.save(OUT / "swapped-profile.jpg", quality=90, subsampling=0, icc_profile=swapped)
    rgb.save(OUT / "lossy.webp", quality=90)
    picture(mode="RGBA").save(OUT / "lossy-alpha.webp", quality=90)

    lines = []
    for file in sorted(OUT.iterdir()):
        if file.name.endswith(".expected.png") or file.name == "decoded.txt":
            continue
        decoded = Image.open(file).convert("RGB")
        if file.name.startswith("lossy"):
            decoded.save(OUT / (file.name + ".expected.png"), optimize=True)
        lines.append(f"{file.name} {decoded.width} {decoded.height} {zlib.crc32(decoded.tobytes()):08x}")
    (OUT / "decoded.txt").write_text("\n".join(lines) + "\n")


write()
