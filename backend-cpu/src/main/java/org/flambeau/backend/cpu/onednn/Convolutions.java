package org.flambeau.backend.cpu.onednn;

import org.flambeau.DType;
import org.flambeau.backend.cpu.CpuPool;
import org.flambeau.backend.cpu.EpiloguePass;
import org.flambeau.backend.cpu.LinearAlgebra;
import org.flambeau.backend.cpu.TransformedKernel;
import org.flambeau.backend.cpu.Winograd;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.backend.cpu.amx.TileConvolution;
import org.flambeau.backend.cpu.amx.TileUnit;
import org.flambeau.backend.cpu.amx.WeightGradient;
import org.flambeau.backend.cpu.gemm.Copies;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Convolutions and their gradients: by [Winograd] where that takes fewer multiplications, by products where there are [FewPlaces], else by oneDNN's
/// own kernels.
///
/// Images that share out evenly among the threads are convolved one by one, each by one thread of ours, and of fewer images each in so many bands of
/// lines. What comes behind the convolution then finds its result in that thread's cache, and nobody waits for oneDNN's team to meet, and for ours
/// after it.
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

  /// The time that parts one by one may take, in that of parts shared out evenly.
  private static final double UNEVEN = 1.15;
  /// The multiplications of a part from which on it is worth a call of its own.
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
  boolean run(Operation operation, Strided result, Strided x, Strided weight, Strided out, Epilogue epilogue, ConvSpec spec) {
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
      if (!ofWeight && tiles != null && onUnit(tiles, workspace, operation, keep, result, result == x ? out : x, weight, epilogue, spec)) {
        return true;
      }
      if (Winograd.serves(x, weight, out, spec, ofWeight)) {
        byTiles(workspace, operation, keep, x, weight, out, epilogue, spec);
        return true;
      }
      if (!allSeePixels(2, x, weight, out, spec.strideH(), spec.padH(), spec.dilationH())
          || !allSeePixels(3, x, weight, out, spec.strideW(), spec.padW(), spec.dilationW())) {
        return false;
      }
      if (x.dtype() == DType.BFLOAT16 && products.hasMatrixUnit(DType.BFLOAT16) && isBeyondTheUnit(weight, out, spec)) {
        return inFloat32(workspace, operation, result, x, weight, out, epilogue, spec);
      }
      Strided bias = epilogue.isPlain() ? epilogue.bias() : null; // else it is a part of the pass that the rest takes anyhow
      Operands operands = new Operands(operation, distinct(workspace, x),
          ConvolutionPlans.grouped(distinct(workspace, weight), spec.groups()),
          distinct(workspace, out), bias == null ? null : Copies.input(workspace, bias.dtype(), bias), spec);
      Epilogue rest = bias == null ? epilogue : Epilogue.NONE;
      int bands = operands.bands(keep);
      boolean done = bands > 0 ? inParts(operands, bands, keep, rest, result) : atOnce(operands, keep, rest, result);
      return done || result.dtype().size() == Short.BYTES && inFloat32(workspace, operation, result, x, weight, out, epilogue, spec);
    }
  }

  // ---- by oneDNN ----

  /// Whether each place along a dimension sees an element of the image. Where one sees padding alone, kernels of oneDNN 3.11 read beyond their
  /// operands.
  private static boolean allSeePixels(int dim, Strided x, Strided weight, Strided out, int stride, int padding, int dilation) {
    long kernel = weight.size(dim);
    if (padding == 0 || dilation == 1 && padding < kernel) {
      return true;
    }
    for (long place = 0; place < out.size(dim); place++) {
      long first = place * stride - padding;
      long element = first >= 0 ? 0 : Math.ceilDiv(-first, dilation);
      if (element >= kernel || first + element * dilation >= x.size(dim)) {
        return false;
      }
    }
    return true;
  }

  /// Whether oneDNN 3.11 computes it wrongly on a matrix unit: lines of one place whose kernel moves on by several pixels, and kernels that skip lines.
  private static boolean isBeyondTheUnit(Strided weight, Strided out, ConvSpec spec) {
    return out.size(3) == 1 && spec.strideW() > 1 || spec.strideH() > weight.size(2) && weight.size(3) > 1;
  }

  /// Those of the forward, as oneDNN takes them.
  private record Operands(Operation operation, Strided image, Strided kernel, Strided places, @Nullable Strided bias, ConvSpec spec) {
    /// How many bands of lines an image is cut into, so that all threads have as much to do, each alone; 0 where that cannot be, or is not worth it.
    ///
    /// @param keep whether the weight is kept as kernels take it; else it would have to be laid out for each band
    int bands(boolean keep) {
      long reach = (kernel.size(kernel.rank() - 2) - 1) * spec.dilationH();
      long most = switch (operation) {
        case FORWARD -> keep && spec.padH() <= reach ? Math.min(CpuPool.SHARED.threads(), places.size(2)) : 1;
        case BACKWARD_INPUT -> 1;
        case BACKWARD_WEIGHT -> 0;
      };
      long multiplications = kernel.numel() * places.size(2) * places.size(3);
      for (int bands = 1; bands <= most && multiplications / bands >= WORTH_A_CALL; bands++) {
        if (shareOut(image.size(0) * bands, CpuPool.SHARED.threads()) && shareOut(places.size(2), bands)) {
          return bands;
        }
      }
      return 0;
    }

    private static boolean shareOut(long things, int threads) {
      return Math.ceilDiv(things, threads) * threads <= things * UNEVEN;
    }

    /// What band `band` of `bands` of an image is computed from, of which there is padding only where it is the first or last.
    Operands part(long i, int band, int bands) {
      Lines lines = Lines.of(places, i, band, bands);
      long top = lines.first * spec.strideH() - spec.padH();
      long end = (lines.last - 1) * spec.strideH() - spec.padH() + (kernel.size(kernel.rank() - 2) - 1) * spec.dilationH() + 1;
      Lines seen = bands == 1 ? Lines.of(image, i, 0, 1) : new Lines(i, Math.max(0, top), Math.min(end, image.size(2)));
      ConvSpec padded = new ConvSpec(spec.strideH(), spec.strideW(), bands == 1 ? spec.padH() : (int) (seen.first - top), spec.padW(),
          spec.dilationH(), spec.dilationW(), spec.groups());
      return new Operands(operation, seen.in(image), kernel, lines.in(places), bias, padded);
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

  /// Lines [first, last) of an image.
  private record Lines(long image, long first, long last) {
    static Lines of(Strided images, long image, int band, int bands) {
      return new Lines(image, images.size(2) * band / bands, images.size(2) * (band + 1) / bands);
    }

    Strided in(Strided images) {
      return images.with(images.offset() + image * images.stride(0) + first * images.stride(2),
          new long[] {1, images.size(1), last - first, images.size(3)}, images.strides());
    }

    Epilogue in(Epilogue epilogue) {
      Strided residual = epilogue.residual();
      return residual == null ? epilogue : new Epilogue(epilogue.scale(), epilogue.bias(), in(residual), epilogue.activation());
    }
  }

  private Plan plan(Operands operands, boolean alone) {
    ConvSpec spec = operands.spec;
    long[] parameters = {
      spec.strideH(), spec.strideW(), spec.padH(), spec.padW(), spec.dilationH(), spec.dilationW(), spec.groups(), alone ? 1 : 0
    };
    PlanCache.Key key = PlanCache.Key.of(operands.operation.key(), parameters, operands.inOrder());
    return plans.acquire(key, () -> alone ? Dnnl.alone(() -> newPlan(operands)) : newPlan(operands));
  }

  private static Plan newPlan(Operands operands) {
    try (ConvolutionPlans plans = new ConvolutionPlans(operands.image, operands.kernel, operands.places, operands.spec)) {
      return switch (operands.operation) {
        case FORWARD -> plans.forward(operands.bias);
        case BACKWARD_INPUT -> plans.backwardInput();
        case BACKWARD_WEIGHT -> plans.backwardWeight();
      };
    }
  }

  /// By oneDNN's team. Returns whether it has a kernel.
  private boolean atOnce(Operands operands, boolean keep, Epilogue epilogue, Strided result) {
    Plan plan = plan(operands, false);
    try {
      if (plan.isUsable()) {
        plan.run(allocator, keep, operands.inOrder());
        EpiloguePass.run(epilogue, result);
      }
      return plan.isUsable();
    } finally {
      plan.release();
    }
  }

  /// Each band of an image by a thread of ours. Returns whether oneDNN has kernels.
  private boolean inParts(Operands operands, int bands, boolean keep, Epilogue epilogue, Strided result) {
    Plan[] plans = new Plan[bands];
    Plan.Weights[] weights = new Plan.Weights[bands];
    try {
      for (int band = 0; band < bands; band++) {
        Operands part = operands.part(0, band, bands);
        plans[band] = plan(part, true);
        if (!plans[band].isUsable()) {
          return false;
        }
        Plan plan = plans[band];
        weights[band] = Dnnl.alone(() -> plan.weights(allocator, keep, part.inOrder()));
      }
      CpuPool.SHARED.parallelFor(0, operands.image.size(0) * bands, 1, (begin, end) -> {
        for (long i = begin; i < end; i++) {
          long image = i / bands;
          int band = (int) (i % bands);
          Strided[] part = operands.part(image, band, bands).inOrder();
          Dnnl.alone(() -> plans[band].run(allocator, weights[band], part));
          Lines lines = Lines.of(result, image, band, bands);
          EpiloguePass.run(lines.in(epilogue), lines.in(result));
        }
      });
      return true;
    } finally {
      for (int band = 0; band < bands; band++) {
        if (weights[band] != null) {
          weights[band].close();
        }
        if (plans[band] != null) {
          plans[band].release();
        }
      }
    }
  }

  private boolean inFloat32(Workspace workspace, Operation operation, Strided result, Strided x, Strided weight, Strided out,
      Epilogue epilogue, ConvSpec spec) {
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
      ConvSpec spec) {
    boolean backward = operation == Operation.BACKWARD_INPUT;
    Strided result = backward ? x : out;
    Winograd tiles = new Winograd(allocator, result, spec.padH(), spec.padW());
    if (operation == Operation.BACKWARD_WEIGHT) {
      tiles.kernelGradient(weight, out, x);
      return;
    }
    TransformedKernel kernel = new TransformedKernel(weight, backward);
    PackedWeights.use(workspace, allocator, keep && kernel.isWorthKeeping(), operation.key(), weight, TransformedKernel.class,
        kernel.bytes(),
        kernel::writeTo, address -> tiles.convolve(result, backward ? out : x, kernel, address, epilogue));
  }

  // ---- by a matrix unit ----

  /// Returns whether it could.
  private boolean onUnit(TileUnit unit, Workspace workspace, Operation operation, boolean keep, Strided result, Strided source,
      Strided weight,
      Epilogue epilogue, ConvSpec spec) {
    boolean backward = operation == Operation.BACKWARD_INPUT;
    if (!TileConvolution.serves(result, source, weight, spec)) {
      return false;
    }
    TileConvolution convolution = new TileConvolution(unit, allocator, result, source, weight, spec, backward);
    PackedWeights.use(workspace, allocator, keep, operation.key(), weight, spec, convolution.kernelBytes(), convolution::writeKernelTo,
        address -> convolution.run(address, epilogue));
    return true;
  }
}
