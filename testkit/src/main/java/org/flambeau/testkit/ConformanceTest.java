package org.flambeau.testkit;

import static org.flambeau.BackwardOption.CREATE_GRAPH;
import static org.flambeau.BackwardOption.RETAIN_GRAPH;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.ClosedTensorException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MatmulPrecision;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Tensor;
import org.flambeau.autograd.GradCheck;
import org.flambeau.testkit.OpInfo.Check;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Holds every backend that is present to every entry of the [OpTable].
public class ConformanceTest {
  private static final Tally TALLY = new Tally();
  /// Whether formulas are held against differences too, which takes hundreds of calls for each.
  private static final String DIFFERENCES = "flambeau.testkit.differences";
  /// Which operations are held to the table, by their names, where it is not all.
  private static final String OPERATIONS = "flambeau.testkit.operations";
  /// Which devices are held to the table, as in `cuda:0`, where it is not the CPU and the best one.
  private static final String DEVICES = "flambeau.testkit.devices";

  /// One check of one sample on one device; what it returns is wrong, null is right.
  @FunctionalInterface
  private interface Examination {
    @Nullable String of(OpInfo op, Sample sample, Device device);
  }

  private static List<Device> devices() {
    String named = System.getProperty(DEVICES, "");
    return named.isEmpty() ? Stream.of(Device.CPU, Device.best()).distinct().toList()
        : Stream.of(named.split(",")).map(Device::parse).toList();
  }

  private static List<OpInfo> operations() {
    Set<String> named = Set.of(System.getProperty(OPERATIONS, "").split(","));
    return named.contains("") ? OpTable.all() : OpTable.all().stream().filter(op -> named.contains(op.name())).toList();
  }

  /// The golden results are float32's throughout.
  @BeforeAll
  static void convolveExactly() {
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGHEST);
  }

  @AfterAll
  static void restorePrecision() {
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGH);
  }

  @AfterAll
  static void printTally() {
    System.out.println("Conformance on " + devices() + "\n" + TALLY);
  }

  private static boolean isLeftOut(Check check) {
    return (check == Check.GRAD_CHECK || check == Check.GRAD_GRAD_CHECK) && !Boolean.parseBoolean(System.getProperty(DIFFERENCES, "true"));
  }

  /// A test for each operation that runs its samples and shows the first few that fail.
  private static Stream<DynamicTest> each(Check check, String title, Predicate<Sample> which, Examination examination) {
    return each(check, title, operations(), which, examination);
  }

  private static Stream<DynamicTest> each(Check check, String title, List<OpInfo> ops, Predicate<Sample> which, Examination examination) {
    TALLY.expect(title);
    return devices().stream().filter(device -> check != Check.CAPTURED || device.type() != Device.Type.CPU)
        .flatMap(device -> ops.stream().flatMap(op -> {
          String exception = isLeftOut(check) ? "is about formulas, which hold on every device" : op.exception(check, device);
          if (exception != null) {
            TALLY.skip(op.name() + " (" + title + ")", exception);
            return Stream.empty();
          }
          List<Sample> samples = op.samples().stream().filter(which).toList();
          return samples.isEmpty() ? Stream.empty()
              : Stream.of(dynamicTest(op.name() + " on " + device, () -> examine(check, title, op, samples, device, examination)));
        }));
  }

  private static void examine(Check check, String title, OpInfo op, List<Sample> samples, Device device, Examination examination) {
    List<String> failures = new ArrayList<>();
    for (Sample sample : samples) {
      String reason = op.skips(check, sample);
      if (reason != null) {
        TALLY.skip(sample + " (" + title + ")", reason);
        continue;
      }
      try {
        String wrong = examination.of(op, sample, device);
        if (wrong != null) {
          failures.add(sample + " " + sample.attributes() + ": " + wrong);
        }
      } catch (RuntimeException | AssertionError e) {
        failures.add(sample + " " + sample.attributes() + ": " + e + " at " + Arrays.stream(e.getStackTrace()).limit(4).toList());
      }
      TALLY.count(title, op.name(), sample.dtype());
    }
    if (!failures.isEmpty()) {
      fail(failures.size() + " of " + samples.size() + " samples failed:\n"
          + String.join("\n", failures.subList(0, Math.min(5, failures.size()))));
    }
  }

  @TestFactory
  Stream<DynamicTest> results_are_those_of_pytorch() {
    return each(Check.FORWARD, "forward", _ -> true, (op, sample, device) -> {
      List<Tensor> results = op.call(sample.inputs(device), sample.attributes());
      return compareAll(op, sample, results);
    });
  }

  private static @Nullable String compareAll(OpInfo op, Sample sample, List<Tensor> results) {
    if (results.size() != sample.outputCount()) {
      return "expected " + sample.outputCount() + " results, got " + results.size();
    }
    for (int i = 0; i < results.size(); i++) {
      String wrong = Runs.compare(op, sample, results.get(i), sample.output(i), 1);
      if (wrong != null) {
        return "result " + i + ": " + wrong;
      }
    }
    return null;
  }

  @TestFactory
  Stream<DynamicTest> gradients_are_those_of_pytorch() {
    return each(Check.GRADIENT, "gradient", Sample::hasGradients, (op, sample, device) -> {
      List<Tensor> inputs = Runs.leaves(sample, sample.inputs(device), -1);
      List<Tensor> results = op.call(inputs, sample.attributes());
      @Nullable Tensor[] cotangents = sample.cotangents(results.size(), device);
      String wrong = compareGradients(op, sample, Runs.gradients(results, inputs, cotangents, RETAIN_GRAPH), -1);
      if (wrong != null || op.exception(Check.GRAD_GRAD_CHECK) != null) {
        return wrong;
      }
      wrong = compareGradients(op, sample, Runs.gradients(results, inputs, cotangents, CREATE_GRAPH), -1);
      return wrong == null ? null : "to be differentiated again: " + wrong;
    });
  }

  private static @Nullable String compareGradients(OpInfo op, Sample sample, @Nullable Tensor[] gradients, int mask) {
    for (int i = 0; i < gradients.length; i++) {
      Tensor gradient = gradients[i];
      if (!sample.wantsGradient(i) || (mask >> i & 1) == 0) {
        continue;
      }
      if (gradient == null) {
        return "gradient " + i + " is missing";
      }
      String wrong = Runs.compare(op, sample, gradient, sample.gradient(i), 2);
      if (wrong != null) {
        return "gradient " + i + ": " + wrong;
      }
    }
    return null;
  }

  /// What a fused kernel computes is what the operations compute of which core composes it otherwise.
  @TestFactory
  Stream<DynamicTest> fused_kernels_equal_composites() {
    List<OpInfo> ops = operations().stream().filter(ConformanceTest::isFused).toList();
    return each(Check.FUSED, "fused = composite", ops, _ -> true, (op, sample, device) -> {
      List<Tensor> inputs = Runs.leaves(sample, sample.inputs(device), -1);
      List<Tensor> fused = op.call(inputs, sample.attributes());
      @Nullable Tensor[] cotangents = sample.cotangents(fused.size(), device);
      @Nullable Tensor[] fusedGradients = Runs.gradients(fused, inputs, cotangents);
      try (var _ = Lens.withoutFused()) {
        List<Tensor> composed = op.call(inputs, sample.attributes());
        return compare(op, fused, composed, fusedGradients, Runs.gradients(composed, inputs, cotangents));
      }
    });
  }

  /// Whether one of its samples runs a fused kernel.
  private static boolean isFused(OpInfo op) {
    try (Lens lens = Lens.open()) {
      for (Sample sample : op.samples()) {
        if (!sample.isLarge() && op.skips(Check.FUSED, sample) == null) {
          op.call(sample.inputs(Device.CPU), sample.attributes());
        }
      }
      return lens.sawFused();
    }
  }

  private static @Nullable String compare(OpInfo op, List<Tensor> actual, List<Tensor> expected, @Nullable Tensor[] actualGradients,
      @Nullable Tensor[] expectedGradients) {
    for (int i = 0; i < expected.size(); i++) {
      String wrong = Closeness.of(expected.get(i).dtype(), op.tolerance()).compare(actual.get(i), expected.get(i));
      if (wrong != null) {
        return "result " + i + ": " + wrong;
      }
    }
    for (int i = 0; i < expectedGradients.length; i++) {
      Tensor e = expectedGradients[i];
      Tensor g = actualGradients[i];
      String wrong = e == null || g == null ? e == g ? null : "one is missing" : Closeness.of(e.dtype(), 2 * op.tolerance()).compare(g, e);
      if (wrong != null) {
        return "gradient " + i + ": " + wrong;
      }
    }
    return null;
  }

  /// Operands and cotangents that are transposed, stepped, sliced, not aligned, or repeated by stride 0.
  @TestFactory
  Stream<DynamicTest> strides_change_nothing() {
    return each(Check.STRIDED, "strided", sample -> !sample.isLarge(), (op, sample, device) -> {
      List<Tensor> inputs = sample.inputs(device);
      for (Strides layout : Strides.values()) {
        String wrong = compareCalls(op, sample, inputs, inputs.stream().map(layout::of).toList(), layout, device);
        if (wrong != null) {
          return layout + ": " + wrong;
        }
      }
      for (int i = 0; i < inputs.size(); i++) {
        List<Tensor> plain = new ArrayList<>(inputs);
        List<Tensor> repeated = new ArrayList<>(inputs);
        repeated.set(i, Strides.expanded(inputs.get(i)));
        plain.set(i, repeated.get(i).clone().contiguous());
        String wrong = compareCalls(op, sample, plain, repeated, null, device);
        if (wrong != null) {
          return "operand " + i + " expanded: " + wrong;
        }
      }
      return null;
    });
  }

  /// Calls the operation on `plain` operands and on `strided` ones with the same elements.
  private static @Nullable String compareCalls(OpInfo op, Sample sample, List<Tensor> plain, List<Tensor> strided,
      @Nullable Strides cotangentLayout,
      Device device) {
    List<Tensor> a = Runs.leaves(sample, new ArrayList<>(plain.stream().map(Tensor::detach).toList()), -1);
    List<Tensor> b = Runs.leaves(sample, new ArrayList<>(strided.stream().map(Tensor::detach).toList()), -1);
    List<Tensor> expected = op.call(a, sample.attributes());
    List<Tensor> actual = op.call(b, sample.attributes());
    @Nullable Tensor[] cotangents = sample.cotangents(expected.size(), device);
    for (int i = 0; i < cotangents.length; i++) { // other operands may have results of other sizes
      Tensor cotangent = cotangents[i];
      if (cotangent != null && !Arrays.equals(cotangent.sizes(), expected.get(i).sizes())) {
        cotangents[i] = Noise.of(cotangent.dtype(), 7, -1, 1, expected.get(i).sizes()).to(device);
      }
    }
    @Nullable Tensor[] laidOut = cotangentLayout == null ? cotangents
        : Arrays.stream(cotangents).map(c -> c == null ? null : cotangentLayout.of(c)).toArray(Tensor[]::new);
    return compare(op, actual, expected, Runs.gradients(actual, b, laidOut), Runs.gradients(expected, a, cotangents));
  }

  private static boolean isSmooth(Sample sample) {
    return sample.hasGradients() && sample.dtype() == DType.FLOAT64 && !sample.isLarge();
  }

  /// The results that pass gradients on.
  private static List<Tensor> differentiable(OpInfo op, Sample sample, List<Tensor> inputs) {
    List<Tensor> results = op.call(inputs, sample.attributes());
    @Nullable Tensor[] cotangents = sample.cotangents(results.size(), Device.CPU);
    return IntStream.range(0, results.size()).filter(i -> cotangents[i] != null).mapToObj(results::get).toList();
  }

  @TestFactory
  Stream<DynamicTest> gradients_are_differences() {
    return each(Check.GRAD_CHECK, "gradient by differences", ConformanceTest::isSmooth, (op, sample, device) -> {
      GradCheck.check(x -> differentiable(op, sample, x), Runs.leaves(sample, sample.inputs(device), -1));
      return null;
    });
  }

  @TestFactory
  Stream<DynamicTest> second_gradients_are_differences_of_gradients() {
    return each(Check.GRAD_GRAD_CHECK, "second gradient", ConformanceTest::isSmooth, (op, sample, device) -> {
      GradCheck.checkSecond(x -> differentiable(op, sample, x), Runs.leaves(sample, sample.inputs(device), -1));
      return null;
    });
  }

  private static boolean keepsItsFirstOperand(Sample sample) {
    Tensor operand = sample.inputs(Device.CPU).getFirst();
    return !sample.isLarge() && operand.dtype() == sample.output(0).dtype() && Arrays.equals(operand.sizes(), sample.output(0).sizes());
  }

  /// The form with an underscore leaves the same result in its first operand, and passes the same gradients on.
  @TestFactory
  Stream<DynamicTest> in_place_forms_equal_out_of_place_ones() {
    List<OpInfo> ops = operations().stream().filter(op -> op.inPlace() != null).toList();
    return each(Check.IN_PLACE, "in place", ops, ConformanceTest::keepsItsFirstOperand, (op, sample, device) -> {
      OpInfo.Call form = Objects.requireNonNull(op.inPlace());
      List<Tensor> inputs = Runs.leaves(sample, sample.inputs(device), -1);
      Tensor expected = op.call(inputs, sample.attributes()).getFirst();
      List<Tensor> changed = new ArrayList<>(inputs);
      changed.set(0, inputs.getFirst().clone());
      Tensor self = changed.getFirst();
      int version = self.version();
      Tensor result = form.of(changed, sample.attributes()).getFirst();
      if (result != self || self.version() <= version) {
        return "expected the operand itself, of a higher version than " + version + ", got version " + result.version();
      }
      String wrong = Closeness.of(expected.dtype(), op.tolerance()).compare(result, expected);
      if (wrong != null || !sample.hasGradients()) {
        return wrong;
      }
      @Nullable Tensor[] cotangents = sample.cotangents(1, device);
      return compareGradients(op, sample, Runs.gradients(List.of(result), inputs, cotangents), -1);
    });
  }

  /// Any subset of the operands may require grad: its gradients are the same, and the others get none. When none requires it,
  /// nothing is recorded.
  @TestFactory
  Stream<DynamicTest> each_operand_alone_may_require_grad() {
    return each(Check.MASKS, "needs-grad masks", sample -> sample.hasGradients() && !sample.isLarge(), (op, sample, device) -> {
      int wanted = Runs.wanted(sample, sample.inputs(device).size());
      for (int mask = wanted;; mask = mask - 1 & wanted) {
        List<Tensor> inputs = Runs.leaves(sample, sample.inputs(device), mask);
        List<Tensor> results = op.call(inputs, sample.attributes());
        if (mask == 0) {
          return results.stream().anyMatch(result -> result.requiresGrad() || result.gradFn() != null)
              ? "records although nothing requires grad" : null;
        }
        @Nullable Tensor[] gradients = Runs.gradients(results, inputs, sample.cotangents(results.size(), device));
        String wrong = compareGradients(op, sample, gradients, mask);
        if (wrong != null) {
          return "with mask " + Integer.toBinaryString(mask) + ": " + wrong;
        }
      }
    });
  }

  /// In a scope, temporaries are freed early, but nothing that is still needed; when it closes, nothing stays behind.
  @TestFactory
  Stream<DynamicTest> scopes_free_what_operations_leave_and_nothing_else() {
    return each(Check.SCOPED, "in a scope", _ -> true, (op, sample, device) -> {
      long before = MemoryStats.of(device).current();
      String wrong;
      try (var _ = MemoryScope.open()) {
        List<Tensor> inputs = Runs.leaves(sample, sample.inputs(device), -1);
        List<Tensor> results = op.call(inputs, sample.attributes());
        @Nullable Tensor[] gradients = Runs.gradients(results, inputs, sample.cotangents(results.size(), device), RETAIN_GRAPH);
        wrong = compareAll(op, sample, results);
        wrong = wrong == null ? compareGradients(op, sample, gradients, -1) : wrong;
      }
      long left = MemoryStats.of(device).current() - before;
      return wrong == null && left > 0 ? left + " bytes are still in use after the scope has closed" : wrong;
    });
  }

  /// Recorded as a graph, an operation and its gradients compute the same from what the operands hold at each replay.
  @TestFactory
  Stream<DynamicTest> graphs_repeat_operations() {
    return each(Check.CAPTURED, "captured", Recorded::isOne, (op, sample, device) -> Recorded.examine(op, sample, device));
  }

  /// An operand whose scope has closed is refused, by the operation or at the latest when the result is read.
  @TestFactory
  Stream<DynamicTest> closed_operands_are_refused() {
    return each(Check.CLOSED, "closed operands", sample -> sample.inputs(Device.CPU).stream().anyMatch(x -> x.numel() > 0),
        (op, sample, device) -> {
          int operands = sample.inputs(device).size();
          for (int i = 0; i < operands; i++) {
            List<Tensor> inputs = sample.inputs(device);
            Tensor closed = inputs.get(i);
            try (var _ = MemoryScope.open()) {
              inputs.set(i, closed.clone());
            }
            try {
              op.call(inputs, sample.attributes()).forEach(Tensor::toDoubleArray);
              if (closed.numel() > 0) {
                return "operand " + i + " was taken although its scope had closed";
              }
            } catch (ClosedTensorException expected) {
              // as it should
            }
          }
          return null;
        });
  }

  /// Wrong operands get a message that names the operation and both sides.
  @TestFactory
  Stream<DynamicTest> wrong_operands_are_refused() {
    return operations().stream().filter(op -> !op.refusals().isEmpty()).map(op -> dynamicTest(op.name(), () -> {
      for (OpInfo.Refusal refusal : op.refusals()) {
        TALLY.count("refusals", op.name(), DType.FLOAT32);
        String message = refusal(refusal);
        if (!op.isNamedBy(message)) {
          fail("expected a message that begins with [" + op.name() + "], got: " + message);
        }
        for (String part : refusal.parts()) {
          if (!message.contains(part)) {
            fail("expected a message with \"" + part + "\", got: " + message);
          }
        }
      }
    }));
  }

  private static String refusal(OpInfo.Refusal refusal) {
    Object result;
    try {
      result = refusal.call().get();
    } catch (RuntimeException e) {
      return String.valueOf(e.getMessage());
    }
    return fail("expected a refusal that says " + refusal.parts() + ", got " + result);
  }
}
