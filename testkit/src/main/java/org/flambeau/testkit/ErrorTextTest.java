package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.autograd.DifferentiableFunction;
import org.flambeau.nn.Functional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/// Whoever knows PyTorch's messages finds them here: what is said when something is wrong contains PyTorch's own first sentence.
public class ErrorTextTest {
  private static final Map<String, Executable> CASES = new LinkedHashMap<>();

  private static void on(String name, Executable wrong) {
    CASES.put(name, wrong);
  }

  // spotless:off
  static {
    on("broadcast", () -> ones(2, 3).add(ones(4)));
    on("in-place broadcast", () -> ones(3).add_(ones(2, 3)));
    on("matmul ranks", () -> Tensor.scalar(1f).matmul(ones(3)));
    on("mm sizes", () -> ones(2, 2).addmm(ones(2, 3), ones(4, 2)));
    on("bmm ranks", () -> ones(2, 3).bmm(ones(2, 3, 4)));
    on("bmm sizes", () -> ones(2, 3, 4).bmm(ones(2, 3, 4)));
    on("dim out of range", () -> ones(2, 3).sum(2));
    on("dim twice", () -> ones(2, 3).sum(1, -1));
    on("reshape", () -> ones(2, 3).reshape(4));
    on("reshape two unknown", () -> ones(2, 3).reshape(-1, -1));
    on("reshape ambiguous", () -> ones(0).reshape(-1, 0));
    on("view", () -> ones(2, 3).t().view(6));
    on("expand", () -> ones(2, 3).expand(2, 4));
    on("expand rank", () -> ones(2, 3).expand(3));
    on("t", () -> ones(1, 2, 3).t());
    on("permute", () -> ones(2, 3).permute(0));
    on("cat sizes", () -> Tensor.cat(List.of(ones(2, 3), ones(2, 4)), 0));
    on("cat nothing", () -> Tensor.cat(List.of(), 0));
    on("cat 0-d", () -> Tensor.cat(List.of(Tensor.scalar(1f)), 0));
    on("stack", () -> Tensor.stack(List.of(ones(2, 3), ones(3, 2)), 0));
    on("narrow", () -> ones(2, 3).narrow(0, 1, 2));
    on("slice step", () -> ones(2, 3).slice(0, 0, 1, 0));
    on("split sizes", () -> ones(2, 3).split(new long[] {1, 2}, 0));
    on("chunk", () -> ones(2, 3).chunk(0, 0));
    on("repeat", () -> ones(2, 3).repeat(2));
    on("unfold size", () -> ones(2, 3).unfold(1, 4, 1));
    on("gather dtype", () -> ones(2, 3).gather(0, ones(2, 3)));
    on("gather size", () -> ones(2, 3).gather(0, Tensor.zeros(DType.INT64, 2, 4)));
    on("mean of integers", () -> Tensor.of(1L, 2L).mean());
    on("amax of nothing", () -> ones(0, 3).amax(0));
    on("max of nothing", () -> ones(0).max());
    on("neg of bool", () -> Tensor.of(true).neg());
    on("where", () -> Tensor.where(ones(2), ones(2), ones(2)));
    on("masked_fill", () -> ones(2).maskedFill(ones(2), 0));
    on("in-place dtype", () -> Tensor.of(1L).mul_(Tensor.of(1.5f)));
    on("integral alpha", () -> Tensor.of(1L).add(Tensor.of(2L), 0.5));
    on("integral pow", () -> Tensor.of(2L).pow(-1));
    on("division by zero", () -> Tensor.of(1L).floorDivide(Tensor.of(0L)));
    on("item", () -> ones(2).item());
    on("expanded in place", () -> ones(1, 3).expand(2, 3).add_(1));
    on("einsum", () -> Tensor.einsum("ij,jk->ik", ones(2, 3), ones(4, 5)));
    on("conv2d channels", () -> Functional.conv2d(ones(1, 3, 5, 5), ones(4, 2, 3, 3), null));
    on("cross entropy target", () -> Functional.crossEntropy(ones(2, 3), Tensor.of(0L, 3L)));
    on("layer norm", () -> Functional.layerNorm(ones(2, 3), new long[] {4}, null, null));
    // autograd
    on("backward of many", () -> leaf(3).mul(2).backward());
    on("backward of nothing", () -> ones(2).sum().backward());
    on("backward twice", () -> {
      Tensor y = leaf(3).mul(leaf(3)).sum();
      y.backward();
      y.backward();
    });
    on("backward shape", () -> leaf(2, 3).mul(2).backward(ones(3)));
    on("backward inputs", () -> Autograd.backward(List.of(leaf(1)), List.of(ones(1)), List.of()));
    on("unused input", () -> {
      Tensor x = leaf(3);
      Autograd.grad(x.sum(), List.of(x, leaf(3)));
    });
    on("integral requires_grad", () -> Tensor.ones(DType.INT64, 3).requiresGrad_(true));
    on("requires_grad of a result", () -> leaf(3).mul(2).requiresGrad_(false));
    on("grad of other sizes", () -> leaf(2, 3).setGrad(ones(3)));
    on("grad is itself", () -> {
      Tensor x = leaf(3);
      x.setGrad(x);
    });
    on("retain_grad", () -> ones(2).retainGrad());
    on("hook", () -> ones(2).registerHook(g -> g));
    on("post accumulate hook", () -> leaf(2).mul(2).registerPostAccumulateGradHook(_ -> {}));
    on("leaf in place", () -> leaf(2, 3).mul_(2));
    on("view of leaf in place", () -> leaf(2, 3).select(0, 0).mul_(2));
    on("unbind in place", () -> leaf(2, 3).mul(1).unbind(0).get(0).mul_(2));
    on("split in place", () -> leaf(2, 3).mul(1).split(1, 0).get(1).mul_(2));
    on("no_grad view in place", () -> {
      Tensor base = leaf(2, 3).mul(1);
      Tensor view;
      try (var _ = GradMode.noGrad()) {
        view = base.select(0, 0);
      }
      view.mul_(2);
    });
    on("detach_ of view", () -> leaf(2, 3).view(6).detach_());
    on("changed leaf", () -> {
      Tensor x = leaf(2, 3);
      Tensor y = x.mul(x);
      x.detach().add_(1);
      y.sum().backward();
    });
    on("changed result", () -> {
      Tensor y = leaf(2, 3).exp();
      y.add_(1);
      y.sum().backward();
    });
    on("changed by zero", () -> {
      Tensor y = leaf(2, 3).mul(2);
      Tensor z = y.mul(y);
      y.zero_();
      z.sum().backward();
    });
    on("inference saved", () -> inference().mul(leaf(3)));
    on("inference in place", () -> inference().add_(1));
    on("inference requires_grad", () -> inference().requiresGrad_(true));
    on("nan in anomaly mode", () -> {
      try (var _ = GradMode.detectAnomaly()) {
        Tensor.of(-1f).requiresGrad_(true).sqrt().sum().backward();
      }
    });
    on("gradient count", () -> new Twice(ones(3)).apply(leaf(3), leaf(3)).sum().backward());
    on("gradient sizes", () -> new Twice(ones(7)).apply(leaf(2, 3)).sum().backward());
  }
  // spotless:on

  private static Tensor ones(long... sizes) {
    return Tensor.ones(sizes);
  }

  private static Tensor leaf(long... sizes) {
    return Tensor.ones(sizes).requiresGrad_(true);
  }

  private static Tensor inference() {
    try (var _ = GradMode.inferenceMode()) {
      return Tensor.ones(3);
    }
  }

  /// Its backward gives what it is told.
  private static final class Twice extends DifferentiableFunction {
    private final Tensor gradient;

    Twice(Tensor gradient) {
      this.gradient = gradient;
    }

    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      return List.of(inputs.getFirst().mul(2));
    }

    @Override
    protected List<@Nullable Tensor> backward(Context context, List<Tensor> grads) {
      return List.of(gradient);
    }
  }

  /// PyTorch's messages by case.
  private static Map<String, String> goldens() throws IOException {
    Map<String, String> messages = new LinkedHashMap<>();
    for (String line : Files.readAllLines(Goldens.resource("errors.tsv"))) {
      messages.put(line.substring(0, line.indexOf('\t')), line.substring(line.indexOf('\t') + 1));
    }
    return messages;
  }

  @Test
  void every_message_of_pytorch_has_its_case() throws IOException {
    assertEquals(goldens().keySet(), CASES.keySet());
  }

  @TestFactory
  Stream<DynamicTest> messages_contain_pytorchs_first_sentence() throws IOException {
    return goldens().entrySet().stream().filter(golden -> CASES.containsKey(golden.getKey()))
        .map(golden -> dynamicTest(golden.getKey(), () -> {
          String expected = normalized(
              golden.getValue().replaceFirst("^[\\w.:]+\\([^)]*\\):? ", "").replaceFirst("\\.( |$|You can ).*", ""));
          String message = refusal(golden.getKey());
          if (!normalized(message).contains(expected)) {
            fail("expected a message with \"" + expected + "\", got \"" + message + "\"");
          }
        }));
  }

  private static String refusal(String name) throws Throwable {
    try {
      Objects.requireNonNull(CASES.get(name)).execute();
    } catch (RuntimeException e) {
      return String.valueOf(e.getMessage());
    }
    return fail("was not refused");
  }

  /// Sizes in brackets, no quotes, dtypes by their names in Python, operations without underscore or brackets:
  /// `[add_] (4,)` and `add '[4]'` are the same.
  private static String normalized(String text) {
    return text.replaceFirst("^\\[(\\w+?)_?] ", "$1 ").replaceFirst("^(\\w+)_ ", "$1 ").replace('(', '[').replace(')', ']')
        .replace(",]", "]")
        .replaceAll("['`\"]", "").replaceAll("\\bFloat\\b|\\bfloat\\b", "float32").replaceAll("\\bLong\\b", "int64");
  }
}
