package org.flambeau.backend.cpu.amx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A dimension of the images, along which a kernel slides: places, one for each of its positions and some between two images, so that a place
/// sees the same as its neighbour, only so many pixels on. One is made for each call: streams would take longer than some convolutions, until they are compiled.
///
/// Pixel `i` of what is read lies at `i + padding`, with zeros around; place `p` sees pixels from `step · p` on.
///
/// @param size how many places an image has
/// @param phases results that lie as many apart as the kernel strides see the same elements of it: in a convolution all of them, in a gradient
///     of the images `stride` of them in turn
record Dimension(int step, int padding, long size, List<Phase> phases) {
  /// Every `stride`th result from `first` on.
  ///
  /// @param places how many there are
  /// @param elements of the kernel that they see, in the order of what they see with them
  /// @param offsets which pixel that is, counted from the place's first
  record Phase(int first, int stride, long places, int[] elements, int[] offsets) {
    /// Whether elements are neighbours that see neighbours.
    boolean seesNeighbours() {
      boolean neighbours = true;
      for (int i = 1; i < offsets.length; i++) {
        neighbours &= offsets[i] == offsets[i - 1] + 1;
      }
      return neighbours;
    }
  }

  /// That of a convolution.
  static Dimension ofConvolution(long in, long out, long kernel, int stride, int padding, int dilation) {
    int[] elements = new int[(int) kernel];
    int[] offsets = new int[elements.length];
    for (int i = 0; i < elements.length; i++) {
      elements[i] = i;
      offsets[i] = i * dilation;
    }
    return of(in, stride, padding, List.of(new Phase(0, 1, out, elements, offsets)));
  }

  /// That of the gradient of a convolution's images: element `i` brings to pixel `q` what came for result `(q + padding - i·dilation) / stride`.
  static Dimension ofGradient(long in, long out, long kernel, int stride, int padding, int dilation) {
    int before = Math.max(0, Math.ceilDiv((int) (kernel - 1) * dilation - padding, stride));
    List<Phase> phases = new ArrayList<>();
    for (int first = 0; first < stride; first++) {
      int pixel = first + padding;
      int[] elements = new int[(int) kernel];
      int[] offsets = new int[elements.length];
      int seen = 0;
      for (int i = elements.length - 1; i >= 0; i--) {
        if (Math.floorMod(pixel - i * dilation, stride) == 0) {
          elements[seen] = i;
          offsets[seen++] = Math.floorDiv(pixel - i * dilation, stride) + before;
        }
      }
      phases.add(new Phase(first, stride, Math.max(0, Math.ceilDiv(in - first, stride)), Arrays.copyOf(elements, seen),
          Arrays.copyOf(offsets, seen)));
    }
    return of(out, 1, before, phases);
  }

  private static Dimension of(long pixels, int step, int padding, List<Phase> phases) {
    return new Dimension(step, padding, places(phases.getFirst().places, pixels, reach(phases), step, padding), phases);
  }

  private static int reach(List<Phase> phases) {
    int reach = 0;
    for (Phase phase : phases) {
      for (int offset : phase.offsets) {
        reach = Math.max(reach, offset);
      }
    }
    return reach;
  }

  /// The furthest pixel that a place sees, counted from its first.
  int reach() {
    return reach(phases);
  }

  /// How many places an image has: one for each result, and those that the last ones see besides, unless zeros that the next image begins with
  /// can serve for them.
  static long places(long results, long pixels, long reach, int step, int padding) {
    long met = results + reach / step;
    return Math.max(results, Math.max(met - padding / step, Math.min(met, Math.ceilDiv(pixels + padding, step))));
  }
}
