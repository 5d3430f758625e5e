package org.flambeau.backend.cpu;

import org.flambeau.DType;
import org.flambeau.spi.Strided;

/// A stack of images, (n, c, h, w) or (c, h, w), as lines of one image row each: of `width` elements of one channel, or,
/// channels-last, of `width` pixels of all channels. A group is what shares a line's rows: a channel, or an image.
final class Lines {
  final DType dtype;
  final int height;
  final int width;
  final int channels;
  /// Elements of one column of a line.
  final int pixel;
  final int groups;
  /// Bytes between neighbours in a line.
  final long step;

  private final long base;
  private final long stepN;
  private final long stepC;
  private final long stepH;

  private Lines(Strided images, boolean channelsLast) {
    int c = images.rank() - 3;
    int batch = c == 0 ? 1 : (int) images.size(0);
    dtype = images.dtype();
    channels = Math.toIntExact(images.size(c));
    height = Math.toIntExact(images.size(c + 1));
    width = Math.toIntExact(images.size(c + 2));
    Math.toIntExact((long) height * width);
    pixel = channelsLast ? channels : 1;
    groups = Math.toIntExact(channelsLast ? batch : (long) batch * channels);
    base = images.address();
    stepN = c == 0 ? 0 : images.stride(0) * dtype.size();
    stepC = images.stride(c) * dtype.size();
    stepH = images.stride(c + 1) * dtype.size();
    step = channelsLast ? dtype.size() : images.stride(c + 2) * dtype.size();
  }

  /// The operands of one kernel: channels-last if all of them are.
  static Lines[] of(Strided... operands) {
    boolean channelsLast = true;
    for (Strided operand : operands) {
      int c = operand.rank() - 3;
      channelsLast &= operand.size(c) > 3 && operand.stride(c) == 1 && operand.stride(c + 2) == operand.size(c);
    }
    Lines[] lines = new Lines[operands.length];
    for (int i = 0; i < lines.length; i++) {
      lines[i] = new Lines(operands[i], channelsLast);
    }
    return lines;
  }

  /// Whether elements are computed in float32.
  boolean isSingle() {
    return dtype == DType.FLOAT32 || dtype == DType.BFLOAT16 || dtype == DType.FLOAT16;
  }

  /// Whether all lines of a group lie one behind the other without gaps.
  boolean isDense() {
    return step == dtype.size() && (height == 1 || stepH == length() * step);
  }

  /// Where a group begins.
  long address(int group) {
    return pixel == 1 ? base + group / channels * stepN + group % channels * stepC : base + group * stepN;
  }

  long address(int group, int row) {
    return address(group) + row * stepH;
  }

  /// Bytes from a line to the next of its group.
  long rowStep() {
    return stepH;
  }

  /// Elements of a line.
  int length() {
    return width * pixel;
  }

  /// How many lines are worth a thread, where each element costs `work`.
  long grain(int work) {
    return Math.max(1, (1 << 15) / Math.max(1, (long) length() * work));
  }

  long count() {
    return (long) groups * height;
  }
}
