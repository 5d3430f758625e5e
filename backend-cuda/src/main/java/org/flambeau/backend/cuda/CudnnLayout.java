package org.flambeau.backend.cuda;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.backend.cuda.CudnnOperation.Place;
import org.flambeau.backend.cuda.CudnnOperation.Tensor;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// How a tensor lies, as a value that plans are found by.
record CudnnLayout(long[] sizes, long[] strides, long alignment) {
  /// As exact as engines ask.
  static final long ALIGNMENT = 16;

  static CudnnLayout of(Strided x) {
    long[] strides = x.strides().clone();
    for (int d = 0; d < strides.length; d++) {
      strides[d] = Math.max(1, strides[d]); // what is repeated was copied: a stride of 0 is that of a single element
    }
    return new CudnnLayout(x.sizes(), strides, Math.min(ALIGNMENT, Long.lowestOneBit(x.address())));
  }

  /// A vector with an element for each channel, as an image.
  static CudnnLayout ofChannels(Strided x) {
    long step = x.stride(0);
    return of(x.with(x.offset(), new long[] {1, x.size(0), 1, 1}, new long[] {x.size(0) * step, step, step, step}));
  }

  /// With the last two dimensions in each other's place.
  CudnnLayout transposed() {
    return new CudnnLayout(swapped(sizes), swapped(strides), alignment);
  }

  private static long[] swapped(long[] values) {
    long[] swapped = values.clone();
    int last = values.length - 1;
    swapped[last] = values[last - 1];
    swapped[last - 1] = values[last];
    return swapped;
  }

  Tensor tensor(long uid, DType dtype, Place place) {
    return new Tensor(uid, dtype, sizes, strides, alignment, place);
  }

  /// A tensor between two operations of a graph, as aligned as any: cuDNN refuses what is less aligned than its dtype, wherever it lies.
  Tensor between(long uid, DType dtype) {
    return new Tensor(uid, dtype, sizes, strides, ALIGNMENT, Place.NOWHERE);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof CudnnLayout layout && alignment == layout.alignment && Arrays.equals(sizes, layout.sizes)
        && Arrays.equals(strides, layout.strides);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(sizes) + Arrays.hashCode(strides);
  }

  @Override
  public String toString() {
    return Arrays.toString(sizes) + " with strides " + Arrays.toString(strides);
  }
}
