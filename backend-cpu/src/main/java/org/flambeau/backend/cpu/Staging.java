package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Native addresses for all operands of a kernel: those that rest in Java arrays are copied to a block of the thread's own
/// for as long as the staging is open, and outputs are copied back when it closes.
///
/// ```java
/// try (Staging staging = Staging.open()) {
///   kernel(staging.write(out), staging.read(x));
/// }
/// ```
///
/// Costs no allocation. Stagings nest; each belongs to the thread that opened it.
final class Staging implements AutoCloseable {
  private static final int CAPACITY = 64 << 10;
  private static final int ALIGNMENT = 64;
  private static final byte[] NONE = {};
  private static final ThreadLocal<Staging> CURRENT = ThreadLocal.withInitial(Staging::new);

  private final MemorySegment block = Arena.ofAuto().allocate(CAPACITY, ALIGNMENT);
  private final long end = block.address() + CAPACITY;
  private long top = block.address();
  private final List<MemorySegment> overflow = new ArrayList<>();

  // What waits to be copied back.
  private byte[][] heaps = new byte[8][0];
  private int[] starts = new int[8];
  private int[] lengths = new int[8];
  private long[] addresses = new long[8];
  private int count;

  // Where each open staging began.
  private long[] tops = new long[4];
  private int[] counts = new int[4];
  private int depth;

  private Staging() {}

  static Staging open() {
    Staging staging = CURRENT.get();
    staging.enter();
    return staging;
  }

  private void enter() {
    if (depth == tops.length) {
      tops = Arrays.copyOf(tops, 2 * depth);
      counts = Arrays.copyOf(counts, 2 * depth);
    }
    tops[depth] = top;
    counts[depth++] = count;
  }

  /// The address of the first element of `x`, to read.
  long read(Strided x) {
    byte[] heap = x.storage().heap();
    return heap == null ? x.address() : stage(heap, start(x), span(x), true, false);
  }

  /// The address of the first element of `out`, to write all of its elements.
  long write(Strided out) {
    byte[] heap = out.storage().heap();
    return heap == null ? out.address() : stage(heap, start(out), span(out), !out.isContiguous(), true);
  }

  /// The address of the first element of `out`, to read and write.
  long update(Strided out) {
    byte[] heap = out.storage().heap();
    return heap == null ? out.address() : stage(heap, start(out), span(out), true, true);
  }

  /// `x` itself, or its staged copy, in native memory.
  Strided readable(Strided x) {
    return x.storage().heap() == null ? x : at(read(x), x);
  }

  /// `out` itself, or where its elements are to be written, in native memory.
  Strided writable(Strided out) {
    return out.storage().heap() == null ? out : at(write(out), out);
  }

  /// `out` itself, or a staged copy whose elements go back when this closes, in native memory.
  Strided updatable(Strided out) {
    return out.storage().heap() == null ? out : at(update(out), out);
  }

  /// Each of `all` as [#readable(Strided)] has it.
  Strided[] readable(Strided[] all) {
    Strided[] staged = new Strided[all.length];
    for (int i = 0; i < all.length; i++) {
      staged[i] = readable(all[i]);
    }
    return staged;
  }

  /// [#readable(Strided)], or null where there is no operand.
  @Nullable Strided readableOrNull(@Nullable Strided x) {
    return x == null ? null : readable(x);
  }

  private static Strided at(long address, Strided x) {
    return Strided.of(new Storage(x.device(), address, span(x)), x.dtype(), 0, x.sizes(), x.strides());
  }

  private static int start(Strided x) {
    return (int) x.offset() * x.dtype().size();
  }

  /// Bytes from the first element to the end of the last.
  private static int span(Strided x) {
    long elements = x.numel();
    if (!x.isContiguous()) {
      elements = 1;
      for (int d = 0; d < x.rank(); d++) {
        elements += (x.size(d) - 1) * x.stride(d);
      }
    }
    return (int) elements * x.dtype().size();
  }

  private long stage(byte[] heap, int start, int length, boolean in, boolean back) {
    long address = reserve(length);
    if (in) {
      MemorySegment.copy(heap, start, ALL, BYTE, address, length);
    }
    if (back) {
      if (count == heaps.length) {
        heaps = Arrays.copyOf(heaps, 2 * count);
        starts = Arrays.copyOf(starts, 2 * count);
        lengths = Arrays.copyOf(lengths, 2 * count);
        addresses = Arrays.copyOf(addresses, 2 * count);
      }
      heaps[count] = heap;
      starts[count] = start;
      lengths[count] = length;
      addresses[count++] = address;
    }
    return address;
  }

  /// Room for `bytes`, until this staging closes.
  long reserve(long bytes) {
    long address = top;
    long next = address + (bytes + ALIGNMENT - 1 & -ALIGNMENT);
    if (next <= end) {
      top = next;
      return address;
    }
    MemorySegment more = Arena.ofAuto().allocate(bytes, ALIGNMENT);
    overflow.add(more);
    return more.address();
  }

  @Override
  public void close() {
    depth--;
    for (; count > counts[depth]; count--) {
      int last = count - 1;
      MemorySegment.copy(ALL, BYTE, addresses[last], heaps[last], starts[last], lengths[last]);
      heaps[last] = NONE;
    }
    top = tops[depth];
    if (depth == 0 && !overflow.isEmpty()) {
      overflow.clear();
    }
  }
}
