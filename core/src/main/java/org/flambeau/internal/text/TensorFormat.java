package org.flambeau.internal.text;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.PrintOptions;
import org.jspecify.annotations.Nullable;

/// A tensor's printed form, equal to PyTorch's to the letter.
///
/// All elements that are shown share one width and one notation. Larger tensors than the threshold show the ends of each dimension,
/// and nothing but what is shown is ever read.
///
/// Reference: `repr` of `torch.Tensor`, PyTorch 2.13.
public final class TensorFormat {
  private static final String PREFIX = "tensor(";

  /// The tensor to print.
  ///
  /// @param device the device where it differs from the default one, as in `cuda:0`
  /// @param gradFn the name of the node that made the tensor, as in `AddBackward0`; it says more than `requiresGrad` and replaces it
  public record Source(DType dtype, long[] sizes, Elements elements, @Nullable String device, boolean requiresGrad,
      @Nullable String gradFn) {}

  /// Fetches the elements at row-major positions of the tensor, all that will be shown in one call.
  public interface Elements {
    double[] floats(long[] positions);

    /// Integers, or booleans as 0 and 1.
    long[] integers(long[] positions);
  }

  private final Source source;
  private final PrintOptions options;
  private final boolean summarized;
  private final StringBuilder out = new StringBuilder(PREFIX);
  private String[] cells = {};
  private int width = 1;
  private int cursor;

  private TensorFormat(Source source, PrintOptions options) {
    this.source = source;
    this.options = options;
    this.summarized = elementCount() > options.threshold();
  }

  public static String format(Source source, PrintOptions options) {
    var format = new TensorFormat(source, options);
    format.appendElements();
    format.appendSuffixes();
    return format.out.append(')').toString();
  }

  private void appendElements() {
    int rank = source.sizes().length;
    if (elementCount() == 0) {
      out.append("[]");
    } else if (summarized && options.edgeItems() == 0 && rank > 0) {
      out.append("[...]");
    } else {
      fillCells();
      appendBlock(0, PREFIX.length());
    }
  }

  /// Writes dimension `dim` at the cursor and all dimensions below; `indent` counts the characters before its bracket.
  private void appendBlock(int dim, int indent) {
    int rank = source.sizes().length;
    if (dim == rank) {
      appendCell();
      return;
    }
    boolean vector = dim == rank - 1;
    int perLine = vector ? Math.max(1, (options.lineWidth() - indent) / (width + 2)) : 1;
    String newLine = "," + "\n".repeat(vector ? 1 : rank - 1 - dim) + " ".repeat(indent + 1);
    boolean cut = isCut(dim);
    int shown = shown(dim);
    int items = cut ? shown + 1 : shown;
    out.append('[');
    for (int i = 0; i < items; i++) {
      if (i > 0) {
        out.append(i % perLine == 0 ? newLine : ", ");
      }
      if (cut && i == options.edgeItems()) {
        out.append(vector ? " ..." : "...");
      } else {
        appendBlock(dim + 1, indent + 1);
      }
    }
    out.append(']');
  }

  private void appendCell() {
    String cell = cells[cursor++];
    out.repeat(' ', Math.max(0, width - cell.length())).append(cell);
  }

  private void fillCells() {
    long[] positions = shownPositions();
    if (source.dtype().isFloating()) {
      fillFloats(source.elements().floats(positions));
    } else {
      fillIntegers(source.elements().integers(positions));
    }
  }

  private void fillIntegers(long[] values) {
    boolean bool = source.dtype() == DType.BOOL;
    cells = new String[values.length];
    for (int i = 0; i < values.length; i++) {
      cells[i] = bool ? values[i] != 0 ? "True" : "False" : Long.toString(values[i]);
      width = Math.max(width, cells[i].length());
    }
  }

  /// Zeros, infinities and NaNs neither choose the notation nor widen the columns.
  private void fillFloats(double[] values) {
    double smallest = Double.POSITIVE_INFINITY;
    double largest = 0;
    boolean integral = true;
    for (double value : values) {
      if (decides(value)) {
        smallest = Math.min(smallest, Math.abs(value));
        largest = Math.max(largest, Math.abs(value));
        integral &= value == Math.rint(value);
      }
    }
    boolean scientific = largest > 0
        && (options.sciMode() != null ? options.sciMode() : largest / smallest > 1e3 || largest > 1e8 || smallest < 1e-4);
    cells = new String[values.length];
    for (int i = 0; i < values.length; i++) {
      cells[i] = number(values[i], scientific, integral);
      if (decides(values[i])) {
        width = Math.max(width, cells[i].length());
      }
    }
  }

  private static boolean decides(double value) {
    return value != 0 && Double.isFinite(value);
  }

  private String number(double value, boolean scientific, boolean integral) {
    if (scientific) {
      return PythonFloat.scientific(value, options.precision());
    }
    if (integral) {
      String digits = PythonFloat.fixed(value, 0);
      return Double.isFinite(value) ? digits + "." : digits;
    }
    return PythonFloat.fixed(value, options.precision());
  }

  /// The row-major positions of all elements that are shown, in the order in which they are.
  private long[] shownPositions() {
    int total = IntStream.range(0, source.sizes().length).map(this::shown).reduce(1, Math::multiplyExact);
    long[] positions = new long[total];
    int count = 1;
    for (int dim = 0; dim < source.sizes().length; dim++) {
      long size = source.sizes()[dim];
      int shown = shown(dim);
      for (int i = count - 1; i >= 0; i--) { // backwards: what is read has not been overwritten yet
        for (int j = shown - 1; j >= 0; j--) {
          positions[i * shown + j] = positions[i] * size + (isCut(dim) && j >= options.edgeItems() ? size - shown + j : j);
        }
      }
      count *= shown;
    }
    return positions;
  }

  private boolean isCut(int dim) {
    return summarized && source.sizes()[dim] > 2L * options.edgeItems();
  }

  private int shown(int dim) {
    return isCut(dim) ? 2 * options.edgeItems() : Math.toIntExact(source.sizes()[dim]);
  }

  private void appendSuffixes() {
    int lineLength = out.length() - out.lastIndexOf("\n") + 1;
    for (String suffix : suffixes()) {
      if (lineLength + suffix.length() + 2 > options.lineWidth()) {
        out.append(",\n").repeat(' ', PREFIX.length());
        lineLength = PREFIX.length() + suffix.length();
      } else {
        out.append(", ");
        lineLength += suffix.length() + 2;
      }
      out.append(suffix);
    }
  }

  private List<String> suffixes() {
    var suffixes = new ArrayList<String>();
    DType dtype = source.dtype();
    boolean empty = elementCount() == 0;
    if (source.device() != null) {
      suffixes.add("device='" + source.device() + "'");
    }
    if (empty ? source.sizes().length != 1 : options.edgeItems() == 0) {
      suffixes.add("size=" + Shapes.tuple(source.sizes()));
    }
    boolean obvious = dtype == DType.FLOAT32 || (!empty && (dtype == DType.INT64 || dtype == DType.BOOL));
    if (!obvious) {
      suffixes.add("dtype=" + dtype);
    }
    if (source.gradFn() != null) {
      suffixes.add("grad_fn=<" + source.gradFn() + ">");
    } else if (source.requiresGrad()) {
      suffixes.add("requires_grad=True");
    }
    return suffixes;
  }

  private long elementCount() {
    long count = 1;
    for (long size : source.sizes()) {
      count *= size;
    }
    return count;
  }
}
