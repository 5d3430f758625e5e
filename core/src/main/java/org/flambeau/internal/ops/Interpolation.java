package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.ResizeSpec;
import org.flambeau.spi.Strided;

/// Rows, images and volumes (n, c, …) in other sizes.
public final class Interpolation {
  /// How a place between elements gets its value.
  public enum Mode {
    /// From the element before it.
    NEAREST(ResizeSpec.Mode.NEAREST, "upsample_nearest", 1, "UpsampleNearest1D", "UpsampleNearest2D", "UpsampleNearest3D"),
    /// From the two elements around it, by how near they are, in each dimension.
    LINEAR(ResizeSpec.Mode.LINEAR, "upsample_linear", 1, "UpsampleLinear1D", "UpsampleBilinear2D", "UpsampleTrilinear3D"),
    /// Of images, from the four elements around it in each dimension.
    CUBIC(ResizeSpec.Mode.CUBIC, "upsample_cubic", 2, "UpsampleBicubic2D");

    private final ResizeSpec.Mode kernel;
    private final int least;
    private final Op<Task>[] forward;
    private final Op<Task>[] backward;

    /// @param least dimensions that are resized
    /// @param nodes for so many dimensions and for more
    @SuppressWarnings({"unchecked", "rawtypes"})
    Mode(ResizeSpec.Mode kernel, String name, int least, String... nodes) {
      this.kernel = kernel;
      this.least = least;
      forward = new Op[nodes.length];
      backward = new Op[nodes.length];
      for (int d = 0; d < nodes.length; d++) {
        String op = name + (least + d) + "d";
        forward[d] = Op.of(op, Derivative.of(nodes[d] + "Backward0", term((g, s, task) -> back(g, task.from(s.sizes(0))))));
        backward[d] = Op.of(op + "_backward", Derivative.of(nodes[d] + "BackwardBackward0",
            term((g, s, task) -> forth(g, task.from(s.sizes(0))))));
      }
    }
  }

  /// @param sizes of what becomes of an operand
  private record Task(Mode mode, ResizeSpec resize, long[] sizes) {
    Task from(long[] others) {
      return new Task(mode, resize, others);
    }

    Op<Task> among(Op<Task>[] ops) {
      return ops[sizes.length - 2 - mode.least];
    }
  }

  private Interpolation() {}

  /// `x` at other positions of its last dimensions, by `mode`.
  ///
  /// @param sizes of the result's last dimensions
  /// @param scales of positions, input by output, or 0 to take the ratio of the sizes
  public static Tensor interpolate(Tensor x, long[] sizes, double[] scales, Mode mode, boolean alignCorners) {
    AutocastPolicy policy = AutocastPolicy.of("interpolate", x);
    if (policy != null) {
      return policy.runUnary(c -> interpolate(c, sizes, scales, mode, alignCorners), x);
    }
    int spatial = x.dim() - 2;
    if (spatial < 1 || spatial > 3) {
      throw new IllegalArgumentException("[interpolate] Input Error: Only 3D, 4D and 5D input Tensors supported (got " + x.dim() + "D)");
    }
    long[] whole = x.sizes();
    long[] inner = Arrays.copyOfRange(whole, 2, whole.length);
    if (sizes.length != spatial) {
      throw new IllegalArgumentException(
          "[interpolate] Input and output must have the same number of spatial dimensions, but got input with "
              + "spatial dimensions of " + list(inner) + " and output size of " + Shapes.show(sizes) + ". Please provide input tensor in "
              + "(N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format.");
    }
    for (int d = 0; d < spatial; d++) {
      if (sizes[d] < 1 || inner[d] < 1) {
        throw new IllegalArgumentException("[interpolate] Input and output sizes should be greater than 0, but got input " + list(inner)
            + " output " + list(sizes));
      }
      whole[2 + d] = sizes[d];
    }
    Promotion.requireFloat("interpolate", x);
    return forth(x, new Task(mode, new ResizeSpec(mode.kernel, alignCorners, scales.clone()), whole));
  }

  private static Tensor forth(Tensor x, Task task) {
    Strided in = x.strided();
    return task.among(task.mode.forward).run(task, x.dtype(), Layout.ofImages(in, task.sizes), x,
        (k, out) -> k.resize(out, in, task.resize));
  }

  private static Tensor back(Tensor grad, Task task) {
    Strided g = grad.strided();
    return task.among(task.mode.backward).run(task, grad.dtype(), Layout.ofImages(g, task.sizes), grad,
        (k, out) -> k.resizeBackward(out, g, task.resize));
  }
}
