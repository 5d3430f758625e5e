package org.flambeau.backend.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import org.flambeau.DType;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Operands as a library takes them: where they lie, or copied for the time of a call where it does not take them so.
final class Copies implements AutoCloseable {
  private final Gpu gpu;
  private final Elementwise elementwise;
  private final LongFunction<Workspace> memory;
  private final List<Workspace> copies = new ArrayList<>(0);

  Copies(Gpu gpu, Elementwise elementwise) {
    this(gpu, elementwise, bytes -> Workspace.of(gpu, bytes));
  }

  /// @param memory for as many bytes
  Copies(Gpu gpu, Elementwise elementwise, LongFunction<Workspace> memory) {
    this.gpu = gpu;
    this.elementwise = elementwise;
    this.memory = memory;
  }

  /// `x` with its elements one after the other, in whatever order of dimensions.
  Strided dense(Strided x) {
    return lies(x, false) ? x : copy(x);
  }

  /// `x` with no two elements at one place.
  Strided withoutOverlap(Strided x) {
    return lies(x, true) ? x : copy(x);
  }

  /// Whether each dimension, from the one with the smallest stride on, steps over all that came before, and where no gaps are allowed over
  /// nothing else.
  private static boolean lies(Strided x, boolean gaps) {
    long before = 1;
    for (long done = 0; done != (1L << x.rank()) - 1;) {
      int next = -1;
      for (int d = 0; d < x.rank(); d++) {
        if ((done >> d & 1) == 0 && (next < 0 || x.size(d) == 1 || x.size(next) != 1 && x.stride(d) < x.stride(next))) {
          next = d;
        }
      }
      done |= 1L << next;
      if (x.size(next) != 1) {
        if (gaps ? x.stride(next) < before : x.stride(next) != before) {
          return false;
        }
        before = x.stride(next) * x.size(next);
      }
    }
    return true;
  }

  /// `x` one row after the other.
  Strided copy(Strided x) {
    return copy(x, Strided.contiguousStrides(x.sizes()));
  }

  /// `x` with such strides, which leave no gaps.
  Strided copy(Strided x, long[] strides) {
    Strided copy = room(x, strides);
    elementwise.copy(copy, x);
    return copy;
  }

  /// `x` in a dtype.
  Strided in(DType dtype, Strided x) {
    if (x.dtype() == dtype) {
      return x;
    }
    Strided copy = room(dtype, x.sizes(), Strided.contiguousStrides(x.sizes()));
    elementwise.copy(copy, x);
    return copy;
  }

  /// Unwritten memory for what `x` holds, with such strides.
  Strided room(Strided x, long[] strides) {
    return room(x.dtype(), x.sizes(), strides);
  }

  private Strided room(DType dtype, long[] sizes, long[] strides) {
    long bytes = Strided.numel(sizes) * dtype.size();
    Workspace workspace = memory.apply(bytes);
    copies.add(workspace);
    return Strided.of(new Storage(gpu.device(), workspace.address(), bytes), dtype, 0, sizes, strides);
  }

  @Override
  public void close() {
    copies.forEach(Workspace::close);
  }
}
