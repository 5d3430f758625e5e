package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.DType;
import org.flambeau.Index;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Whoever passes null for a tensor is told to which operation and as what.
@SuppressWarnings("NullAway")
public class MissingOperandsTest {
  private static final Tensor NONE = null;

  @Test
  void null_is_refused_in_the_name_of_the_operation() {
    Tensor x = Tensor.ones(2, 2);
    Tensor index = Tensor.zeros(DType.INT64, 2, 2);
    Map<String, Executable> calls = new LinkedHashMap<>();
    calls.put("[add] operand 2", () -> x.add(NONE));
    calls.put("[mul] operand 2", () -> x.clone().mul_(NONE));
    calls.put("[sub] operand 2", () -> x.sub(NONE, 2));
    calls.put("[eq] operand 2", () -> x.eq(NONE));
    calls.put("[lerp] `end` or `weight`", () -> x.lerp(x, NONE));
    calls.put("[addcmul] operand 3", () -> x.addcmul(x, NONE, 1));
    calls.put("[addcdiv] operand 2", () -> x.clone().addcdiv_(NONE, x, 1));
    calls.put("[isclose] operand 2", () -> x.isclose(NONE));
    calls.put("[copy_] source", () -> x.clone().copy_(NONE));
    calls.put("[matmul] operand 2", () -> x.matmul(NONE));
    calls.put("[addmm] operand 3", () -> x.addmm(x, NONE));
    calls.put("[tensordot] operand 2", () -> x.tensordot(NONE, 1));
    calls.put("[cat] operand 2", () -> Tensor.cat(Arrays.asList(x, NONE), 0));
    calls.put("[stack] operand 1", () -> Tensor.stack(Arrays.asList(NONE, x), 0));
    calls.put("[where] operand 1", () -> Tensor.where(NONE, x, x));
    calls.put("[masked_fill] mask", () -> x.maskedFill(NONE, 0));
    calls.put("[gather] index", () -> x.gather(0, NONE));
    calls.put("[scatter] source", () -> x.scatter(0, index, NONE));
    calls.put("[index_add] source", () -> x.indexAdd(0, index.select(0, 0), NONE));
    calls.put("[index_put] value", () -> x.clone().indexPut_(List.of(Index.at(0)), NONE));
    calls.put("[embedding] weight", () -> Tensor.embedding(NONE, index));
    calls.put("[backward] gradient", () -> x.clone().requiresGrad_(true).backward(NONE));
    calls.put("[full_like] operand 1", () -> Tensor.zerosLike(NONE));
    calls.forEach((what, call) -> assertEquals(what + " is null: expected a tensor",
        assertThrows(IllegalArgumentException.class, call, what).getMessage()));
    assertEquals(List.of(2L, 2L), Arrays.stream(x.sizes()).boxed().toList());
  }
}
