package org.flambeau.internal.ops;

import java.util.stream.IntStream;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;

/// Several kernels that touch the same lines of the cache, part by part of their result.
final class Parts {
  /// The places [begin, end) of a dimension, or where that is negative all there are.
  record Part(int dim, long begin, long end) {
    private static final Part ALL = new Part(-1, 0, 0);

    /// What a tensor has there.
    Strided of(Strided x) {
      return dim < 0 ? x : x.with(x.offset() + begin * x.stride(dim), Shapes.resized(x.sizes(), dim, end - begin), x.strides());
    }
  }

  @FunctionalInterface
  interface Body {
    void run(Part part);
  }

  private Parts() {}

  /// Calls `body` for parts along the longest of the first `dims` dimensions, which all that it touches has as `out` has them.
  static void run(Kernels k, Strided out, int dims, Body body) {
    if (dims == 0) {
      body.run(Part.ALL);
      return;
    }
    int dim = IntStream.range(0, dims).reduce(0, (a, b) -> out.size(b) > out.size(a) ? b : a);
    k.inParts(out.size(dim), out.numel() * out.dtype().size(), (begin, end) -> body.run(new Part(dim, begin, end)));
  }
}
