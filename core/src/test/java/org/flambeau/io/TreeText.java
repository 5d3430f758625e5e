package org.flambeau.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// What is in a tree, line by line, as `text` of core/src/test/goldens/torch_files.py writes it.
final class TreeText {
  private final StringBuilder out = new StringBuilder();

  private TreeText() {}

  static String of(@Nullable Object tree) {
    var text = new TreeText();
    text.add("", tree);
    return text.out.toString();
  }

  private void add(String path, @Nullable Object node) {
    switch (node) {
      case Tensor tensor -> line(path, tensor(tensor));
      case OrderedDict map -> {
        line(path, "OrderedDict " + map.size());
        map.forEach((key, value) -> add(path + "/" + python(key), value));
        if (!map.attributes().isEmpty()) {
          add(path + "/.", map.attributes());
        }
      }
      case Map<?, ?> map -> {
        line(path, "dict " + map.size());
        map.forEach((key, value) -> add(path + "/" + python(key), value));
      }
      case List<?> list -> {
        line(path, (list instanceof Tuple ? "tuple " : "list ") + list.size());
        for (int i = 0; i < list.size(); i++) {
          add(path + "/" + i, list.get(i));
        }
      }
      case Double value -> line(path, "float " + HexFormat.of().toHexDigits(Double.doubleToRawLongBits(value)));
      case Set<?> set -> line(path, "set " + new TreeSet<>(set));
      case String value -> line(path, "str " + HexFormat.of().formatHex(value.getBytes(StandardCharsets.UTF_8)));
      case null, default -> line(path, python(node));
    }
  }

  private void line(String path, String content) {
    out.append(path).append(' ').append(content).append('\n');
  }

  private static String python(@Nullable Object value) {
    return switch (value) {
      case null -> "None";
      case Boolean truth -> truth ? "True" : "False";
      default -> value.toString();
    };
  }

  private static String tensor(Tensor tensor) {
    return tensor.dtype() + " " + Arrays.toString(tensor.sizes()) + " " + Arrays.toString(tensor.strides()) + " " + tensor.requiresGrad()
        + " "
        + (tensor.numel() < 100 ? HexFormat.of().formatHex(bytes(tensor)) : sum(tensor));
  }

  private static String sum(Tensor tensor) {
    if (tensor.dtype() != DType.FLOAT32) {
      throw new IllegalArgumentException(tensor.describe());
    }
    MemorySegment all = MemorySegment.ofArray(bytes(tensor));
    double sum = 0;
    for (long i = 0; i < tensor.numel(); i++) {
      sum += all.get(NativeMemory.FLOAT, i * 4);
    }
    return String.valueOf(sum);
  }

  /// The elements in row-major order, without a backend's help.
  static byte[] bytes(Tensor tensor) {
    Strided data = tensor.strided();
    byte[] heap = data.storage().heap();
    MemorySegment storage = heap != null ? MemorySegment.ofArray(heap)
        : NativeMemory.ALL.asSlice(data.storage().address(), data.storage().bytes());
    int size = data.dtype().size();
    byte[] bytes = new byte[Math.toIntExact(data.numel() * size)];
    for (int i = 0; i < data.numel(); i++) {
      long at = data.offset();
      long rest = i;
      for (int d = data.rank() - 1; d >= 0; d--) {
        at += rest % data.size(d) * data.stride(d);
        rest /= data.size(d);
      }
      MemorySegment.copy(storage, ValueLayout.JAVA_BYTE, at * size, bytes, i * size, size);
    }
    return bytes;
  }
}
