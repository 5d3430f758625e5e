package org.flambeau.io;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.text.Shapes;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// A tensor as a `.pth` file tells of it: which elements of which storage, in which layout.
final class StoredTensor {
  static final int MAX_RANK = 64;

  /// How many elements a tensor may have although its storage, which it shows repeatedly, has fewer.
  private static final long MAX_REPEATED = 1 << 20;

  private final StoredStorage storage;
  private final long offset;
  private final long[] sizes;
  private final long[] strides;
  private boolean requiresGrad;
  private @Nullable Tensor tensor;

  private StoredTensor(StoredStorage storage, long offset, long[] sizes, long[] strides, boolean requiresGrad) {
    this.storage = storage;
    this.offset = offset;
    this.sizes = sizes;
    this.strides = strides;
    this.requiresGrad = requiresGrad;
  }

  /// @throws CheckpointException where the layout is none, or leaves the storage
  static StoredTensor of(MappedFile source, StoredStorage storage, long offset, long[] sizes, long[] strides) {
    if (sizes.length != strides.length || sizes.length > MAX_RANK) {
      throw source.error("expected as many sizes as strides, at most " + MAX_RANK + ", got " + sizes.length + " and " + strides.length);
    }
    long numel;
    long end;
    try {
      long product = 1;
      long last = offset;
      boolean valid = offset >= 0;
      for (int d = 0; d < sizes.length; d++) {
        valid &= sizes[d] >= 0 && strides[d] >= 0;
        product = Math.multiplyExact(product, Math.max(sizes[d], 1));
        last = Math.addExact(last, Math.multiplyExact(Math.max(sizes[d] - 1, 0), strides[d]));
      }
      if (!valid) {
        throw source.error("expected an offset, sizes and strides of at least 0, got " + layout(offset, sizes, strides));
      }
      numel = Arrays.stream(sizes).anyMatch(size -> size == 0) ? 0 : product;
      end = numel == 0 ? 0 : Math.addExact(last, 1);
    } catch (ArithmeticException e) {
      throw source.error("expected a tensor within a storage of " + storage.numel() + " elements, got " + layout(offset, sizes, strides));
    }
    if (end > storage.numel()) {
      throw source.error("expected a tensor within a storage of " + storage.numel() + " elements, got " + layout(offset, sizes, strides));
    }
    if (numel > Math.max(storage.numel(), MAX_REPEATED)) {
      throw source.error("expected at most " + MAX_REPEATED + " elements over a storage of " + storage.numel() + ", got "
          + layout(offset, sizes, strides));
    }
    return new StoredTensor(storage, offset, sizes, strides, false);
  }

  private static String layout(long offset, long[] sizes, long[] strides) {
    return "offset " + offset + ", sizes " + Shapes.tuple(sizes) + " and strides " + Shapes.tuple(strides);
  }

  DType dtype() {
    return storage.dtype();
  }

  int rank() {
    return sizes.length;
  }

  void setRequiresGrad(MappedFile source, boolean required) {
    if (required && !dtype().isFloating()) {
      throw source.error("expected a float dtype for a tensor that requires grad, got " + dtype().label());
    }
    requiresGrad = required;
  }

  /// The same elements as a tensor of its own.
  StoredTensor twin() {
    return new StoredTensor(storage, offset, sizes, strides, requiresGrad);
  }

  /// The tensor itself, the same one each time, on the CPU.
  Tensor open() {
    Tensor open = tensor;
    if (open == null) {
      Strided layout = Strided.of(storage.open(), dtype(), storage.begin() + offset, sizes.clone(), strides.clone());
      tensor = open = Tensor.wrap(layout, ThreadState.current()).requiresGrad_(requiresGrad);
    }
    return open;
  }
}
