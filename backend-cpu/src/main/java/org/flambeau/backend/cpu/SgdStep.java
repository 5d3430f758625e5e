package org.flambeau.backend.cpu;

/// One step of stochastic gradient descent, with momentum (Sutskever et al., 2013).
final class SgdStep extends ParameterUpdate {
  private final RowOp.Loop decayed = Rows.loop(RowOp.DECAYED);
  private final RowOp.Loop velocity = Rows.loop(RowOp.VELOCITY);
  private final RowOp.Loop descend = Rows.loop(RowOp.DESCEND);
  private final RowOp.Loop descendNesterov = Rows.loop(RowOp.DESCEND_NESTEROV);
  private final boolean first;
  private final float lr;
  private final float momentum;
  private final float undamped;
  private final float weightDecay;
  private final boolean nesterov;
  private final float sign;

  SgdStep(boolean first, double lr, double momentum, double dampening, double weightDecay, boolean nesterov, boolean maximize) {
    super(weightDecay != 0);
    this.first = first;
    this.lr = (float) lr;
    this.momentum = (float) momentum;
    this.undamped = (float) (1 - dampening);
    this.weightDecay = (float) weightDecay;
    this.nesterov = nesterov;
    this.sign = maximize ? -1 : 1;
  }

  @Override
  void tile(long[] rows, long decaying, long spare, int n) {
    long x = rows[0];
    long g = rows[1];
    if (rows.length == 2) {
      if (weightDecay != 0 || sign < 0) {
        decayed.run(spare, g, decaying, x, x, x, 0, weightDecay, sign, 0, n);
        g = spare;
      }
      descend.run(x, x, g, x, x, x, lr, 0, 0, 0, n);
      return;
    }
    long v = rows[2];
    if (first) {
      decayed.run(v, g, decaying, x, x, x, 0, weightDecay, sign, 0, n);
    } else {
      velocity.run(v, v, g, decaying, x, x, momentum, weightDecay, sign, undamped, n);
    }
    if (nesterov) {
      descendNesterov.run(x, x, g, v, decaying, x, lr, weightDecay, sign, momentum, n);
    } else {
      descend.run(x, x, v, x, x, x, lr, 0, 0, 0, n);
    }
  }
}
