package org.flambeau.backend.cpu.amx;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// A dimension of the images, along which a kernel slides: places, one for each of its positions and some between two images, so that a place
/// sees the same as its neighbour, only so many pixels on.
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
      return IntStream.range(1, offsets.length).allMatch(i -> offsets[i] == offsets[i - 1] + 1);
    }
  }

  /// That of a convolution.
  static Dimension ofConvolution(long in, long out, long kernel, int stride, int padding, int dilation) {
    int[] elements = IntStream.range(0, (int) kernel).toArray();
    int[] offsets = IntStream.range(0, (int) kernel).map(i -> i * dilation).toArray();
    return of(in, stride, padding, List.of(new Phase(0, 1, out, elements, offsets)));
  }

  /// That of the gradient of a convolution's images: element `i` brings to pixel `q` what came for result `(q + padding - i·dilation) / stride`.
  static Dimension ofGradient(long in, long out, long kernel, int stride, int padding, int dilation) {
    int before = Math.max(0, Math.ceilDiv((int) (kernel - 1) * dilation - padding, stride));
    List<Phase> phases = new ArrayList<>();
    for (int first = 0; first < stride; first++) {
      int pixel = first + padding;
      int[] elements = IntStream.iterate((int) kernel - 1, i -> i >= 0, i -> i - 1)
          .filter(i -> Math.floorMod(pixel - i * dilation, stride) == 0)
          .toArray();
      int[] offsets = IntStream.of(elements).map(i -> Math.floorDiv(pixel - i * dilation, stride) + before).toArray();
      phases.add(new Phase(first, stride, Math.max(0, Math.ceilDiv(in - first, stride)), elements, offsets));
    }
    return of(out, 1, before, phases);
  }

  private static Dimension of(long pixels, int step, int padding, List<Phase> phases) {
    return new Dimension(step, padding, places(phases.getFirst().places, pixels, reach(phases), step, padding), phases);
  }

  private static int reach(List<Phase> phases) {
    return phases.stream().flatMapToInt(phase -> IntStream.of(phase.offsets)).max().orElse(0);
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
