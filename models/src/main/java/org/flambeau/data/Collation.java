package org.flambeau.data;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Stacks tensors along a new first dimension, one at a time and byte by byte: loading must not compete for the threads that
/// compute.
final class Collation {
  private final Tensor whole;
  private final DType dtype;
  private final long[] sizes;

  /// Room for `n` tensors like `first`.
  Collation(int n, Tensor first) {
    dtype = first.dtype();
    sizes = first.sizes();
    long[] all = new long[sizes.length + 1];
    all[0] = n;
    System.arraycopy(sizes, 0, all, 1, sizes.length);
    whole = Tensor.empty(dtype, all);
  }

  Tensor whole() {
    return whole;
  }

  void put(int i, Tensor x) {
    if (x.dtype() != dtype || !Arrays.equals(x.sizes(), sizes)) {
      throw new IllegalArgumentException("[collate] stack expects each tensor to be equal size and dtype, but got " + dtype.label() + " "
          + Arrays.toString(sizes) + " at entry 0 and " + x.dtype().label() + " " + Arrays.toString(x.sizes()) + " at entry " + i);
    }
    Strided from = x.cpu().contiguous().strided();
    long bytes = from.numel() * dtype.size();
    from.storage().retain();
    try {
      MemorySegment.copy(bytes(from.storage()), from.offset() * dtype.size(), bytes(whole.strided().storage()), i * bytes, bytes);
    } finally {
      from.storage().release();
      Reference.reachabilityFence(from);
      Reference.reachabilityFence(whole);
    }
  }

  private static MemorySegment bytes(Storage storage) {
    byte[] heap = storage.heap();
    return heap != null ? MemorySegment.ofArray(heap) : NativeMemory.ALL.asSlice(storage.address(), storage.bytes());
  }
}
