package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.flambeau.DType;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;

/// What PyTorch does at the edges of products: sums of nothing.
public class ProductEdgesTest {
  @Test
  void a_product_along_a_dimension_of_size_0_is_zeros_whatever_is_folded() {
    for (DType dtype : new DType[] {DType.FLOAT32, DType.BFLOAT16, DType.UINT8}) {
      Tensor rows = Tensor.zeros(dtype, 3, 2, 0);
      assertArrayEquals(new double[12], rows.matmul(Tensor.zeros(dtype, 0, 2)).toDoubleArray());
      assertArrayEquals(new long[] {3, 2, 2}, rows.matmul(Tensor.zeros(dtype, 0, 2)).sizes());
      assertArrayEquals(new double[6], rows.matmul(Tensor.zeros(dtype, 0)).toDoubleArray());
      assertArrayEquals(new double[24], rows.matmul(Tensor.zeros(dtype, 3, 0, 4)).toDoubleArray());
    }
  }
}
