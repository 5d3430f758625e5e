package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Sizes that no memory has, or no long holds, are refused before anything is computed.
final class HugeSizesTest {
  private static void refused(Executable action) {
    RuntimeException refusal = assertThrows(RuntimeException.class, action);
    assertTrue(refusal instanceof IllegalArgumentException || refusal instanceof IndexOutOfBoundsException, refusal::toString);
    assertTrue(String.valueOf(refusal.getMessage()).startsWith("["), refusal::toString);
  }

  @Test
  void as_many_elements_as_no_long_counts_are_refused() {
    for (Executable action : List.<Executable>of(
        () -> Tensor.zeros(1L << 40, 1L << 40),
        () -> Tensor.ones(1, 1).expand(1L << 32, 1L << 32),
        () -> Tensor.ones(1L << 20, 1).expand(1L << 20, 1L << 50).sum(),
        () -> Tensor.ones(1).expand(1L << 40).unsqueeze(0).add(Tensor.ones(1).expand(1L << 40).unsqueeze(1)))) {
      refused(action);
    }
    assertEquals(0, Tensor.zeros(1L << 40, 1L << 40, 0).numel());
  }

  @Test
  void as_many_bytes_as_no_long_counts_are_refused() {
    for (Executable action : List.<Executable>of(
        () -> Tensor.ones(1).expand(1L << 62).add(1),
        () -> Tensor.arange(1L << 60),
        () -> Tensor.arange(0.0, Double.POSITIVE_INFINITY, 1.0),
        () -> Tensor.empty(Long.MAX_VALUE),
        () -> Tensor.empty(DType.UINT8, Long.MAX_VALUE),
        () -> Tensor.ones(1).expand(1L << 61).to(DType.FLOAT64),
        () -> Tensor.ones(1).expand(1L << 61).clone())) {
      refused(action);
    }
  }

  @Test
  void views_do_not_leave_their_memory_by_way_of_an_overflow() {
    Tensor x = Tensor.arange(5);
    refused(() -> x.narrow(0, 1, Long.MAX_VALUE));
    refused(() -> x.asStrided(new long[] {3}, new long[] {1L << 62}, 0));
    refused(() -> x.asStrided(new long[] {3}, new long[] {1L << 61}, Long.MAX_VALUE - 8));
    assertEquals("[as_strided] Negative strides are not supported at the moment, got strides: [-1]",
        assertThrows(IllegalArgumentException.class, () -> x.asStrided(new long[] {2}, new long[] {-1}, 3)).getMessage());
  }
}
