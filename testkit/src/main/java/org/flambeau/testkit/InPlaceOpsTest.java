package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Between an operation and its backward pass, operands and results may change in place where PyTorch lets them, and nowhere else.
final class InPlaceOpsTest {
  private static final String OTHERS = "PyTorch's golden is made of several operations";
  private static final String COPIES = "PyTorch saves a copy of the operand, scaled or laid out anew";
  private static final String NORMALIZED = "PyTorch saves affine parameters and operands of which the gradient needs nothing";

  /// Why what may change in place differs from PyTorch, by operation and sample or by operation. Nowhere does a change have an effect.
  private static final Map<String, String> DIFFERENT = Map.ofEntries(
      Map.entry("trunc_divide", "has no gradient but zero, for which nothing is saved"),
      Map.entry("lerp/tensor", "the gradient of the weight looks at both ends alone"),
      Map.entry("addcdiv/value", "the gradient of the first operand looks at nothing"),
      Map.entry("prod/all", "the gradient looks at the factors alone, of which one may be 0"),
      Map.entry("prod/0-d", "the golden's function over all dimensions calls nothing for none"),
      Map.entry("take_along_dim/dim 1", COPIES),
      Map.entry("scatter_reduce/sum with self", "a sum's gradient looks at the indices alone"),
      Map.entry("matmul/matrix batch", COPIES),
      Map.entry("conv2d_add_relu", OTHERS),
      Map.entry("conv2d_scale_add_relu", OTHERS),
      Map.entry("conv_transpose2d/output padding beyond the stride", "is made of several operations, of which one copies"),
      Map.entry("layer_norm/affine", NORMALIZED),
      Map.entry("add_layer_norm", OTHERS),
      Map.entry("instance_norm/affine", NORMALIZED),
      Map.entry("group_norm/2 groups", NORMALIZED),
      Map.entry("batch_norm_add_relu", OTHERS),
      Map.entry("attention", COPIES),
      Map.entry("attention_mask", COPIES));

  /// @param wanted a letter for each operand: g where its gradient is asked for
  /// @param changed a letter for each operand and each result: x where a change is refused
  private record Line(String op, String sample, String wanted, String changed) {
    static Line parse(String text) {
      String[] parts = text.split("\t", -1);
      return new Line(parts[0], parts[1], parts[2], parts[3]);
    }

    /// Written as [#changed], and `!` where a change is neither refused nor without effect.
    String changedHere(OpInfo op) {
      Sample found = Goldens.of(op.name()).stream()
          .filter(each -> each.name().equals(sample) && each.dtype() == DType.FLOAT64 && !each.isLarge()).findFirst().orElseThrow();
      List<double[]> unchanged = gradients(op, found, -1);
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < changed.length(); i++) {
        try {
          List<double[]> gradients = gradients(op, found, i);
          text.append(Arrays.deepEquals(unchanged.toArray(), gradients.toArray()) ? '.' : '!');
        } catch (AutogradException e) {
          text.append('x');
        }
      }
      return text.toString();
    }

    private List<double[]> gradients(OpInfo op, Sample sample, int changed) {
      List<Tensor> tensors = new ArrayList<>(sample.inputs(Device.CPU));
      List<Tensor> leaves = new ArrayList<>();
      for (int i = 0; i < wanted.length(); i++) {
        if (wanted.charAt(i) == 'g') {
          leaves.add(tensors.get(i).requiresGrad_(true));
        }
      }
      List<Tensor> results = op.call(List.copyOf(tensors), sample.attributes());
      tensors.addAll(results);
      Tensor loss = results.stream().filter(Tensor::requiresGrad).map(Tensor::sum).reduce(Tensor::add).orElseThrow();
      if (changed >= 0) {
        var _ = tensors.get(changed).detach().fill_(0);
      }
      return Arrays.stream(Autograd.gradAllowUnused(List.of(loss), leaves, List.of(Tensor.scalar(1.0))))
          .map(gradient -> gradient == null ? new double[0] : gradient.flatten().toDoubleArray()).toList();
    }
  }

  @TestFactory
  Stream<DynamicTest> what_may_change_is_what_may_in_pytorch() {
    Map<String, List<Line>> lines = lines();
    List<OpInfo> ops = OpTable.all().stream().filter(op -> lines.containsKey(op.name())).toList();
    assertFalse(ops.isEmpty());
    return ops.stream().map(op -> dynamicTest(op.name(), () -> check(op, lines.getOrDefault(op.name(), List.of()))));
  }

  private static void check(OpInfo op, List<Line> lines) {
    List<String> wrong = new ArrayList<>();
    for (Line line : lines) {
      String actual = line.changedHere(op);
      boolean different = DIFFERENT.containsKey(op.name()) || DIFFERENT.containsKey(op.name() + "/" + line.sample);
      if (different ? actual.contains("!") : !actual.equals(line.changed)) {
        wrong.add(line.sample + ", " + line.wanted + ": expected " + line.changed + ", got " + actual);
      }
    }
    assertEquals(List.of(), wrong);
  }

  private static Map<String, List<Line>> lines() {
    try (Stream<String> text = Files.lines(Goldens.resource("inplace.tsv"))) {
      return text.map(Line::parse).collect(Collectors.groupingBy(Line::op, LinkedHashMap::new, Collectors.toList()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
