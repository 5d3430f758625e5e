package org.flambeau.backend.cpu.vector;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.invoke.MethodHandles;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;
import org.flambeau.backend.cpu.BFloat16Lanes;
import org.flambeau.backend.cpu.ChannelLoops;
import org.flambeau.backend.cpu.ColumnKernels;
import org.flambeau.backend.cpu.Compute;
import org.flambeau.backend.cpu.Conversion;
import org.flambeau.backend.cpu.Fold;
import org.flambeau.backend.cpu.Halves;
import org.flambeau.backend.cpu.Inliner;
import org.flambeau.backend.cpu.Loop;
import org.flambeau.backend.cpu.PairLayouts;
import org.flambeau.backend.cpu.ProductTile;
import org.flambeau.backend.cpu.Reducer;
import org.flambeau.backend.cpu.RowKernels;
import org.flambeau.backend.cpu.RowOp;
import org.flambeau.backend.cpu.TileTransforms;
import org.flambeau.backend.cpu.Vectorization;
import org.jspecify.annotations.Nullable;

/// Float kernels on vectors of the preferred width.
public final class FloatVectorization implements Vectorization {
  /// Where the operations of each compute type are.
  private static final Map<Compute, List<Class<?>>> OPERATIONS = Map.of(
      Compute.FLOAT, List.of(FloatMath.class, FloatActivations.class, FloatExponentials.class, FloatRounding.class,
          FloatTrigonometry.class, WideMath.class, RealMath.class, LaneMath.class),
      Compute.DOUBLE, List.of(DoubleMath.class, RealMath.class, LaneMath.class),
      Compute.INT, List.of(WholeMath.class, LaneMath.class),
      Compute.LONG, List.of(WholeMath.class, LaneMath.class),
      Compute.TRUTH, List.of(LaneMath.class));

  /// How many parameters each function has.
  private static final Map<Compute, Map<String, Integer>> FUNCTIONS = OPERATIONS.entrySet().stream()
      .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, of -> functions(of.getValue())));
  private static final Map<String, Integer> WIDE_FUNCTIONS = functions(List.of(WideMath.class));
  private static final Map<String, Integer> ROW_FUNCTIONS = functions(List.of(FloatRowMath.class));

  private static final Set<String> UNROUNDED = Set.of("abs", "neg", "relu", "reluBackward", "maximum", "minimum", "sign");

  /// The numbers that come before a row function's rows.
  private static final int NUMBERS = 4;

  private static Map<String, Integer> functions(List<Class<?>> types) {
    return types.stream().flatMap(type -> Arrays.stream(type.getDeclaredMethods()))
        .filter(method -> !method.isSynthetic() && !Modifier.isPrivate(method.getModifiers()))
        .collect(Collectors.toUnmodifiableMap(Method::getName, Method::getParameterCount));
  }

  /// Why the Vector API would be slower here than plain Java, or null.
  public static @Nullable String obstacle() {
    if (System.getProperty("java.vm.info", "").contains("interpreted mode")) {
      return "this JVM interprets (-Xint)";
    }
    HotSpotDiagnosticMXBean machine = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    try {
      if (machine != null && !Boolean.parseBoolean(machine.getVMOption("UseFMA").getValue())) {
        return "the processor has no fused multiply-add";
      }
    } catch (IllegalArgumentException e) {
      // a JVM that does not name this option has no way to switch it off
    }
    return null;
  }

  @Override
  public String name() {
    return "Vector API, " + FloatMath.SPECIES.vectorBitSize() + " bits";
  }

  @Override
  public @Nullable Loop loop(Enum<?> op, Compute compute) {
    String name = lowerCamel(op.name());
    Integer operands = Objects.requireNonNull(FUNCTIONS.get(compute)).get(name);
    return operands != null
        ? Inliner.specialize(MethodHandles.lookup(), Loop.class, LaneLoop.class, inlined(compute), Map.of("operation", name),
            new LaneLoop.Lanes(isWide(name, compute) ? WideMath.SPECIES : species(compute), operands, Halves.NONE))
        : null;
  }

  @Override
  public @Nullable Loop loop(Enum<?> op, Halves halves) {
    String name = lowerCamel(op.name());
    Integer operands = Objects.requireNonNull(FUNCTIONS.get(Compute.FLOAT)).get(name);
    if (operands == null || isWide(name, Compute.FLOAT)) {
      return null;
    }
    List<Class<?>> classes = inlined(Compute.FLOAT);
    classes.addFirst(HalfMove.lanes(halves.dtype()));
    return Inliner.specialize(MethodHandles.lookup(), Loop.class, LaneLoop.class, classes,
        Map.of("operation", name, "widened", "load", "round", needsNoRounding(name, operands, halves) ? "storeUnrounded" : "store"),
        new LaneLoop.Lanes(FloatMath.SPECIES, operands, halves));
  }

  /// Whether each result has the magnitude of an operand, of which all are bfloat16, or is a small whole number.
  private static boolean needsNoRounding(String name, int operands, Halves halves) {
    return halves.dtype() == DType.BFLOAT16 && halves.operands() == (2 << operands) - 1 && UNROUNDED.contains(name);
  }

  /// Whether floats are computed in double.
  private static boolean isWide(String name, Compute compute) {
    return compute == Compute.FLOAT && WIDE_FUNCTIONS.containsKey(name);
  }

  private static List<Class<?>> inlined(Compute compute) {
    List<Class<?>> classes = new ArrayList<>(Objects.requireNonNull(OPERATIONS.get(compute)));
    classes.add(FloatTail.class);
    return classes;
  }

  /// Vectors of the width of the floats'.
  private static VectorSpecies<?> species(Compute compute) {
    return VectorSpecies.of(lane(compute), FloatMath.SPECIES.vectorShape());
  }

  static Class<?> lane(Compute compute) {
    return switch (compute) {
      case FLOAT -> float.class;
      case DOUBLE -> double.class;
      case INT -> int.class;
      case LONG -> long.class;
      case TRUTH -> byte.class;
    };
  }

  @Override
  public RowOp.Loop row(RowOp op, DType elements) {
    String name = lowerCamel(op.name());
    int rows = Objects.requireNonNull(ROW_FUNCTIONS.get(name), name) - NUMBERS;
    boolean halves = elements != DType.FLOAT32;
    return Inliner.specialize(MethodHandles.lookup(), RowOp.Loop.class, FloatRowLoop.class,
        List.of(halves ? HalfMove.lanes(elements) : BFloat16Lanes.class, FloatRowMath.class, FloatMath.class, FloatTail.class),
        Map.of("operation", name, "widened", "load", "round", "store"), new FloatRowLoop.Rows(rows, halves ? op.elements() : Set.of()));
  }

  @Override
  public RowOp.Sum sum(RowOp.Term term) {
    return Inliner.specialize(MethodHandles.lookup(), RowOp.Sum.class, FloatRowSum.class,
        List.of(FloatRowMath.class, FloatMath.class, FloatTail.class),
        Map.of("term", lowerCamel(term.name())), term);
  }

  @Override
  public RowKernels rows() {
    return Inliner.specialize(MethodHandles.lookup(), RowKernels.class, FloatRows.class,
        List.of(FloatMath.class, FloatTail.class, BFloat16Lanes.class), Map.of(), "rows");
  }

  @Override
  public ChannelLoops channelLoops(DType dtype) {
    return FloatChannelLoops.of(dtype);
  }

  @Override
  public ColumnKernels columns() {
    return Inliner.specialize(MethodHandles.lookup(), ColumnKernels.class, FloatColumns.class, List.of(FloatMath.class), Map.of(),
        "columns");
  }

  @Override
  public TileTransforms tileTransforms() {
    return Inliner.specialize(MethodHandles.lookup(), TileTransforms.class, FloatTileTransforms.class, List.of(FloatMath.class), Map.of(),
        "tiles");
  }

  @Override
  public @Nullable PairLayouts pairLayouts() {
    return FloatMath.SPECIES.length() == PairLayouts.ROWS / 2 ? IntPairLayouts.of(rows()) : null;
  }

  @Override
  public int lanes() {
    return FloatMath.SPECIES.length();
  }

  @Override
  public int widestTile() {
    return FloatMath.SPECIES.vectorBitSize() == 256 ? 3 : 4; // 12 sums where there are 16 registers, 16 where there are 32
  }

  @Override
  public ProductTile tile(int vectors, boolean adding) {
    return Inliner.specialize(MethodHandles.lookup(), ProductTile.class, FloatProductTile.class, List.of(FloatMath.class), Map.of(),
        new FloatProductTile.Shape(vectors, adding));
  }

  @Override
  public Reducer reducer(Fold fold, Compute compute, Reducer scalar) {
    if (fold.vectorMap() == null) {
      return scalar;
    }
    Map<String, String> functions = Map.of("map", fold.vectorMap(), "combine", fold.vectorCombine(), "combineWide", fold.vectorCombine());
    return compute == Compute.FLOAT
        ? Inliner.specialize(MethodHandles.lookup(), Reducer.class, FloatReducer.class, inlined(compute), functions,
            new FloatReducer.Start(init(fold), false))
        : Inliner.specialize(MethodHandles.lookup(), Reducer.class, LaneReducer.class, inlined(compute), functions,
            new LaneReducer.Lanes(species(compute), compute, fold, scalar));
  }

  @Override
  public @Nullable Reducer reducer(Fold fold, DType half) {
    if (fold.vectorMap() == null) {
      return null;
    }
    List<Class<?>> classes = inlined(Compute.FLOAT);
    classes.addFirst(HalfMove.lanes(half));
    Map<String, String> functions = Map.of("map", fold.vectorMap(), "combine", fold.vectorCombine(), "combineWide", fold.vectorCombine(),
        "widened", "load");
    return Inliner.specialize(MethodHandles.lookup(), Reducer.class, FloatReducer.class, classes, functions,
        new FloatReducer.Start(init(fold), true));
  }

  private static float init(Fold fold) {
    return (float) Double.longBitsToDouble(fold.init(Compute.FLOAT));
  }

  /// `GELU_TANH` is `geluTanh`.
  static String lowerCamel(String constant) {
    StringBuilder name = new StringBuilder();
    for (String word : constant.split("_")) {
      name.append(name.isEmpty() ? Character.toLowerCase(word.charAt(0)) : word.charAt(0));
      for (int i = 1; i < word.length(); i++) {
        name.append(Character.toLowerCase(word.charAt(i)));
      }
    }
    return name.toString();
  }

  @Override
  public Conversion conversion(DType dtype, Conversion scalar) {
    return new VectorConversion(dtype, scalar);
  }
}
