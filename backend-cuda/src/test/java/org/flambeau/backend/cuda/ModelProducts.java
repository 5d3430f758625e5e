package org.flambeau.backend.cuda;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.backend.cuda.binding.CublasLt;

/// The matrix products of ResNet18's and ViT-B/16's layers, forward and backward, as cuBLASLt is asked for them.
final class ModelProducts {
  /// (rows, terms, columns) of the linear layers: ViT's packed projection, its way out, both of the MLP, its head, and ResNet18's head.
  private static final long[][] LINEAR = {{197, 768, 2304}, {197, 768, 768}, {197, 768, 3072}, {197, 3072, 768}, {1, 768, 1000},
    {1, 512, 1000}};
  private static final int[] BATCHES = {1, 8};
  private static final List<DType> DTYPES = List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16);
  private static final int[] EPILOGUES = {CublasLt.EPILOGUE_DEFAULT, CublasLt.EPILOGUE_BIAS};

  private ModelProducts() {}

  static List<Gemm> all() {
    List<Gemm> all = new ArrayList<>();
    for (DType dtype : DTYPES) {
      add(all, dtype, false);
    }
    add(all, DType.FLOAT32, true);
    return all;
  }

  private static void add(List<Gemm> all, DType dtype, boolean tensorFloat) {
    for (int batch : BATCHES) {
      for (long[] layer : LINEAR) {
        long rows = batch * layer[0];
        long terms = layer[1];
        long columns = layer[2];
        for (int epilogue : EPILOGUES) {
          all.add(matrix(dtype, tensorFloat, epilogue, columns, rows, terms, true, false)); // x·weightᵀ
        }
        all.add(matrix(dtype, tensorFloat, CublasLt.EPILOGUE_DEFAULT, terms, rows, columns, false, false)); // grad·weight
        all.add(matrix(dtype, tensorFloat, CublasLt.EPILOGUE_DEFAULT, terms, columns, rows, false, true)); // gradᵀ·x
        all.add(matrix(dtype, tensorFloat, CublasLt.EPILOGUE_BGRADB, terms, columns, rows, false, true));
        if (dtype != DType.FLOAT32) { // as autocast has them
          all.add(matrix(dtype, DType.FLOAT32, false, CublasLt.EPILOGUE_DEFAULT, terms, rows, columns, false, false));
          all.add(matrix(dtype, DType.FLOAT32, false, CublasLt.EPILOGUE_BGRADB, terms, columns, rows, false, true));
        }
      }
      int heads = 12 * batch;
      all.add(new Gemm(dtype, dtype, tensorFloat, CublasLt.EPILOGUE_DEFAULT, heads, 197, 197, 64, true, 64, 197 * 64, false, 64, 197 * 64,
          197, 197 * 197, dtype == DType.FLOAT32 ? 16 : 2, Gemm.ALLOCATED)); // q·kᵀ
      all.add(new Gemm(dtype, dtype, tensorFloat, CublasLt.EPILOGUE_DEFAULT, heads, 64, 197, 197, false, 64, 197 * 64, false, 197,
          197 * 197, 64, 197 * 64, 16, Gemm.ALLOCATED)); // weights·v
    }
  }

  private static Gemm matrix(DType dtype, boolean tensorFloat, int epilogue, long m, long n, long k, boolean transposedA,
      boolean transposedB) {
    return matrix(dtype, dtype, tensorFloat, epilogue, m, n, k, transposedA, transposedB);
  }

  private static Gemm matrix(DType dtype, DType result, boolean tensorFloat, int epilogue, long m, long n, long k, boolean transposedA,
      boolean transposedB) {
    return new Gemm(dtype, result, tensorFloat, epilogue, 1, m, n, k, transposedA, transposedA ? k : m, 0, transposedB, transposedB ? n : k,
        0, m,
        0,
        Gemm.ALLOCATED, Gemm.ALLOCATED);
  }
}
