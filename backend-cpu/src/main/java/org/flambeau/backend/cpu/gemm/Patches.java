package org.flambeau.backend.cpu.gemm;

import static org.flambeau.spi.NativeMemory.ALL;

/// The patches of an image (channels, height, width) that a kernel of kernelH × kernelW sees at each of outH × outW places,
/// as the factor of a product that is never written out as a whole. Line (y, x) holds element (channel, i, j): the
/// image at row (y·multiply + i·step + offset)/divide, zero where that is no whole number or outside; columns likewise.
///
/// A convolution has multiply = stride, step = dilation, offset = −padding, divide = 1; the gradient for its input,
/// which looks from the input's places back at the output's, has multiply = 1, step = −dilation, offset = padding, divide = stride.
record Patches(long image, int height, int width, int kernelH, int kernelW, int outW, Axis y, Axis x, int size) implements Panels {
  /// How places and kernel positions map to the image along one axis.
  record Axis(int multiply, int step, int offset, int divide) {
    static Axis forward(int stride, int padding, int dilation) {
      return new Axis(stride, dilation, -padding, 1);
    }

    static Axis backward(int stride, int padding, int dilation) {
      return new Axis(1, -dilation, padding, stride);
    }

    int numerator(int place, int kernel) {
      return place * multiply + kernel * step + offset;
    }

    /// The image's row or column, or −1 for none.
    int source(int place, int kernel, int length) {
      int at = numerator(place, kernel);
      return at >= 0 && at % divide == 0 && at / divide < length ? at / divide : -1;
    }
  }

  @Override
  public void pack(long line, int lines, long start, int depth, int wide, long to) {
    long group = (long) depth * wide * size;
    for (int done = 0; done < lines; done += wide, to += group) {
      int count = Math.min(wide, lines - done);
      ALL.asSlice(to, group).fill((byte) 0);
      for (int k = 0; k < depth; k++) {
        element(line + done, count, start + k, to + (long) k * wide * size, 1);
      }
    }
  }

  /// The same with lines and elements exchanged: lines (channel, i, j), elements (y, x).
  Panels transposed() {
    return (line, lines, start, depth, wide, to) -> {
      long group = (long) depth * wide * size;
      for (int done = 0; done < lines; done += wide, to += group) {
        ALL.asSlice(to, group).fill((byte) 0);
        for (int l = 0; l < Math.min(wide, lines - done); l++) {
          element(start, depth, line + done + l, to + (long) l * size, wide);
        }
      }
    };
  }

  /// Writes what is not zero of element `k` of `count` consecutive lines, `toStep` elements apart.
  private void element(long line, int count, long k, long to, int toStep) {
    int kernel = kernelH * kernelW;
    long plane = image + k / kernel * height * width * size;
    int i = (int) (k % kernel) / kernelW;
    int j = (int) (k % kernelW);
    for (int done = 0; done < count;) {
      int placeY = (int) ((line + done) / outW);
      int placeX = (int) ((line + done) % outW);
      int run = Math.min(count - done, outW - placeX);
      int row = y.source(placeY, i, height);
      if (row >= 0) {
        row(plane + (long) row * width * size, x.numerator(placeX, j), run, to + (long) done * toStep * size, toStep);
      }
      done += run;
    }
  }

  /// Places side by side see columns side by side, every column or every place being one of `multiply` or `divide`.
  private void row(long from, int numerator, int count, long to, int toStep) {
    int first = Math.max(0, Math.ceilDiv(-numerator, x.multiply));
    while ((numerator + first * x.multiply) % x.divide != 0) {
      first++;
    }
    int last = Math.min(count - 1, Math.floorDiv((width - 1) * x.divide - numerator, x.multiply));
    if (first <= last) {
      Panels.move(from + (long) (numerator + first * x.multiply) / x.divide * size, x.multiply, to + (long) first * toStep * size,
          (long) toStep * x.divide, (last - first) / x.divide + 1, size);
    }
  }
}
