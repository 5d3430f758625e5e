package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import org.flambeau.DType;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// A matrix unit for bfloat16 by loops, to test on any processor what is done for those that have one.
final class PlainMatrixUnit implements LinearAlgebra {
  private int products;

  /// How many products have been opened and not been closed.
  int open() {
    return products;
  }

  @Override
  public String name() {
    return "loops";
  }

  @Override
  public boolean hasMatrixUnit(DType dtype) {
    return dtype == DType.BFLOAT16;
  }

  @Override
  public synchronized ThreadProduct threadProduct(ThreadProduct.Shape shape) {
    products++;
    Element factor = Element.of(shape.factors());
    int size = shape.factors().size();
    return new ThreadProduct() {
      @Override
      public void run(long a, long b, long c) {
        for (int i = 0; i < shape.m(); i++) {
          for (int j = 0; j < shape.n(); j++) {
            double sum = 0;
            for (int k = 0; k < shape.k(); k++) {
              sum += factor.getDouble(a + size * (i * shape.aRow() + k * shape.aColumn()))
                  * factor.getDouble(b + size * (k * shape.bRow() + j * shape.bColumn()));
            }
            ALL.set(FLOAT, c + 4 * (i * shape.cRow() + j), (float) sum);
          }
        }
      }

      @Override
      public void close() {
        synchronized (PlainMatrixUnit.this) {
          products--;
        }
      }
    };
  }

  @Override
  public void matmul(Strided out, Strided a, Strided b) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void fusedConv2d(Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void conv2dBackwardInput(Strided gradX, Strided grad, Strided weight, ConvSpec spec) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void conv2dBackwardWeight(Strided gradWeight, Strided grad, Strided x, ConvSpec spec) {
    throw new UnsupportedOperationException();
  }
}
