package org.flambeau.backend.cpu;

import org.flambeau.DType;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// One step of stochastic gradient descent, with momentum (Sutskever et al., 2013), in one pass over each parameter's memory.
final class SgdStep {
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
    this.first = first;
    this.lr = (float) lr;
    this.momentum = (float) momentum;
    this.undamped = (float) (1 - dampening);
    this.weightDecay = (float) weightDecay;
    this.nesterov = nesterov;
    this.sign = maximize ? -1 : 1;
  }

  void update(Strided parameter, Strided gradient, @Nullable Strided speed) {
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      boolean dense = parameter.isContiguous() && gradient.isContiguous() && (speed == null || speed.isContiguous());
      Strided p = dense ? parameter : contiguous(parameter, workspace);
      Strided g = dense ? gradient : contiguous(gradient, workspace);
      Strided v = dense || speed == null ? speed : contiguous(speed, workspace);
      long pAt = staging.update(p);
      long gAt = staging.read(g);
      long vAt = v == null ? 0 : staging.update(v);
      DType pType = p.dtype();
      DType gType = g.dtype();
      DType vType = v == null ? pType : v.dtype();
      CpuPool.SHARED.parallelFor(0, p.numel(), Elementwise.GRAIN, (begin, end) -> {
        Scratch scratch = Scratch.current();
        int n;
        for (long at = begin; at < end; at += n) {
          n = (int) Math.min(Scratch.TILE, end - at);
          long pPlace = pAt + at * pType.size();
          long vPlace = vAt + at * vType.size();
          long x = Rows.read(pType, pPlace, pType.size(), scratch.tile(0), n);
          long d = Rows.read(gType, gAt + at * gType.size(), gType.size(), scratch.tile(1), n);
          if (vAt == 0) {
            long direction = scratch.tile(2);
            decayed.run(direction, d, x, x, x, x, 0, weightDecay, sign, 0, n);
            descend.run(x, x, direction, x, x, x, lr, 0, 0, 0, n);
          } else {
            long u = Rows.read(vType, vPlace, vType.size(), scratch.tile(2), n);
            if (first) {
              decayed.run(u, d, x, x, x, x, 0, weightDecay, sign, 0, n);
            } else {
              velocity.run(u, u, d, x, x, x, momentum, weightDecay, sign, undamped, n);
            }
            if (nesterov) {
              descendNesterov.run(x, x, d, u, x, x, lr, weightDecay, sign, momentum, n);
            } else {
              descend.run(x, x, u, x, x, x, lr, 0, 0, 0, n);
            }
            Rows.write(vType, u, vPlace, vType.size(), n);
          }
          Rows.write(pType, x, pPlace, pType.size(), n);
        }
      });
      if (p != parameter) {
        Copy.copy(parameter, p);
      }
      if (v != null && speed != null && v != speed) {
        Copy.copy(speed, v);
      }
    }
  }

  private static Strided contiguous(Strided x, Workspace workspace) {
    Strided copy = Rows.take(x.dtype(), x.sizes(), Strided.contiguousStrides(x.sizes()), workspace);
    Copy.copy(copy, x);
    return copy;
  }
}
