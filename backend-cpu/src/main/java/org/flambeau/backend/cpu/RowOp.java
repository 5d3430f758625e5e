package org.flambeau.backend.cpu;

/// The steps of the fused kernels: functions of up to four numbers p, q, r, s, the same for a whole row, and of up to five rows a … e.
public enum RowOp {
  /// a·p.
  SCALE,
  /// a + b.
  ADD,

  // softmax
  /// (a − p) − q.
  SUBTRACT,
  /// q·exp((a − p) − r), for a at most p + r, nearly.
  SCALED_EXP,
  /// (a − p)·b: softmax's gradient, a being the result's, b the result and p = Σ a·b.
  SOFTMAX_GRADIENT,
  /// a − p·exp(b): log-softmax's gradient, a being the result's, b the result and p = Σ a.
  LOG_SOFTMAX_GRADIENT,

  // batch norm, one channel a row
  /// max((a − s)·p + q, r).
  AFFINE,
  /// max((a − s)·p + q + b, r).
  AFFINE_RESIDUAL,
  /// a·p + (b − s)·q + r.
  BLEND,

  // batch norm, all channels a row
  /// max((a − d)·b + c, p).
  AFFINE_CHANNELS,
  /// max((a − d)·b + c + e, p).
  AFFINE_CHANNELS_RESIDUAL,
  /// a·c + b·d + e: b is centred already.
  BLEND_CHANNELS,
  /// a·b + c.
  SCALE_CHANNELS,
  /// a + b·(c − d).
  ADD_CENTRED_PRODUCT,
  /// a + (b − c)².
  ADD_CENTRED_SQUARE,

  // stochastic gradient descent: q the weight decay, r = −1 to maximise
  /// a·r + b·q: the gradient a with the parameter b's decay.
  DECAYED,
  /// a·p + s·(b·r + c·q): the velocity a moved by the decayed gradient.
  VELOCITY,
  /// a − p·b.
  DESCEND,
  /// a − p·(b·r + a·q + s·c): descent along the decayed gradient and the velocity c.
  DESCEND_NESTEROV,

  // Adam
  /// a + p·(b − a): the average a of gradients b.
  TOWARDS,
  /// a·p + q·b²: the average a of the squares of gradients b.
  TOWARDS_SQUARE,
  /// max(a, b).
  LARGER,
  /// a·s − p·b/(√c/q + r): descent along the average b, over the root of the squares' average c.
  DESCEND_ADAM;

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
    /// `out` may be one of the rows; rows and numbers that the operation ignores may be anything, but rows must be readable.
    void run(long out, long a, long b, long c, long d, long e, float p, float q, float r, float s, int n);
  }

  /// The loop of a sum.
  @FunctionalInterface
  public interface Sum {
    /// Of at most some thousand elements, so that the rounding errors stay few.
    float run(long a, long b, float p, int n);
  }
}
