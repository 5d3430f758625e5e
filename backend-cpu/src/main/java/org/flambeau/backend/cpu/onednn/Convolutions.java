package org.flambeau.backend.cpu.onednn;

import org.flambeau.DType;
import org.flambeau.backend.cpu.CpuPool;
import org.flambeau.backend.cpu.EpiloguePass;
import org.flambeau.backend.cpu.LinearAlgebra;
import org.flambeau.backend.cpu.TransformedKernel;
import org.flambeau.backend.cpu.Winograd;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.backend.cpu.amx.TileUnit;
import org.flambeau.backend.cpu.amx.WeightGradient;
import org.flambeau.backend.cpu.gemm.Copies;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Conv2d;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Convolutions and their gradients: by [Winograd] where that takes fewer multiplications, by products where there are [FewPlaces], else by oneDNN's
/// own kernels.
///
/// Images that share out evenly among the threads are convolved one by one, each by one thread of ours. What comes behind the convolution then finds
/// its result in that thread's cache, and nobody waits for oneDNN's team to meet, and for ours after it.
final class Convolutions {
  enum Operation {
    FORWARD,
    BACKWARD_INPUT,
    BACKWARD_WEIGHT;

    /// For keys; 0 are products.
    long key() {
      return ordinal() + 1;
    }
  }

  /// The time that images one by one may take, in that of images shared out evenly.
  private static final double UNEVEN = 1.15;
  /// The multiplications of an image from which on it is worth a call of its own.
  private static final long WORTH_A_CALL = 1 << 20;

  private final LinearAlgebra products;
  private final Allocator allocator;
  private final PlanCache plans;

  Convolutions(LinearAlgebra products, Allocator allocator, PlanCache plans) {
    this.products = products;
    this.allocator = allocator;
    this.plans = plans;
  }

  /// Computes an operation, in terms of the forward's operands, of which `result` is the one that is computed. Returns whether it could.
  boolean run(Operation operation, Strided result, Strided x, Strided weight, Strided out, Epilogue epilogue, Conv2d spec) {
    boolean ofWeight = operation == Operation.BACKWARD_WEIGHT;
    try (Workspace workspace = new Workspace(allocator)) {
      if (FewPlaces.serves(weight, out, spec, ofWeight)) {
        FewPlaces places = new FewPlaces(products, workspace, x, weight, out, spec);
        switch (operation) {
          case FORWARD -> places.forward(out, x, weight, epilogue);
          case BACKWARD_INPUT -> places.backwardInput(x, out, weight);
          case BACKWARD_WEIGHT -> places.backwardWeight(weight, out, x);
        }
        return true;
      }
      TileUnit tiles = products.hasMatrixUnit(x.dtype()) ? TileUnit.PRESENT : null;
      if (ofWeight && tiles != null && WeightGradient.serves(out, x, spec)) {
        WeightGradient.compute(tiles, allocator, weight, out, x, spec);
        return true;
      }
      boolean keep = !ofWeight && PackedWeights.areUsedAgain(operation.key(), weight);
      if (Winograd.serves(x, weight, out, spec, ofWeight)) {
        byTiles(workspace, operation, keep, x, weight, out, epilogue, spec);
        return true;
      }
      Strided bias = epilogue.isPlain() ? epilogue.bias() : null; // else it is a part of the pass that the rest takes anyhow
      Operands operands = new Operands(operation, distinct(workspace, x),
          ConvolutionPlans.grouped(distinct(workspace, weight), spec.groups()),
          distinct(workspace, out), bias == null ? null : Copies.input(workspace, bias.dtype(), bias));
      boolean apart = !ofWeight && shareOut(x.size(0)) && multiplications(weight, out) >= WORTH_A_CALL;
      Plan plan = plan(apart ? operands.ofImage(0) : operands, spec, apart);
      try {
        if (!plan.isUsable()) {
          return result.dtype().size() == Short.BYTES && inFloat32(workspace, operation, result, x, weight, out, epilogue, spec);
        }
        Epilogue rest = bias == null ? epilogue : Epilogue.NONE;
        if (apart) {
          eachImage(plan, keep, operands, rest, result);
        } else {
          plan.run(allocator, keep, operands.inOrder());
          EpiloguePass.run(rest, result);
        }
        return true;
      } finally {
        plan.release();
      }
    }
  }

  // ---- by oneDNN ----

  /// Those of the forward, as oneDNN takes them.
  private record Operands(Operation operation, Strided image, Strided kernel, Strided places, @Nullable Strided bias) {
    Operands ofImage(long i) {
      return new Operands(operation, one(image, i), kernel, one(places, i), bias);
    }

    /// As the operation's plans take them.
    Strided[] inOrder() {
      return switch (operation) {
        case FORWARD -> bias == null ? new Strided[] {places, image, kernel} : new Strided[] {places, image, kernel, bias};
        case BACKWARD_INPUT -> new Strided[] {image, places, kernel};
        case BACKWARD_WEIGHT -> new Strided[] {kernel, places, image};
      };
    }
  }

  private Plan plan(Operands operands, Conv2d spec, boolean alone) {
    long[] parameters = {
      spec.strideH(), spec.strideW(), spec.padH(), spec.padW(), spec.dilationH(), spec.dilationW(), spec.groups(), alone ? 1 : 0
    };
    PlanCache.Key key = PlanCache.Key.of(operands.operation.key(), parameters, operands.inOrder());
    return plans.acquire(key, () -> alone ? Dnnl.alone(() -> newPlan(operands, spec)) : newPlan(operands, spec));
  }

  private static Plan newPlan(Operands operands, Conv2d spec) {
    try (ConvolutionPlans plans = new ConvolutionPlans(operands.image, operands.kernel, operands.places, spec)) {
      return switch (operands.operation) {
        case FORWARD -> plans.forward(operands.bias);
        case BACKWARD_INPUT -> plans.backwardInput();
        case BACKWARD_WEIGHT -> plans.backwardWeight();
      };
    }
  }

  private static boolean shareOut(long images) {
    int threads = CpuPool.SHARED.threads();
    return (images + threads - 1) / threads * threads <= images * UNEVEN;
  }

  /// Of one image.
  private static long multiplications(Strided weight, Strided out) {
    return weight.numel() * out.size(2) * out.size(3);
  }

  /// @param plan for one image and one thread
  private void eachImage(Plan plan, boolean keep, Operands operands, Epilogue epilogue, Strided result) {
    long images = operands.image.size(0);
    try (Plan.Weights weights = Dnnl.alone(() -> plan.weights(allocator, keep, operands.inOrder()))) {
      CpuPool.SHARED.parallelFor(0, images, 1, (begin, end) -> {
        for (long i = begin; i < end; i++) {
          Strided[] one = operands.ofImage(i).inOrder();
          Dnnl.alone(() -> plan.run(allocator, weights, one));
          EpiloguePass.run(ofImage(epilogue, i), one(result, i));
        }
      });
    }
  }

  /// The image `i` alone.
  private static Strided one(Strided images, long i) {
    long[] sizes = images.sizes().clone();
    sizes[0] = 1;
    return images.with(images.offset() + i * images.stride(0), sizes, images.strides());
  }

  private static Epilogue ofImage(Epilogue epilogue, long i) {
    Strided residual = epilogue.residual();
    return residual == null ? epilogue : new Epilogue(epilogue.scale(), epilogue.bias(), one(residual, i), epilogue.activation());
  }

  private boolean inFloat32(Workspace workspace, Operation operation, Strided result, Strided x, Strided weight, Strided out,
      Epilogue epilogue, Conv2d spec) {
    Strided computed = Copies.output(workspace, DType.FLOAT32, result);
    Strided image = result == x ? computed : Copies.input(workspace, DType.FLOAT32, x);
    Strided kernel = result == weight ? computed : Copies.input(workspace, DType.FLOAT32, weight);
    Strided places = result == out ? computed : Copies.input(workspace, DType.FLOAT32, out);
    boolean done = run(operation, computed, image, kernel, places, Copies.input(workspace, DType.FLOAT32, epilogue), spec);
    Copies.deliver(result, computed);
    return done;
  }

  private static Strided distinct(Workspace workspace, Strided operand) {
    return Matrices.isDistinct(operand) ? operand : Copies.input(workspace, operand.dtype(), operand);
  }

  // ---- by tiles ----

  private void byTiles(Workspace workspace, Operation operation, boolean keep, Strided x, Strided weight, Strided out, Epilogue epilogue,
      Conv2d spec) {
    boolean backward = operation == Operation.BACKWARD_INPUT;
    Strided result = backward ? x : out;
    Winograd tiles = new Winograd(allocator, result, spec.padH(), spec.padW());
    if (operation == Operation.BACKWARD_WEIGHT) {
      tiles.kernelGradient(weight, out, x);
      return;
    }
    TransformedKernel kernel = new TransformedKernel(weight, backward);
    PackedWeights.Block kept = null;
    if (keep && kernel.isWorthKeeping()) {
      var form = new PackedWeights.Form(weight.offset(), PlanCache.Key.of(operation.key(), new long[0], weight), TransformedKernel.class);
      kept = PackedWeights.acquire(weight.storage(), form, allocator, kernel.bytes(), kernel::writeTo);
    }
    try {
      long address = kept == null ? workspace.take(kernel.bytes()) : kept.address();
      if (kept == null) {
        kernel.writeTo(address);
      }
      tiles.convolve(result, backward ? out : x, kernel, address, epilogue);
    } finally {
      if (kept != null) {
        kept.release();
      }
    }
  }
}
