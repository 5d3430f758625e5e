package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import org.flambeau.DType;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;

class StagingTest {
  private static Strided heap(int n) {
    return Operand.filled(Operand.onHeap(DType.FLOAT32, Operand.Layout.contiguous(n)), i -> (double) i);
  }

  private static float get(long address, int i) {
    return NativeMemory.ALL.get(NativeMemory.FLOAT, address + 4L * i);
  }

  @Test
  void nativeOperandsStayWhereTheyAre() {
    Strided x = Operand.of(DType.FLOAT32, 1, 2, 3);
    try (Staging staging = Staging.open()) {
      assertEquals(x.address(), staging.read(x));
      assertSame(x, staging.readable(x));
    }
  }

  @Test
  void inputsAreCopiedInAndOutputsBack() {
    Strided x = heap(10).with(3, new long[] {4}, new long[] {1});
    Strided out = heap(10).with(5, new long[] {2}, new long[] {1});
    try (Staging staging = Staging.open()) {
      long from = staging.read(x);
      assertEquals(3, get(from, 0));
      assertEquals(6, get(from, 3));
      long to = staging.write(out);
      NativeMemory.ALL.set(NativeMemory.FLOAT, to, 50f);
      NativeMemory.ALL.set(NativeMemory.FLOAT, to + 4, 60f);
      assertEquals(5, Operand.get(out, 0), "not before it closes");
    }
    assertEquals(50, Operand.get(out, 0));
    assertEquals(60, Operand.get(out, 1));
  }

  @Test
  void gapsOfAnOutputKeepTheirContent() {
    Strided storage = heap(10);
    try (Staging staging = Staging.open()) {
      long to = staging.write(storage.with(0, new long[] {4}, new long[] {3}));
      NativeMemory.ALL.set(NativeMemory.FLOAT, to + 12, -1f);
    }
    assertEquals(-1, Operand.get(storage, 3));
    assertEquals(4, Operand.get(storage, 4));
  }

  @Test
  void stagingsNest() {
    Strided outer = heap(4);
    Strided inner = heap(4);
    try (Staging staging = Staging.open()) {
      long first = staging.update(outer);
      NativeMemory.ALL.set(NativeMemory.FLOAT, first, 7f);
      try (Staging nested = Staging.open()) {
        long second = nested.update(inner);
        assertNotEquals(first, second);
        NativeMemory.ALL.set(NativeMemory.FLOAT, second, 8f);
      }
      assertEquals(8, Operand.get(inner, 0), "the inner one has closed");
      assertEquals(0, Operand.get(outer, 0), "the outer one has not");
      assertEquals(7, get(first, 0));
    }
    assertEquals(7, Operand.get(outer, 0));
  }

  @Test
  void manyAndLargeOperandsFindRoom() {
    Strided large = heap(100_000);
    Strided[] many = new Strided[100];
    try (Staging staging = Staging.open()) {
      assertEquals(99_999, get(staging.read(large), 99_999));
      for (int i = 0; i < many.length; i++) {
        many[i] = heap(1000);
        NativeMemory.ALL.set(NativeMemory.FLOAT, staging.update(many[i]), (float) i);
      }
    }
    for (int i = 0; i < many.length; i++) {
      assertEquals(i, Operand.get(many[i], 0));
      assertEquals(999, Operand.get(many[i], 999));
    }
  }
}
