package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.flambeau.BackwardOption;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Node;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ops.Op;
import org.flambeau.nn.Functional;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.UnaryOp;
import org.flambeau.testkit.OpInfo.Check;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Nothing is missing from the [OpTable]: no sample, no operation of core, no public method, no kernel.
public class CompletenessTest {
  /// Methods that give tensors but compute nothing that PyTorch's numbers could be held against, and why.
  private static final Map<String, String> NOT_OPERATIONS = Map.ofEntries(
      Map.entry("of fromArray fromBytes scalar number wrap copySegment overSegment", "take values as they are"),
      Map.entry("empty emptyLike", "leave their elements open"),
      Map.entry("grad gradFn detach detach_ requiresGrad_ retainGrad", "are about graphs: see AutogradTest"),
      Map.entry("cpu fill_ copy_", "are covered by `to`, and by changes in place of views in ViewInPlaceTest"),
      Map.entry("zero_", "is covered by ViewInPlaceTest"));

  /// Operations of core that no sample can show, and why.
  private static final Map<String, String> NOT_SHOWN = Map.ofEntries(
      Map.entry("to_format", "gives another layout: see MemoryFormatTest"),
      Map.entry("to_device", "needs two devices: see TwoDevicesTest"),
      Map.entry("alias", "only shares memory"),
      Map.entry("fill", "changes in place: see ViewInPlaceTest"),
      Map.entry("zero", "changes in place: see ViewInPlaceTest"),
      Map.entry("copy", "changes in place: see ViewInPlaceTest"),
      Map.entry("uniform", "leaves nothing to differentiate"),
      Map.entry("normal", "leaves nothing to differentiate"),
      Map.entry("exponential", "leaves nothing to differentiate"),
      Map.entry("random_int", "leaves nothing to differentiate"),
      Map.entry("bernoulli.number", "leaves nothing to differentiate"),
      Map.entry("optimizer_step", "belongs to the optimizers and their tests"),
      Map.entry("multi_tensor_norm", "belongs to gradient clipping and its tests"),
      Map.entry("multi_tensor_scale", "belongs to gradient clipping and its tests"),
      Map.entry("linear_backward_input", "is autocast's, where products of halves are written in float32: see FusionTest of the backend"),
      Map.entry("unique", "cannot be differentiated in PyTorch either"),
      Map.entry("unique_dim", "cannot be differentiated in PyTorch either"),
      Map.entry("floor_divide", "cannot be differentiated in PyTorch either"));

  /// Operations that record several nodes where they are composed.
  private static final Map<String, FusedOp> ONLY_FUSED = Map.of("scaled_dot_product_attention", FusedOp.ATTENTION, "add_layer_norm",
      FusedOp.ADD_LAYER_NORM, "rms_norm", FusedOp.RMS_NORM, "group_norm", FusedOp.GROUP_NORM, "batch_norm_add_relu", FusedOp.BATCH_NORM,
      "batch_norm_add_relu_eval", FusedOp.BATCH_NORM);

  /// Fused kernels that no operation calls: optimizers and compiled modules do.
  private static final Set<FusedOp> ELSEWHERE = Set.of(FusedOp.SGD_STEP, FusedOp.ADAM_STEP, FusedOp.CHAIN);

  private static final Set<String> NODES = new HashSet<>();
  private static final Set<String> KERNELS = new TreeSet<>();

  /// Runs every small sample, forwards and backwards, and notes which nodes and kernels they need.
  @BeforeAll
  static void runAll() {
    try (Lens lens = Lens.open()) {
      for (OpInfo op : OpTable.all()) {
        for (Sample sample : op.samples()) {
          if (!sample.isLarge()) {
            run(op, sample);
          }
        }
      }
      KERNELS.addAll(lens.seen());
    }
  }

  private static void run(OpInfo op, Sample sample) {
    List<Tensor> inputs = Runs.leaves(sample, sample.inputs(Device.CPU), -1);
    List<Tensor> results = op.call(inputs, sample.attributes());
    results.getFirst().toDoubleArray();
    results.forEach(CompletenessTest::note);
    if (sample.hasGradients()) {
      BackwardOption again = op.exception(Check.GRAD_GRAD_CHECK) == null ? BackwardOption.CREATE_GRAPH : BackwardOption.RETAIN_GRAPH;
      @Nullable Tensor[] cotangents = sample.cotangents(results.size(), Device.CPU);
      Arrays.stream(cotangents).filter(Objects::nonNull).forEach(cotangent -> cotangent.requiresGrad_(true));
      for (Tensor gradient : Runs.gradients(results, inputs, cotangents, again)) {
        if (gradient != null) {
          note(gradient);
        }
      }
      Runs.gradients(results, inputs, cotangents);
    }
  }

  private static void note(Tensor result) {
    Node node = result.gradFn();
    if (node != null) {
      Node.visit(node, each -> NODES.add(each.name()));
    }
  }

  private static boolean isFused(FusedOp op) {
    return Backends.kernels(Device.CPU).supports(op, Tensor.ones(2, 3).strided());
  }

  private static void assertNone(String what, Collection<String> missing) {
    assertEquals(List.of(), List.copyOf(new TreeSet<>(missing)), what);
  }

  @Test
  void every_entry_has_samples_and_every_sample_an_entry() {
    Set<String> entries = OpTable.all().stream().map(OpInfo::name).collect(Collectors.toSet());
    assertEquals(entries.size(), OpTable.all().size(), "two entries of one name");
    assertNone("operations without samples", entries.stream().filter(name -> Goldens.of(name).isEmpty()).toList());
    assertNone("samples without an entry", Goldens.samples().keySet().stream().filter(name -> !entries.contains(name)).toList());
  }

  @Test
  void every_entry_refuses_something_or_says_why_nothing_is_wrong() {
    assertNone("entries without a refusal", OpTable.all().stream()
        .filter(op -> op.refusals().isEmpty() == (op.refusesNothing() == null)).map(OpInfo::name).toList());
  }

  @Test
  void every_operation_of_core_is_claimed_by_an_entry() throws Exception {
    Set<String> claimed = OpTable.all().stream().flatMap(op -> op.records().stream()).collect(Collectors.toSet());
    assertNone("operations that no entry of the table claims to run",
        operations().stream().map(Op::name).filter(name -> !claimed.contains(name) && !NOT_SHOWN.containsKey(name)).toList());
  }

  @Test
  void every_derivative_is_in_the_graph_of_a_sample() throws Exception {
    assertNone("nodes that no sample records", operations().stream()
        .filter(op -> !NOT_SHOWN.containsKey(op.name()) && (!ONLY_FUSED.containsKey(op.name()) || isFused(ONLY_FUSED.get(op.name()))))
        .map(Op::derivative)
        .<String>mapMulti((derivative, to) -> {
          if (derivative != null) {
            to.accept(((Derivative<?>) derivative).node());
          }
        }).filter(node -> !NODES.contains(node)).toList());
  }

  @Test
  void every_public_method_that_gives_tensors_has_an_entry() {
    Set<String> known = OpTable.all().stream().flatMap(op -> op.methods().stream()).collect(Collectors.toSet());
    NOT_OPERATIONS.keySet().forEach(names -> known.addAll(List.of(names.split(" ", -1))));
    assertNone("methods without an entry", Stream.of(Tensor.class, Functional.class).flatMap(type -> Arrays.stream(type.getMethods()))
        .filter(CompletenessTest::givesTensors).map(Method::getName).filter(name -> !known.contains(name)).toList());
  }

  private static boolean givesTensors(Method method) {
    Class<?> type = method.getReturnType();
    return method.getDeclaringClass() != Object.class && !method.isSynthetic() && Modifier.isPublic(method.getModifiers())
        && (type == Tensor.class || List.class.isAssignableFrom(type)
            || type.isRecord() && Arrays.stream(type.getRecordComponents()).anyMatch(part -> part.getType() == Tensor.class));
  }

  @Test
  void every_kernel_is_called_by_a_sample() {
    List<String> missing = new ArrayList<>();
    for (Method method : Kernels.class.getMethods()) {
      if (!method.isDefault()) { // those that are optional follow from FusedOp
        expect(method.getName(), missing);
      }
    }
    each("unary", UnaryOp.values(), missing);
    each("binary", BinaryOp.values(), missing);
    each("reduce", ReduceOp.values(), missing);
    each("scan", ScanOp.values(), missing);
    each("scatter", ScatterOp.values(), missing);
    each("random", Distribution.values(), missing);
    assertNone("kernels that no sample calls", missing);
  }

  /// What a backend has fused, a sample runs.
  @Test
  void every_fused_kernel_is_called_by_a_sample() {
    List<String> missing = new ArrayList<>();
    for (FusedOp op : FusedOp.values()) {
      if (!ELSEWHERE.contains(op) && isFused(op)) {
        expect("supports " + op, missing);
      }
    }
    assertNone("fused kernels that no sample calls", missing);
  }

  private static void each(String family, Enum<?>[] ops, List<String> missing) {
    for (Enum<?> op : ops) {
      expect(family + " " + op, missing);
    }
  }

  private static void expect(String call, List<String> missing) {
    if (!KERNELS.contains(call)) {
      missing.add(call);
    }
  }

  /// All operations of core: those that its classes declare once they are initialised.
  private static List<Op<?>> operations() throws IOException, URISyntaxException, ReflectiveOperationException {
    URI home = Op.class.getProtectionDomain().getCodeSource().getLocation().toURI();
    Path path = Path.of(home);
    if (Files.isDirectory(path)) {
      initialise(path.resolve("org/flambeau/internal/ops"));
    } else {
      try (FileSystem jar = FileSystems.newFileSystem(path)) {
        initialise(jar.getPath("org/flambeau/internal/ops"));
      }
    }
    return Op.all();
  }

  private static void initialise(Path folder) throws IOException, ReflectiveOperationException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (name.endsWith(".class") && !name.equals("package-info.class")) {
          Class.forName(Op.class.getPackageName() + "." + name.substring(0, name.length() - ".class".length()));
        }
      }
    }
  }
}
