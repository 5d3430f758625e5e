package org.flambeau.backend.cpu;

import org.flambeau.DType;

/// One step of stochastic gradient descent, with momentum (Sutskever et al., 2013).
final class SgdStep extends ParameterUpdate {
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
  Tile tile(DType dtype) {
    RowOp.Loop decayed = Rows.loop(RowOp.DECAYED, dtype);
    RowOp.Loop velocity = Rows.loop(RowOp.VELOCITY, dtype);
    RowOp.Loop descend = Rows.loop(RowOp.DESCEND, dtype);
    RowOp.Loop descendNesterov = Rows.loop(RowOp.DESCEND_NESTEROV, dtype);
    boolean asItIs = dtype == DType.FLOAT32 && weightDecay == 0 && sign > 0;
    return (rows, states, decaying, spare, n) -> {
      long x = rows[0];
      long g = rows[1];
      if (rows.length == 2) {
        if (!asItIs) {
          decayed.run(spare, g, decaying, x, x, x, 0, weightDecay, sign, 0, n);
          g = spare;
        }
        descend.run(x, x, g, x, x, x, lr, 0, 0, 0, n);
        return;
      }
      long v = states[2];
      if (first) {
        decayed.run(v, g, decaying, x, x, x, 0, weightDecay, sign, 0, n);
      } else {
        velocity.run(v, rows[2], g, decaying, x, x, momentum, weightDecay, sign, undamped, n);
      }
      if (nesterov) {
        descendNesterov.run(x, x, g, v, decaying, x, lr, weightDecay, sign, momentum, n);
      } else {
        descend.run(x, x, v, x, x, x, lr, 0, 0, 0, n);
      }
    };
  }
}
