package org.flambeau.backend.cpu.vector;

import java.lang.invoke.MethodHandles;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.flambeau.DType;
import org.flambeau.backend.cpu.Conversion;
import org.flambeau.backend.cpu.Fold;
import org.flambeau.backend.cpu.Inliner;
import org.flambeau.backend.cpu.Loop;
import org.flambeau.backend.cpu.Reducer;
import org.flambeau.backend.cpu.RowOp;
import org.flambeau.backend.cpu.Vectorization;
import org.jspecify.annotations.Nullable;

/// Float kernels on vectors of the preferred width.
public final class FloatVectorization implements Vectorization {
  private static final Set<String> OPERATIONS = Arrays.stream(FloatMath.class.getDeclaredMethods()).map(Method::getName)
      .collect(Collectors.toUnmodifiableSet());

  /// Why the Vector API would be slower here than plain Java, or null.
  public static @Nullable String obstacle() {
    return null;
  }

  @Override
  public String name() {
    return "Vector API, " + FloatMath.SPECIES.vectorBitSize() + " bits";
  }

  @Override
  public @Nullable Loop loop(Enum<?> op) {
    String name = lowerCamel(op.name());
    return OPERATIONS.contains(name)
        ? Inliner.specialize(MethodHandles.lookup(), Loop.class, FloatLoop.class, List.of(FloatMath.class), Map.of("operation", name), name)
        : null;
  }

  @Override
  public RowOp.Loop row(RowOp op) {
    return Inliner.specialize(MethodHandles.lookup(), RowOp.Loop.class, FloatRowLoop.class, List.of(FloatRowMath.class, FloatMath.class),
        Map.of("operation", lowerCamel(op.name())), op);
  }

  @Override
  public RowOp.Sum sum(RowOp.Term term) {
    return Inliner.specialize(MethodHandles.lookup(), RowOp.Sum.class, FloatRowSum.class, List.of(FloatRowMath.class, FloatMath.class),
        Map.of("term", lowerCamel(term.name())), term);
  }

  @Override
  public @Nullable Reducer reducer(Fold fold) {
    if (fold.vectorMap() == null) {
      return null;
    }
    Map<String, String> functions = Map.of("map", fold.vectorMap(), "combine", fold.vectorCombine());
    return Inliner.specialize(MethodHandles.lookup(), Reducer.class, FloatReducer.class, List.of(FloatMath.class), functions,
        (float) fold.init());
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
    return scalar;
  }
}
