package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.piecewiseLinear;
import static org.flambeau.autograd.Derivative.result;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Selected;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.PoolSpec;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Windows of images, each reduced to its largest element or its mean. One image (c, h, w) is as good as a batch.
public final class Pooling {
  /// How a window slides, and the sizes of what it slid over.
  private record Slide(PoolSpec spec, long[] sizes) {}

  private static final Op<PoolSpec> MAX = Op.of("max_pool2d", Derivative.of("MaxPool2DWithIndicesBackward0",
      piecewiseLinear(fixing(saves(0), term(result(1), (g, s, spec) -> maxBackward(g, s.result(1), s.sizes(0), spec))))));
  private static final Op<long[]> ADAPTIVE_MAX = Op.of("adaptive_max_pool2d", Derivative.of("AdaptiveMaxPool2DBackward0",
      piecewiseLinear(fixing(saves(0), term(result(1), (g, s, _) -> maxBackward(g, s.result(1), s.sizes(0), null))))));
  private static final Op<long[]> MAX_BACKWARD = Op.of("max_pool2d_backward", Derivative.of("MaxPool2DWithIndicesBackwardBackward0",
      term(saves(1), (g, s, _) -> pick(g, s.input(1))),
      term((_, _, _) -> null)));
  private static final Op<PoolSpec> AVERAGE = Op.of("avg_pool2d", Derivative.of("AvgPool2DBackward0",
      piecewiseLinear(fixing(saves(0), term((g, s, spec) -> averageBackward(g, new Slide(spec, s.sizes(0))))))));
  private static final Op<Slide> AVERAGE_BACKWARD = Op.of("avg_pool2d_backward", Derivative.of("AvgPool2DBackwardBackward0",
      term((g, s, a) -> average(g, s.sizes(0), a.spec))));
  private static final Op<Unit> ADAPTIVE = Op.of("adaptive_avg_pool2d", Derivative.of("AdaptiveAvgPool2DBackward0",
      piecewiseLinear(fixing(saves(0), term((g, s, _) -> adaptiveBackward(g, s.sizes(0)))))));
  private static final Op<Unit> ADAPTIVE_BACKWARD = Op.of("adaptive_avg_pool2d_backward",
      Derivative.of("AdaptiveAvgPool2DBackwardBackward0",
          term((g, s, _) -> adaptive(g, s.sizes(0)))));

  private Pooling() {}

  // ---- largest ----

  /// The largest of each window.
  public static Tensor maxPool2d(Tensor x, PoolSpec spec) {
    if (x.requiresGrad() && GradMode.isEnabled()) {
      return maxPool2dWithIndices(x, spec)[0];
    }
    Layout layout = checkedMaximum(x, spec);
    Strided in = x.strided();
    return MAX.run(spec, x.dtype(), layout, x, (k, out) -> k.maxPool2d(images(out), null, images(in), spec));
  }

  /// [#maxPool2d(Tensor, PoolSpec)] of what `before` makes of images (n, c, h, w), `count` of them at a time. Nothing of it is recorded.
  public static Tensor maxPool2d(Tensor x, long count, UnaryOperator<Tensor> before, PoolSpec spec) {
    @Nullable Tensor[] whole = new Tensor[1];
    for (long first = 0; first < x.size(0); first += count) {
      long from = first;
      long images = Math.min(count, x.size(0) - first);
      Tensor _ = Op.chain(x.narrow(0, from, images), List.of(before, y -> {
        Layout layout = checkedMaximum(y, spec);
        Tensor out = whole[0];
        if (out == null) {
          long[] sizes = layout.sizes().clone();
          sizes[0] = x.size(0);
          out = Creation.empty(y.device(), y.dtype(), Layout.ofImages(y.strided(), sizes));
          whole[0] = out;
        }
        Strided in = y.strided();
        Tensor part = out.narrow(0, from, images);
        return MAX.overwrite(spec, part, new Tensor[] {part, y}, (k, to) -> k.maxPool2d(to, null, in, spec));
      }));
    }
    return Objects.requireNonNull(whole[0]);
  }

  /// The largest of each window, and where in its plane it stood: h·W + w, int64.
  public static Tensor[] maxPool2dWithIndices(Tensor x, PoolSpec spec) {
    return largest(MAX, spec, checkedMaximum(x, spec), x, spec);
  }

  private static <A> Tensor[] largest(Op<A> op, A attributes, Layout layout, Tensor x, PoolSpec spec) {
    Strided in = x.strided();
    return op.runMulti(attributes, x.device(), new DType[] {x.dtype(), DType.INT64}, new Layout[] {layout, layout}, new Tensor[] {x},
        (k, outs) -> k.maxPool2d(images(outs[0]), images(outs[1]), images(in), spec));
  }

  private static Layout checkedMaximum(Tensor x, PoolSpec spec) {
    String op = "max_pool2d";
    if (spec.dilationH() < 1 || spec.dilationW() < 1) {
      throw new IllegalArgumentException("[" + op + "] dilation should be greater than zero, but got dilationH: " + spec.dilationH()
          + " dilationW: " + spec.dilationW());
    }
    if (x.dtype() == DType.BOOL) {
      throw new IllegalArgumentException("[" + op + "] is not defined for bool tensors");
    }
    return layout(x.strided(), pooled(op, x, spec));
  }

  /// The largest of each of h × w windows that cover all of an image, as equal as whole numbers allow, and where in its plane
  /// it stood.
  public static Tensor[] adaptiveMaxPool2d(Tensor x, long h, long w) {
    String op = ADAPTIVE_MAX.title();
    Promotion.requireFloat(op, x);
    long[] sizes = adaptiveSizes(op, x, h, w);
    if (h > 0 && w > 0 && x.size(-2) % h == 0 && x.size(-1) % w == 0) { // windows that slide
      int height = (int) (x.size(-2) / h);
      int width = (int) (x.size(-1) / w);
      PoolSpec spec = new PoolSpec(height, width, height, width, 0, 0, 1, 1, false, true, 0);
      return largest(ADAPTIVE_MAX, sizes, layout(x.strided(), sizes), x, spec);
    }
    return ADAPTIVE_MAX.composeMulti(sizes, new Tensor[] {x}, () -> {
      if (h == 0 || w == 0) {
        Tensor none = Tensor.zeros(x.device(), DType.INT64, 0);
        return new Tensor[] {x.flatten(-2, -1).indexSelect(-1, none).reshape(sizes), none.reshape(sizes)};
      }
      Tensor rows = windows(x.device(), x.size(-2), h).mul(x.size(-1));
      Tensor columns = windows(x.device(), x.size(-1), w);
      Tensor places = rows.reshape(h, 1, -1, 1).add(columns.reshape(1, w, 1, -1)).reshape(h * w, -1);
      Tensor planes = x.flatten(-2, -1);
      long[] covered = Arrays.copyOf(planes.sizes(), planes.dim() + 1);
      covered[planes.dim() - 1] = h * w;
      covered[planes.dim()] = places.size(1);
      Selected largest = Extrema.max(planes.indexSelect(-1, places.flatten(0, -1)).reshape(covered), -1, true);
      Tensor indices = places.expand(covered).gather(-1, largest.indices());
      return new Tensor[] {Copies.asImages(x, largest.values().reshape(sizes)), Copies.asImages(x, indices.reshape(sizes))};
    });
  }

  /// For each of `count` windows over `size` positions those it covers, the last one again where it covers fewer than others.
  private static Tensor windows(Device device, long size, long count) {
    long longest = Math.ceilDiv(size, count) + (size % count == 0 ? 0 : 1);
    Tensor window = Creation.positions(device, count).unsqueeze(1);
    Tensor first = window.mul(size).floorDivide(count);
    Tensor last = window.add(1).mul(size).sub(1).floorDivide(count);
    return first.add(Creation.positions(device, longest)).minimum(last);
  }

  private static Tensor maxBackward(Tensor grad, Tensor indices, long[] sizes, @Nullable PoolSpec spec) {
    Strided g = grad.strided();
    Strided positions = indices.strided();
    return MAX_BACKWARD.run(sizes, grad.dtype(), layout(g, sizes), grad.device(), grad, indices,
        (k, out) -> k.maxPool2dBackward(images(out), images(g), images(positions), spec));
  }

  /// The elements that were the largest of their windows.
  private static Tensor pick(Tensor x, Tensor indices) {
    return x.flatten(-2, -1).gather(-1, indices.flatten(-2, -1)).reshape(indices.sizes());
  }

  // ---- means ----

  /// The mean of each window.
  public static Tensor avgPool2d(Tensor x, PoolSpec spec) {
    Promotion.requireFloat("avg_pool2d", x);
    return average(x, pooled("avg_pool2d", x, spec), spec);
  }

  private static Tensor average(Tensor x, long[] sizes, PoolSpec spec) {
    Strided in = x.strided();
    return AVERAGE.run(spec, x.dtype(), layout(in, sizes), x, (k, out) -> k.avgPool2d(images(out), images(in), spec));
  }

  private static Tensor averageBackward(Tensor grad, Slide slide) {
    Strided g = grad.strided();
    return AVERAGE_BACKWARD.run(slide, grad.dtype(), layout(g, slide.sizes), grad,
        (k, out) -> k.avgPool2dBackward(images(out), images(g), slide.spec));
  }

  /// The means of h × w windows that cover all of an image, as equal as whole numbers allow. A negative size is x's own.
  public static Tensor adaptiveAvgPool2d(Tensor x, long h, long w) {
    String op = "adaptive_avg_pool2d";
    Promotion.requireFloat(op, x);
    long[] sizes = adaptiveSizes(op, x, h, w);
    return h == 1 && w == 1 ? x.mean(new int[] {-1, -2}, true) : adaptive(x, sizes);
  }

  private static long[] adaptiveSizes(String op, Tensor x, long h, long w) {
    if (x.dim() != 3 && x.dim() != 4) {
      throw new IllegalArgumentException("[" + op + "] Expected 3D or 4D tensor, but got " + list(x.sizes()));
    }
    if (h < 0 || w < 0) {
      throw new IllegalArgumentException("[" + op + "] elements of output_size must be greater than or equal to 0 but received {" + h + ", "
          + w + "}");
    }
    for (int d = x.dim() - 2; d < x.dim(); d++) {
      if (x.size(d) == 0) {
        throw new IllegalArgumentException(
            "[" + op + "] Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                + list(x.sizes()) + " with dimension " + d + " being empty");
      }
    }
    long[] sizes = x.sizes();
    sizes[sizes.length - 2] = h;
    sizes[sizes.length - 1] = w;
    return sizes;
  }

  private static Tensor adaptive(Tensor x, long[] sizes) {
    Strided in = x.strided();
    return ADAPTIVE.run(Unit.UNIT, x.dtype(), layout(in, sizes), x, (k, out) -> k.adaptiveAvgPool2d(images(out), images(in)));
  }

  private static Tensor adaptiveBackward(Tensor grad, long[] sizes) {
    Strided g = grad.strided();
    return ADAPTIVE_BACKWARD.run(Unit.UNIT, grad.dtype(), layout(g, sizes), grad,
        (k, out) -> k.adaptiveAvgPool2dBackward(images(out), images(g)));
  }

  // ---- sizes ----

  private static Layout layout(Strided model, long[] sizes) {
    return Layout.ofImages(model, sizes);
  }

  /// One image as a batch of one: kernels know batches only.
  private static Strided images(Strided x) {
    return x.rank() == 4
        ? x
        : x.with(x.offset(), new long[] {1, x.size(0), x.size(1), x.size(2)}, new long[] {0, x.stride(0), x.stride(1), x.stride(2)});
  }

  private static long[] pooled(String op, Tensor x, PoolSpec spec) {
    if (x.dim() != 3 && x.dim() != 4) {
      throw new IllegalArgumentException(
          "[" + op + "] non-empty 3D or 4D (batch mode) tensor expected for input, but got size " + list(x.sizes()));
    }
    int rank = x.dim();
    if (spec.strideH() == 0 || spec.strideW() == 0) {
      throw new IllegalArgumentException("[" + op + "] stride should not be zero");
    }
    if (spec.kernelH() < 1 || spec.kernelW() < 1) {
      throw new IllegalArgumentException("[" + op + "] kernel size should be greater than zero, but got kH: " + spec.kernelH() + " kW: "
          + spec.kernelW());
    }
    if (spec.strideH() < 0 || spec.strideW() < 0) {
      throw new IllegalArgumentException("[" + op + "] stride should be greater than zero, but got dH: " + spec.strideH() + " dW: "
          + spec.strideW());
    }
    checkPadding(op, spec.padH(), spec.kernelH(), spec.dilationH());
    checkPadding(op, spec.padW(), spec.kernelW(), spec.dilationW());
    for (int d = rank - 3; d < rank; d++) {
      if (x.size(d) == 0) {
        throw new IllegalArgumentException(
            "[" + op + "] Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:"
                + list(x.sizes()));
      }
    }
    if (spec.padH() > spec.kernelH() / 2 || spec.padW() > spec.kernelW() / 2) {
      throw new IllegalArgumentException("[" + op + "] pad should be smaller than or equal to half of kernel size, but got padW = "
          + spec.padW() + ", padH = " + spec.padH() + ", kW = " + spec.kernelW() + ", kH = " + spec.kernelH());
    }
    long[] sizes = x.sizes();
    long c = sizes[rank - 3];
    long h = sizes[rank - 2];
    long w = sizes[rank - 1];
    sizes[rank - 2] = outputSize(h, spec.kernelH(), spec.strideH(), spec.padH(), spec.dilationH(), spec.ceilMode());
    sizes[rank - 1] = outputSize(w, spec.kernelW(), spec.strideW(), spec.padW(), spec.dilationW(), spec.ceilMode());
    if (sizes[rank - 2] < 1 || sizes[rank - 1] < 1) {
      throw new IllegalArgumentException(
          "[" + op + "] Given input size: (" + c + "x" + h + "x" + w + "). Calculated output size: (" + c + "x"
              + sizes[rank - 2] + "x" + sizes[rank - 1] + "). Output size is too small");
    }
    return sizes;
  }

  private static void checkPadding(String op, int pad, int kernel, int dilation) {
    if (pad < 0) {
      throw new IllegalArgumentException("[" + op + "] pad must be non-negative, but got pad: " + pad);
    }
    if (pad > ((kernel - 1) * dilation + 1) / 2) {
      throw new IllegalArgumentException("[" + op + "] pad should be at most half of effective kernel size, but got pad=" + pad
          + ", kernel_size=" + kernel + " and dilation=" + dilation);
    }
  }

  /// How many windows there are. In ceil mode one more that begins within the image or its padding before.
  private static long outputSize(long in, int kernel, int stride, int pad, int dilation, boolean ceil) {
    long size = Math.floorDiv(in + 2L * pad - (long) dilation * (kernel - 1) - 1 + (ceil ? stride - 1 : 0), stride) + 1;
    return ceil && (size - 1) * stride >= in + pad ? size - 1 : size;
  }
}
