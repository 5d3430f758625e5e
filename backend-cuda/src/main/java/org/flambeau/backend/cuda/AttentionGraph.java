package org.flambeau.backend.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.flambeau.DType;
import org.flambeau.backend.cuda.CudnnOperation.Index;
import org.flambeau.backend.cuda.CudnnOperation.Place;
import org.flambeau.backend.cuda.CudnnOperation.Pointwise;
import org.flambeau.backend.cuda.CudnnOperation.Pointwise.Mode;
import org.flambeau.backend.cuda.CudnnOperation.Product;
import org.flambeau.backend.cuda.CudnnOperation.Reduction;
import org.flambeau.backend.cuda.CudnnOperation.Reshape;
import org.flambeau.backend.cuda.CudnnOperation.Select;
import org.flambeau.backend.cuda.CudnnOperation.Tensor;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Attention and its gradients as graphs, operation by operation in the order that cuDNN knows as that of its fused engines; what lies
/// between two operations never reaches memory. Tensors that do are numbered in the order of the requests' components, from 1 on, and after
/// them the numbers that the host passes: 1 where the gradients are asked for, −∞ where the attention is causal, and the scale.
final class AttentionGraph {
  /// Backward engines keep the scores' gradients.
  private static final CudnnRequest.Limits LIMITS = new CudnnRequest.Limits(Set.of(CudnnRequest.Note.NONDETERMINISTIC), 1L << 32);
  /// A number that the host passes.
  private static final CudnnLayout NUMBER = new CudnnLayout(new long[] {1, 1, 1, 1}, new long[] {1, 1, 1, 1}, Float.BYTES);

  private final DType dtype;
  private final List<CudnnOperation> operations = new ArrayList<>();
  /// Of the last tensor.
  private long uid;

  private AttentionGraph(DType dtype) {
    this.dtype = dtype;
  }

  /// What is asked for, with all that a plan depends on.
  sealed interface Request extends CudnnRequest {
    CudnnLayout q();

    CudnnLayout k();

    /// How many products of queries with keys, or of their like, there are.
    int products();

    @Override
    default Limits limits() {
      return LIMITS;
    }

    @Override
    default double work() {
      return 2.0 * products() * Strided.numel(q().sizes()) * k().sizes()[2];
    }
  }

  /// out = softmax(q·kᵀ·scale)·v and the logarithms of the sums of exponentials.
  record Forward(DType dtype, boolean causal, CudnnLayout q, CudnnLayout k, CudnnLayout v, CudnnLayout out, CudnnLayout logSumExp)
      implements
        Request {
    @Override
    public int products() {
      return 2;
    }

    @Override
    public List<CudnnOperation> operations() {
      var graph = new AttentionGraph(dtype);
      Tensor query = graph.operand(q);
      Tensor keyT = graph.operand(k.transposed());
      Tensor value = graph.operand(v);
      Tensor result = graph.operand(out);
      Tensor logarithms = graph.operand(logSumExp, DType.FLOAT32);
      Tensor never = causal ? graph.number() : null;
      Tensor scale = graph.number();

      Tensor scores = graph.counting(graph.pointwise(Mode.MULTIPLY, graph.product(query, keyT), scale), never);
      Tensor largest = graph.eachRow(Reduction.Kind.MAX, scores);
      Tensor weights = graph.pointwise(Mode.EXP, graph.pointwise(Mode.SUBTRACT, scores, largest), null);
      Tensor sum = graph.eachRow(Reduction.Kind.SUM, weights);
      graph.operations.add(new Pointwise(Mode.ADD, largest, graph.pointwise(Mode.LOG, sum, null), logarithms));
      Tensor shares = graph.between(dtype, weights.sizes());
      graph.operations.add(new Pointwise(Mode.DIVIDE, weights, sum, shares));
      graph.operations.add(new Product(shares, value, result));
      return graph.operations;
    }
  }

  /// The gradients; `sums` (b, h, s, 1) of float32 is working memory.
  ///
  /// With one more tensor, the queries' gradient in float32, engines would add that up by atomics and need no memory for b·h·s·t gradients of
  /// scores. Without it results repeat themselves.
  record Backward(DType dtype, boolean causal, CudnnLayout q, CudnnLayout k, CudnnLayout v, CudnnLayout out, CudnnLayout logSumExp,
      CudnnLayout grad, CudnnLayout gradQ, CudnnLayout gradK, CudnnLayout gradV, CudnnLayout sums) implements Request {
    @Override
    public int products() {
      return 5;
    }

    @Override
    public List<CudnnOperation> operations() {
      var graph = new AttentionGraph(dtype);
      Tensor query = graph.operand(q);
      Tensor keyT = graph.operand(k.transposed());
      Tensor valueT = graph.operand(v.transposed());
      Tensor result = graph.operand(out);
      Tensor logarithms = graph.operand(logSumExp, DType.FLOAT32);
      Tensor gradient = graph.operand(grad);
      Tensor queryGradient = graph.operand(gradQ);
      Tensor keyGradient = graph.operand(gradK);
      Tensor valueGradient = graph.operand(gradV);
      Tensor rowSums = graph.operand(sums, DType.FLOAT32);
      Tensor one = graph.number();
      Tensor never = causal ? graph.number() : null;
      Tensor scale = graph.number();

      Tensor dots = graph.eachRow(Reduction.Kind.SUM, graph.pointwise(Mode.MULTIPLY, gradient, result));
      graph.operations.add(new Pointwise(Mode.MULTIPLY, dots, one, rowSums)); // where dropout's scale would be

      Tensor scores = graph.pointwise(Mode.MULTIPLY, graph.product(query, keyT), scale);
      Tensor exponents = graph.counting(graph.pointwise(Mode.SUBTRACT, scores, logarithms), never);
      Tensor weights = graph.pointwise(Mode.EXP, exponents, null);
      graph.operations.add(new Product(graph.transposed(weights), gradient, valueGradient));

      Tensor weightGradient = graph.pointwise(Mode.SUBTRACT, graph.product(gradient, valueT), rowSums);
      Tensor scoreGradient = graph.pointwise(Mode.MULTIPLY, graph.pointwise(Mode.MULTIPLY, weightGradient, weights), scale);
      graph.operations.add(new Product(graph.transposed(scoreGradient), query, keyGradient));
      graph.operations.add(new Product(scoreGradient, graph.transposed(keyT), queryGradient));
      return graph.operations;
    }
  }

  private Tensor operand(CudnnLayout layout) {
    return operand(layout, dtype);
  }

  private Tensor operand(CudnnLayout layout, DType dtype) {
    return layout.tensor(++uid, dtype, Place.DEVICE);
  }

  private Tensor number() {
    return NUMBER.tensor(++uid, DType.FLOAT32, Place.HOST);
  }

  private Tensor between(DType dtype, long... sizes) {
    return new CudnnLayout(sizes, Strided.contiguousStrides(sizes), CudnnLayout.ALIGNMENT).between(++uid, dtype);
  }

  private Tensor pointwise(Mode mode, Tensor x, @Nullable Tensor b) {
    Tensor out = between(DType.FLOAT32, x.sizes());
    operations.add(new Pointwise(mode, x, b, out));
    return out;
  }

  private Tensor product(Tensor a, Tensor b) {
    Tensor out = between(DType.FLOAT32, a.sizes()[0], a.sizes()[1], a.sizes()[2], b.sizes()[3]);
    operations.add(new Product(a, b, out));
    return out;
  }

  private Tensor eachRow(Reduction.Kind kind, Tensor x) {
    Tensor out = between(DType.FLOAT32, x.sizes()[0], x.sizes()[1], x.sizes()[2], 1);
    operations.add(new Reduction(kind, x, out));
    return out;
  }

  private Tensor transposed(Tensor x) {
    Tensor out = new CudnnLayout(x.sizes(), x.strides(), CudnnLayout.ALIGNMENT).transposed().between(++uid, dtype);
    operations.add(new Reshape(x, out));
    return out;
  }

  /// The scores that count: where there is a `never`, that is in place of each in a column after its row.
  private Tensor counting(Tensor scores, @Nullable Tensor never) {
    if (never == null) {
      return scores;
    }
    Tensor row = between(DType.INT32, scores.sizes());
    Tensor column = between(DType.INT32, scores.sizes());
    Tensor counts = between(DType.BOOL, scores.sizes());
    Tensor out = between(DType.FLOAT32, scores.sizes());
    operations.add(new Index(scores, 2, row));
    operations.add(new Index(scores, 3, column));
    operations.add(new Pointwise(Mode.AT_LEAST, row, column, counts));
    operations.add(new Select(counts, scores, never, out));
    return out;
  }
}
