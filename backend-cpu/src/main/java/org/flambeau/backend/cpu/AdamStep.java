package org.flambeau.backend.cpu;

import org.flambeau.DType;

/// One step of Adam (Kingma and Ba, 2015), with weight decay in the gradient or beside it (Loshchilov and Hutter, 2019), and with the
/// largest average of squares in place of the present one (Reddi et al., 2018) where there is a third state.
final class AdamStep extends ParameterUpdate {
  private final float gradientDecay;
  private final float sign;
  private final float toAverage;
  private final float beta1;
  private final float beta2;
  private final float toSquare;
  private final float stepSize;
  private final float correction;
  private final float eps;
  private final float kept;

  AdamStep(double lr, double step, double beta1, double beta2, double eps, double weightDecay, boolean decoupled, boolean maximize) {
    super(!decoupled && weightDecay != 0);
    this.gradientDecay = decoupled ? 0 : (float) weightDecay;
    this.sign = maximize ? -1 : 1;
    this.toAverage = (float) (1 - beta1);
    this.beta1 = (float) beta1;
    this.beta2 = (float) beta2;
    this.toSquare = (float) (1 - beta2);
    this.stepSize = (float) (lr / (1 - Math.pow(beta1, step)));
    this.correction = (float) Math.sqrt(1 - Math.pow(beta2, step));
    this.eps = (float) eps;
    this.kept = decoupled ? (float) (1 - lr * weightDecay) : 1;
  }

  @Override
  Tile tile(DType dtype) {
    RowOp.Loop decayed = Rows.loop(RowOp.DECAYED, dtype);
    RowOp.Loop towards = Rows.loop(RowOp.TOWARDS, dtype);
    RowOp.Loop backTowards = Rows.loop(RowOp.BACK_TOWARDS, dtype);
    RowOp.Loop towardsSquare = Rows.loop(RowOp.TOWARDS_SQUARE, dtype);
    RowOp.Loop larger = Rows.loop(RowOp.LARGER, dtype);
    RowOp.Loop descend = Rows.loop(RowOp.DESCEND_ADAM, dtype);
    boolean asItIs = dtype == DType.FLOAT32 && gradientDecay == 0 && sign > 0;
    return (rows, states, decaying, spare, n) -> {
      long x = rows[0];
      long g = rows[1];
      if (!asItIs) {
        decayed.run(spare, g, decaying, x, x, x, 0, gradientDecay, sign, 0, n);
        g = spare;
      }
      long m = states[2];
      if (toAverage < 0.5f) {
        towards.run(m, rows[2], g, x, x, x, toAverage, 0, 0, 0, n);
      } else {
        backTowards.run(m, rows[2], g, x, x, x, beta1, 0, 0, 0, n);
      }
      long v = states[3];
      towardsSquare.run(v, rows[3], g, x, x, x, beta2, toSquare, 0, 0, n);
      long u = v;
      if (rows.length > 4) {
        u = states[4];
        larger.run(u, rows[4], v, x, x, x, 0, 0, 0, 0, n);
      }
      descend.run(x, x, m, u, x, x, stepSize, correction, eps, kept, n);
    };
  }
}
