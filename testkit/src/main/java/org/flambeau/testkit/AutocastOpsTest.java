package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Under autocast, results of every operation of the table have the dtypes of PyTorch's, by its lists for the CPU and for CUDA.
public class AutocastOpsTest {
  /// Stands for a call that PyTorch refuses, or of whose result fake tensors know nothing.
  private static final String REFUSED = "-";

  /// Why a line says nothing about us, by the operation and what identifies the line.
  private static final Map<String, String> SKIPPED = Map.of(
      "index_copy/mixed/cuda", "fake tensors let dtypes pass that PyTorch's kernel refuses",
      "index_add/mixed/cuda", "fake tensors let dtypes pass that PyTorch's kernel refuses",
      "batch_norm/mixed/cuda", "fake tensors let dtypes pass that PyTorch's kernel refuses",
      "batch_norm_add_relu/mixed/cuda", "fake tensors let dtypes pass that PyTorch's kernel refuses",
      "instance_norm/mixed/cuda", "fake tensors let dtypes pass that PyTorch's kernel refuses",
      "prod/0-d", "the golden's function over all dimensions calls nothing for none");

  /// @param operands what the float operands are cast to in turn: w float32, n bfloat16
  private record Line(String op, String sample, String operands, String cpu, String cuda) {
    static Line parse(String text) {
      String[] parts = text.split("\t", -1);
      return new Line(parts[0], parts[1], parts[2], parts[3], parts[4]);
    }

    DType dtype(int i) {
      return operands.charAt(Math.min(i, operands.length() - 1)) == 'w' ? DType.FLOAT32 : DType.BFLOAT16;
    }

    boolean isSkipped(Device device) {
      return SKIPPED.containsKey(op + "/" + sample)
          || operands.length() > 1 && SKIPPED.containsKey(op + "/mixed/" + device.type());
    }

    String results(OpInfo op, Device device) {
      Sample found = Goldens.of(op.name()).stream().filter(each -> each.name().equals(sample) && !each.isLarge()).findFirst().orElseThrow();
      List<Tensor> inputs = new ArrayList<>();
      int floats = 0;
      for (Tensor input : found.inputs(Device.CPU)) {
        Tensor cast = input.dtype().isFloating() ? input.to(dtype(floats++)) : input;
        inputs.add(cast.dim() == 0 && !cast.dtype().isFloating() ? cast : cast.to(device));
      }
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        return op.call(inputs, found.attributes()).stream().map(result -> result.dtype().label()).collect(Collectors.joining(" "));
      }
    }
  }

  @TestFactory
  Stream<DynamicTest> results_on_the_cpu_have_pytorchs_dtypes() {
    return tests(Device.CPU);
  }

  @TestFactory
  Stream<DynamicTest> results_on_a_gpu_have_pytorchs_dtypes() {
    return tests(new Device(Device.Type.CUDA, 0));
  }

  private static Stream<DynamicTest> tests(Device device) {
    Map<String, List<Line>> lines = lines();
    List<OpInfo> ops = OpTable.all().stream().filter(op -> lines.containsKey(op.name())).toList();
    assertFalse(ops.isEmpty());
    return ops.stream().map(op -> dynamicTest(op.name(), () -> {
      if (device.equals(Device.CPU)) {
        check(op, lines.getOrDefault(op.name(), List.of()), device);
      } else {
        try (SecondDevice second = SecondDevice.open()) {
          check(op, lines.getOrDefault(op.name(), List.of()), second.device());
        }
      }
    }));
  }

  private static void check(OpInfo op, List<Line> lines, Device device) {
    List<String> wrong = new ArrayList<>();
    for (Line line : lines) {
      String expected = device.equals(Device.CPU) ? line.cpu : line.cuda;
      if (expected.equals(REFUSED) || line.isSkipped(device)) {
        continue;
      }
      String actual;
      try {
        actual = line.results(op, device);
      } catch (IllegalArgumentException e) {
        actual = String.valueOf(e.getMessage());
      }
      if (!actual.equals(expected)) {
        wrong.add(line.sample + " of " + line.operands + ": expected " + expected + ", got " + actual);
      }
    }
    assertEquals(List.of(), wrong);
  }

  private static Map<String, List<Line>> lines() {
    try (Stream<String> text = Files.lines(Goldens.resource("autocast.tsv"))) {
      return text.map(Line::parse).collect(Collectors.groupingBy(Line::op, LinkedHashMap::new, Collectors.toList()));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
