package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.OptionalLong;
import org.flambeau.spi.ConvSpec;

/// The convolutions of cuDNN's legacy API, which names algorithms instead of making plans. They are bound when this class is first
/// used, which most processes never do.
public final class CudnnLegacy {
  private static final MethodHandle SET_TENSOR = Cudnn.function("cudnnSetTensorNdDescriptorEx", JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT,
      JAVA_LONG);
  private static final MethodHandle SET_FILTER = Cudnn.function("cudnnSetFilterNdDescriptor", JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT,
      JAVA_LONG);
  private static final MethodHandle SET_CONVOLUTION = Cudnn.function("cudnnSetConvolutionNdDescriptor", JAVA_LONG, JAVA_INT, JAVA_LONG,
      JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT);
  private static final MethodHandle SET_GROUPS = Cudnn.function("cudnnSetConvolutionGroupCount", JAVA_LONG, JAVA_INT);
  private static final MethodHandle SET_MATH = Cudnn.function("cudnnSetConvolutionMathType", JAVA_LONG, JAVA_INT);

  private static final int CROSS_CORRELATION = 1;

  private CudnnLegacy() {}

  /// What a descriptor describes.
  public enum Kind {
    TENSOR("Tensor"), FILTER("Filter"), CONVOLUTION("Convolution");

    private final String name;
    private final MethodHandle create;
    private final MethodHandle destroy;

    Kind(String name) {
      this.name = name;
      this.create = Cudnn.function("cudnnCreate" + name + "Descriptor", JAVA_LONG);
      this.destroy = Cudnn.function("cudnnDestroy" + name + "Descriptor", JAVA_LONG);
    }

    public long create() {
      return Native.outLong(out -> Cudnn.check("cudnnCreate" + name + "Descriptor", (int) create.invokeExact(out)));
    }

    public void destroy(long descriptor) {
      Cudnn.check("cudnnDestroy" + name + "Descriptor", Native.call(() -> (int) destroy.invokeExact(descriptor)));
    }
  }

  /// Which of a convolution's tensors is computed from the two others: y from x and the filter, x from the filter and y, or the filter
  /// from x and y.
  public enum Pass {
    FORWARD("Forward"), BACKWARD_DATA("BackwardData"), BACKWARD_FILTER("BackwardFilter");

    private final String name;
    private final MethodHandle workspaceSize;
    private final MethodHandle run;

    Pass(String name) {
      this.name = name;
      this.workspaceSize = Cudnn.function("cudnnGetConvolution" + name + "WorkspaceSize", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
          JAVA_LONG, JAVA_INT, JAVA_LONG);
      this.run = Cudnn.function("cudnnConvolution" + name, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
          JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    }

    /// What the algorithm needs to run; empty where it is not for this convolution.
    public OptionalLong workspaceBytes(long handle, Operands operands, int algorithm) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment bytes = arena.allocate(JAVA_LONG);
        boolean supported = supported("cudnnGetConvolution" + name + "WorkspaceSize",
            Native.call(() -> (int) workspaceSize.invokeExact(handle, operands.a.descriptor, operands.b.descriptor, operands.convolution,
                operands.result.descriptor, algorithm, bytes.address())));
        return supported ? OptionalLong.of(bytes.get(JAVA_LONG, 0)) : OptionalLong.empty();
      }
    }

    /// Issues the convolution to the handle's stream; false where the algorithm is not for it, nothing being done then.
    ///
    /// @param workspace as many bytes as the algorithm needs
    /// @param wide whether sums are float64
    public boolean run(long handle, Operands operands, int algorithm, long workspace, long bytes, boolean wide) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment scales = wide ? arena.allocateFrom(JAVA_DOUBLE, 1, 0) : arena.allocateFrom(JAVA_FLOAT, 1, 0);
        long one = scales.address();
        long zero = one + (wide ? Double.BYTES : Float.BYTES);
        Operand a = operands.a;
        Operand b = operands.b;
        Operand result = operands.result;
        return supported("cudnnConvolution" + name, Native.call(() -> (int) run.invokeExact(handle, one, a.descriptor, a.address,
            b.descriptor, b.address, operands.convolution, algorithm, workspace, bytes, zero, result.descriptor, result.address)));
      }
    }
  }

  /// A tensor or a filter, and where it lies.
  public record Operand(long descriptor, long address) {}

  /// Two factors in the order that their [Pass] names them in, the descriptor of the convolution, and the result.
  public record Operands(Operand a, Operand b, long convolution, Operand result) {}

  /// Describes a tensor without gaps.
  ///
  /// @param format a cudnnTensorFormat_t
  /// @param type a cudnnDataType_t
  /// @param sizes those of batch, channels, height and width, whatever the format
  public static void setTensor(long descriptor, int format, int type, long... sizes) {
    try (Arena arena = Arena.ofConfined()) {
      long dimensions = ints(arena, sizes);
      Cudnn.check("cudnnSetTensorNdDescriptorEx",
          Native.call(() -> (int) SET_TENSOR.invokeExact(descriptor, format, type, sizes.length, dimensions)));
    }
  }

  /// Describes a filter, as [#setTensor] does a tensor.
  public static void setFilter(long descriptor, int format, int type, long... sizes) {
    try (Arena arena = Arena.ofConfined()) {
      long dimensions = ints(arena, sizes);
      Cudnn.check("cudnnSetFilterNdDescriptor",
          Native.call(() -> (int) SET_FILTER.invokeExact(descriptor, type, format, sizes.length, dimensions)));
    }
  }

  /// Describes how the filter slides and how sums are made.
  ///
  /// @param sums a cudnnDataType_t
  /// @param math a cudnnMathType_t
  public static void setConvolution(long descriptor, ConvSpec spec, int sums, int math) {
    try (Arena arena = Arena.ofConfined()) {
      long pads = ints(arena, spec.padH(), spec.padW());
      long strides = ints(arena, spec.strideH(), spec.strideW());
      long dilations = ints(arena, spec.dilationH(), spec.dilationW());
      Cudnn.check("cudnnSetConvolutionNdDescriptor",
          Native.call(() -> (int) SET_CONVOLUTION.invokeExact(descriptor, 2, pads, strides, dilations, CROSS_CORRELATION, sums)));
    }
    Cudnn.check("cudnnSetConvolutionGroupCount", Native.call(() -> (int) SET_GROUPS.invokeExact(descriptor, spec.groups())));
    Cudnn.check("cudnnSetConvolutionMathType", Native.call(() -> (int) SET_MATH.invokeExact(descriptor, math)));
  }

  private static long ints(Arena arena, long... values) {
    return arena.allocateFrom(JAVA_INT, Arrays.stream(values).mapToInt(Math::toIntExact).toArray()).address();
  }

  /// Whether a call did its work; false where cuDNN says that it does not do this at all.
  private static boolean supported(String call, int status) {
    boolean refused = Cudnn.isNotSupported(status);
    if (!refused) {
      Cudnn.check(call, status);
    }
    return !refused;
  }
}
