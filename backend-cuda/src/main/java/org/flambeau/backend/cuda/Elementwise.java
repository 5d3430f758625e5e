package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;

/// Element-wise operations: `elementwise.cu`, whose functors are called as the SPI's constants are.
final class Elementwise {
  static final String SOURCE = "elementwise.cu";
  /// Bytes of the structures in elementwise.cu.
  private static final int INPUT = 24;
  private static final int STRIDED_INPUT = INPUT + Space.STEPS;
  /// Bytes that one access moves at most.
  private static final int PACK = 16;

  /// How operands lie, for which a function has a kernel each: alike and without gaps, or anyhow.
  enum Layout {
    DENSE("dense"),
    STRIDED("strided");

    private final String template;

    Layout(String template) {
      this.template = template;
    }

    /// The template in elementwise.cu.
    String template() {
      return template;
    }
  }

  /// A function's kernels.
  interface Form {
    Kernel of(Layout layout);
  }

  /// Operations some of whose operands are an operation's parameters.
  private enum Parametric {
    ADD_SCALED(3),
    WHERE(3),
    CLAMP(3),
    LEAKY_RELU(2),
    ELU(3);

    private final int operands;

    Parametric(int operands) {
      this.operands = operands;
    }

    DType[] operands(DType out) {
      DType[] operands = new DType[this.operands];
      Arrays.fill(operands, out);
      if (this == WHERE) {
        operands[0] = DType.BOOL;
      }
      return operands;
    }

    boolean isAsked(DType out) {
      return out.isFloating() || this != LEAKY_RELU && this != ELU;
    }
  }

  private final Gpu gpu;
  private final Forms<UnaryOp> unary;
  private final Forms<BinaryOp> binary;
  private final Forms<Parametric> parametric;
  private final Forms<DType> copy;

  Elementwise(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.unary = new Forms<>(library, UnaryOp.class, Elementwise::isAsked,
        (op, in) -> instance(op, op.isPredicate() ? DType.BOOL : in, in));
    this.binary = new Forms<>(library, BinaryOp.class, Elementwise::isAsked,
        (op, in) -> instance(op, op.isPredicate() ? DType.BOOL : in, in, in));
    this.parametric = new Forms<>(library, Parametric.class, Parametric::isAsked, (op, out) -> instance(op, out, op.operands(out)));
    this.copy = new Forms<>(library, DType.class, (_, _) -> true, (out, in) -> instance("COPY", out, in));
  }

  /// Whether core asks for an operation on a dtype.
  private static boolean isAsked(UnaryOp op, DType in) {
    return op == UnaryOp.BITWISE_NOT ? !in.isFloating() && in != DType.BOOL : in.isFloating() || op.whole() != null;
  }

  private static boolean isAsked(BinaryOp op, DType in) {
    return (in.isFloating() ? op.real() : op.whole()) != null;
  }

  /// A template's arguments.
  private static String instance(Object functor, DType out, DType... in) {
    return Stream.concat(Stream.of(out), Stream.of(in)).map(Elementwise::type).collect(Collectors.joining(", ", "<" + functor + ", ", ">"));
  }

  /// As types.cuh calls it.
  static String type(DType dtype) {
    return dtype == DType.BOOL ? "boolean" : dtype.label();
  }

  /// The type of what is moved as it is: one instance of a kernel for all dtypes of one size.
  static String bits(DType dtype) {
    return "int" + 8 * dtype.size();
  }

  /// The kernels of each operation and dtype.
  private static final class Forms<O extends Enum<O>> {
    private final KernelTable<O, DType> dense;
    private final KernelTable<O, DType> strided;

    Forms(KernelLibrary library, Class<O> operations, KernelTable.Domain<O, DType> domain, KernelTable.Instance<O, DType> arguments) {
      this.dense = new KernelTable<>(library, SOURCE, operations, DType.class, domain,
          (op, dtype) -> Layout.DENSE.template + arguments.of(op, dtype));
      this.strided = new KernelTable<>(library, SOURCE, operations, DType.class, domain,
          (op, dtype) -> Layout.STRIDED.template + arguments.of(op, dtype));
    }

    Form of(O op, DType dtype) {
      return layout -> (layout == Layout.DENSE ? dense : strided).get(op, dtype);
    }
  }

  void unary(UnaryOp op, Strided out, Strided x) {
    run(unary.of(meant(op, x.dtype()), x.dtype()), out, x);
  }

  /// The operation on a dtype.
  static UnaryOp meant(UnaryOp op, DType in) {
    return op == UnaryOp.BITWISE_NOT && in == DType.BOOL ? UnaryOp.LOGICAL_NOT : op;
  }

  void binary(BinaryOp op, Strided out, Strided a, Strided b) {
    run(binary.of(op, op.isPredicate() ? BinaryOp.operandType(a, b) : out.dtype()), out, a, b);
  }

  void addScaled(Strided out, Strided a, Strided b, double alpha) {
    run(parametric.of(Parametric.ADD_SCALED, out.dtype()), out, a, b, number(alpha));
  }

  void where(Strided out, Strided condition, Strided a, Strided b) {
    run(parametric.of(Parametric.WHERE, out.dtype()), out, condition, a, b);
  }

  void clamp(Strided out, Strided x, double low, double high) {
    run(parametric.of(Parametric.CLAMP, out.dtype()), out, x, number(low), number(high));
  }

  void leakyRelu(Strided out, Strided x, double slope) {
    run(parametric.of(Parametric.LEAKY_RELU, out.dtype()), out, x, number(slope));
  }

  void elu(Strided out, Strided x, double alpha, double scale) {
    run(parametric.of(Parametric.ELU, out.dtype()), out, x, number(alpha * scale), number(scale));
  }

  void copy(Strided out, Strided x) {
    run(copy.of(out.dtype(), x.dtype()), out, x);
  }

  /// A host scalar.
  static Strided number(double value) {
    byte[] bytes = new byte[Double.BYTES];
    MemorySegment.ofArray(bytes).set(DOUBLE, 0, value);
    return Strided.contiguous(new Storage(Device.CPU, bytes), DType.FLOAT64, new long[0]);
  }

  /// out = the function of `in`.
  void run(Form form, Strided out, Strided... in) {
    if (out.numel() == 0) {
      return;
    }
    Strided[] operands = new Strided[in.length + 1];
    operands[0] = out;
    System.arraycopy(in, 0, operands, 1, in.length);
    if (areContiguous(operands)) {
      dense(form.of(Layout.DENSE), operands);
      return;
    }
    Space space = Space.of(operands);
    if (space.isDense(operands)) {
      dense(form.of(Layout.DENSE), operands);
    } else {
      Kernel kernel = form.of(Layout.STRIDED);
      space.forEachPart((part, offsets) -> strided(kernel, part, offsets, operands));
    }
  }

  private static boolean areContiguous(Strided[] operands) {
    for (Strided operand : operands) {
      if (!operand.isContiguous() && !operand.isHostScalar() || operand.numel() != operands[0].numel() && !operand.isHostScalar()) {
        return false;
      }
    }
    return true;
  }

  private void dense(Kernel kernel, Strided[] operands) {
    long n = operands[0].numel();
    int widest = 1;
    long addresses = 0;
    for (Strided operand : operands) {
      if (!operand.isHostScalar()) {
        widest = Math.max(widest, operand.dtype().size());
      }
    }
    int each = PACK / widest;
    for (Strided operand : operands) {
      if (!operand.isHostScalar()) {
        addresses |= operand.address() & (long) each * operand.dtype().size() - 1;
      }
    }
    long packs = addresses == 0 ? n / each : 0;
    Launch launch = Launch.begin().word(operands[0].address()).word(n).word(packs);
    for (int k = 1; k < operands.length; k++) {
      writeInput(launch.structure(INPUT, 8), operands[k], 0);
    }
    launch.run(gpu, kernel, gpu.blocks(packs > 0 ? packs : n), Gpu.BLOCK);
  }

  private void strided(Kernel kernel, Space space, long[] offsets, Strided[] operands) {
    Launch launch = Launch.begin().word(address(operands[0], offsets[0]));
    space.writeSteps(0, launch.structure(Space.STEPS, 8));
    space.writeTo(launch).integer((int) space.numel());
    for (int k = 1; k < operands.length; k++) {
      long at = launch.structure(STRIDED_INPUT, 8);
      writeInput(at, operands[k], offsets[k]);
      space.writeSteps(k, at + INPUT);
    }
    launch.run(gpu, kernel, gpu.blocks(space.numel()), Gpu.BLOCK);
  }

  private static long address(Strided operand, long offset) {
    return operand.address() + offset * operand.dtype().size();
  }

  /// Writes the structure `Input`: where the operand begins, or what number it is.
  private static void writeInput(long at, Strided operand, long offset) {
    if (operand.isHostScalar()) {
      ALL.set(LONG, at, 0L);
      ALL.set(DOUBLE, at + 8, operand.scalarDouble());
      ALL.set(LONG, at + 16, operand.scalarLong());
    } else {
      ALL.set(LONG, at, address(operand, offset));
    }
  }
}
