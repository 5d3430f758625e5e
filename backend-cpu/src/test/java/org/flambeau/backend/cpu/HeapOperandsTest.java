package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.PoolSpec;
import org.flambeau.spi.RandomSource;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;

/// Small tensors rest in Java arrays: kernels read them, and change only what they are meant to change.
class HeapOperandsTest {
  private final CpuBackend backend = new CpuBackend();
  private final Kernels kernels = backend.kernels(0);

  private static Strided heap(DType dtype, long[] sizes, long... values) {
    Storage storage = new Storage(Device.CPU, new byte[values.length * dtype.size()]);
    Strided operand = Strided.contiguous(storage, dtype, sizes);
    try (Staging staging = Staging.open()) {
      TestMemory.wholes(staging.writable(operand), i -> values[i]);
    }
    return operand;
  }

  private static Strided floats(long... values) {
    return heap(DType.FLOAT32, new long[] {values.length}, values);
  }

  private static Strided longs(long... values) {
    return heap(DType.INT64, new long[] {values.length}, values);
  }

  private static Strided mask(long... values) {
    return heap(DType.BOOL, new long[] {values.length}, values);
  }

  private static void assertHolds(Strided operand, long... expected) {
    try (Staging staging = Staging.open()) {
      assertArrayEquals(expected, TestMemory.wholes(staging.readable(operand)));
    }
  }

  @Test
  void kernelsThatReadOneAndWriteAnother() {
    Strided x = floats(5, 3, 9, 1);
    Strided out = floats(0, 0);
    Strided places = longs(0, 0);
    kernels.gather(out, x, 0, longs(2, 0));
    assertHolds(out, 9, 5);
    kernels.indexSelect(out, x, 0, longs(3, 3));
    assertHolds(out, 1, 1);
    kernels.index(out, x, new Strided[] {longs(-1, 1)});
    assertHolds(out, 1, 3);
    kernels.topk(out, places, x, 0, true);
    assertHolds(out, 9, 5);
    assertHolds(places, 2, 0);
    kernels.maskedSelect(out, x, mask(0, 1, 1, 0));
    assertHolds(out, 3, 9);
    Strided all = floats(0, 0, 0, 0);
    Strided order = longs(0, 0, 0, 0);
    kernels.sort(all, order, x, 0, false);
    assertHolds(all, 1, 3, 5, 9);
    assertHolds(order, 3, 1, 0, 2);
    assertEquals(4, kernels.countNonzero(x));
    Strided where = heap(DType.INT64, new long[] {2, 1}, 0, 0);
    kernels.nonzero(where, mask(0, 1, 0, 1));
    assertHolds(where, 1, 3);
  }

  @Test
  void kernelsThatChangeSomeElementsLeaveTheOthers() {
    Strided out = floats(1, 2, 3, 4);
    kernels.scatter(ScatterOp.ADD, out, 0, longs(1, 1), floats(10, 20));
    assertHolds(out, 1, 32, 3, 4);
    kernels.indexAdd(out, 0, longs(0), floats(5), 2);
    assertHolds(out, 11, 32, 3, 4);
    kernels.indexPut(out, new Strided[] {longs(-1)}, floats(7), false);
    assertHolds(out, 11, 32, 3, 7);
    kernels.maskedScatter(out, mask(0, 1, 1, 0), floats(8, 9));
    assertHolds(out, 11, 8, 9, 7);
  }

  @Test
  void poolingAndItsGradients() {
    PoolSpec spec = new PoolSpec(2, 2, 2, 2, 0, 0, 1, 1, false, true, 0);
    long[] sizes = {1, 1, 2, 2};
    Strided x = heap(DType.FLOAT32, sizes, 4, 8, 2, 6);
    Strided out = heap(DType.FLOAT32, new long[] {1, 1, 1, 1}, 0);
    Strided places = heap(DType.INT64, new long[] {1, 1, 1, 1}, 0);
    Strided gradX = heap(DType.FLOAT32, sizes, 1, 1, 1, 1);
    kernels.maxPool2d(out, places, x, spec);
    assertHolds(out, 8);
    kernels.maxPool2dBackward(gradX, out, places, spec);
    assertHolds(gradX, 0, 8, 0, 0);
    kernels.avgPool2dBackward(gradX, out, spec);
    assertHolds(gradX, 2, 2, 2, 2);
    kernels.avgPool2d(out, x, spec);
    assertHolds(out, 5);
    kernels.adaptiveAvgPool2d(out, gradX);
    assertHolds(out, 2);
    kernels.adaptiveAvgPool2dBackward(gradX, heap(DType.FLOAT32, new long[] {1, 1, 1, 1}, 12));
    assertHolds(gradX, 3, 3, 3, 3);
  }

  @Test
  void randomNumbersAreThoseOfNativeMemory() {
    for (Distribution distribution : Distribution.values()) {
      Strided small = floats(0, 0, 0);
      Strided twin = TestMemory.zeros(DType.FLOAT32, 3);
      kernels.random(distribution, small, backend.newRandomSource(0, 5), 0.5, 200);
      kernels.random(distribution, twin, backend.newRandomSource(0, 5), 0.5, 200);
      try (Staging staging = Staging.open()) {
        assertArrayEquals(TestMemory.reals(twin), TestMemory.reals(staging.readable(small)));
      }
    }
    RandomSource source = backend.newRandomSource(0, 0);
    Strided order = longs(0, 0, 0, 0, 0);
    kernels.permutation(order, source);
    Strided native5 = TestMemory.zeros(DType.INT64, 5);
    kernels.permutation(native5, backend.newRandomSource(0, 0));
    assertHolds(order, TestMemory.wholes(native5));
    Strided coins = floats(9, 9);
    kernels.bernoulli(coins, floats(0, 1), source);
    assertHolds(coins, 0, 1);
  }
}
