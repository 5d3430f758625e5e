package org.flambeau.backend.cpu;

import java.util.Set;

/// The steps of the fused kernels: functions of up to four numbers p, q, r, s, the same for a whole row, and of up to five rows a … e.
/// Rows are floats, but for those that an operation names: they may be of a half precision, as a tensor has them.
public enum RowOp {
  /// a·p.
  SCALE(Row.OUT, Row.A),
  /// a + b.
  ADD(Row.B),
  /// a − b.
  CENTRE(Row.A),

  // softmax
  /// (a − p) − q.
  SUBTRACT,
  /// q·exp((a − p) − r), for a at most p + r, nearly.
  SCALED_EXP,
  /// (a − p)·b: softmax's gradient, a being the result's, b the result and p = Σ a·b.
  SOFTMAX_GRADIENT,
  /// a − p·exp(b): log-softmax's gradient, a being the result's, b the result and p = Σ a.
  LOG_SOFTMAX_GRADIENT,

  // batch norm
  /// max(a + b, p).
  ADD_RESIDUAL(Row.OUT, Row.A, Row.B),

  // … one channel a row
  /// max((a − s)·p + q, r).
  AFFINE(Row.OUT, Row.A),
  /// max((a − s)·p + q + b, r).
  AFFINE_RESIDUAL(Row.OUT, Row.A, Row.B),
  /// a·p + (b − s)·q + r.
  BLEND(Row.OUT, Row.A, Row.B),

  // … all channels a row
  /// max((a − d)·b + c, p).
  AFFINE_CHANNELS(Row.OUT, Row.A),
  /// max((a − d)·b + c + e, p).
  AFFINE_CHANNELS_RESIDUAL(Row.OUT, Row.A, Row.E),
  /// a·c + b·d + e: b is centred already.
  BLEND_CHANNELS(Row.OUT, Row.A),
  /// a·b + c.
  SCALE_CHANNELS(Row.OUT, Row.A),
  /// a + b·(c − d).
  ADD_CENTRED_PRODUCT(Row.B, Row.C),
  /// a + (b − c)².
  ADD_CENTRED_SQUARE(Row.B),

  /// a + p·b + q·c + r·d + s·e, one after the other.
  ADD_FOUR_SCALED,

  // stochastic gradient descent: q the weight decay, r = −1 to maximise
  /// a·r + b·q: the gradient a with the parameter b's decay.
  DECAYED(Row.A, Row.B),
  /// a·p + s·(b·r + c·q): the velocity a moved by the decayed gradient.
  VELOCITY(Row.A, Row.B, Row.C),
  /// a − p·b.
  DESCEND(Row.OUT, Row.A),
  /// a − p·(b·r + d·q + s·c): descent along the decayed gradient and the velocity c.
  DESCEND_NESTEROV(Row.OUT, Row.A, Row.B, Row.D),

  // Adam
  /// a + p·(b − a): the average a of gradients b.
  TOWARDS(Row.A),
  /// b + p·(a − b): the same from the other end, p being what stays of a; of which 0 leaves b itself.
  BACK_TOWARDS(Row.A),
  /// a·p + q·b²: the average a of the squares of gradients b.
  TOWARDS_SQUARE(Row.A),
  /// max(a, b).
  LARGER(Row.A),
  /// a·s − p·b/(√c/q + r): descent along the average b, over the root of the squares' average c.
  DESCEND_ADAM(Row.OUT, Row.A);

  /// The row that an operation writes, and those that it reads.
  public enum Row {
    OUT,
    A,
    B,
    C,
    D,
    E
  }

  private final Set<Row> elements;

  RowOp(Row... elements) {
    this.elements = Set.of(elements);
  }

  /// The rows that may lie as a tensor's elements.
  public Set<Row> elements() {
    return elements;
  }

  /// What is summed over a row, of one number p and two rows a and b.
  public enum Term {
    /// a·(b − p).
    CENTRED_PRODUCT,
    /// exp(a − p), for a at most p, nearly.
    EXP
  }

  /// The loop of a row operation.
  @FunctionalInterface
  public interface Loop {
    /// `out` may be one of the rows; rows and numbers that the operation ignores may be anything.
    void run(long out, long a, long b, long c, long d, long e, float p, float q, float r, float s, int n);
  }

  /// The loop of a sum.
  @FunctionalInterface
  public interface Sum {
    /// Of at most some thousand elements, so that the rounding errors stay few.
    float run(long a, long b, float p, int n);
  }
}
