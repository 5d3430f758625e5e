package org.flambeau.autograd;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.flambeau.AutogradException;
import org.flambeau.BackwardOption;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.internal.text.Shapes;
import org.jspecify.annotations.Nullable;

/// Compares gradients with central differences: ∂f/∂xᵢ ≈ (f(x + eps·eᵢ) − f(x − eps·eᵢ))/(2·eps).
///
/// Inputs that require grad must be float64; at points where the function has no derivative the comparison fails.
///
/// @param eps the step of the differences
/// @param atol how far a gradient may be off, absolutely
/// @param rtol how far it may be off besides, relative to the difference's size
public record GradCheck(double eps, double atol, double rtol) {
  public static final GradCheck DEFAULT = new GradCheck(1e-6, 1e-5, 1e-3);

  /// Checks the gradients of all float results of `function` for all of `inputs` that require grad.
  ///
  /// @throws AutogradException where one is wrong: it says which element of which input and result, and both numbers
  public static void check(Function<List<Tensor>, List<Tensor>> function, List<Tensor> inputs) {
    DEFAULT.compare(function, inputs);
  }

  /// Checks the gradients of the gradients: those of x, g ↦ Σ gᵢ·∂fᵢ/∂x, with random g of a fixed seed.
  public static void checkSecond(Function<List<Tensor>, List<Tensor>> function, List<Tensor> inputs) {
    DEFAULT.compareSecond(function, inputs);
  }

  /// [#check] with these tolerances.
  public void compare(Function<List<Tensor>, List<Tensor>> function, List<Tensor> inputs) {
    List<Tensor> wanted = requiring(inputs);
    List<Tensor> outputs = differentiable(function.apply(inputs));
    for (int o = 0; o < outputs.size(); o++) {
      int number = o;
      double[][] analytic = jacobian(outputs.get(o), wanted);
      for (int i = 0; i < wanted.size(); i++) {
        double[][] numeric = differences(x -> differentiable(function.apply(x)).get(number), inputs, wanted.get(i));
        compare(numeric, transposed(analytic, wanted, i, numeric.length), i, o);
      }
    }
  }

  /// [#checkSecond] with these tolerances.
  public void compareSecond(Function<List<Tensor>, List<Tensor>> function, List<Tensor> inputs) {
    requiring(inputs);
    List<Tensor> outputs = differentiable(function.apply(inputs));
    org.flambeau.Generator generator = org.flambeau.Generator.create(inputs.getFirst().device()).manualSeed(42);
    List<Tensor> all = new ArrayList<>(inputs);
    for (Tensor output : outputs) {
      all.add(Tensor.randn(generator, DType.FLOAT64, output.sizes()).requiresGrad_(true));
    }
    compare(x -> {
      List<Tensor> arguments = x.subList(0, inputs.size());
      List<Tensor> results = differentiable(function.apply(arguments));
      @Nullable Tensor[] grads = Autograd.gradAllowUnused(results, requiring(arguments), x.subList(inputs.size(), x.size()),
          BackwardOption.CREATE_GRAPH);
      return Arrays.stream(grads).<Tensor>mapMulti((grad, to) -> {
        if (grad != null) {
          to.accept(grad);
        }
      }).toList();
    }, all);
  }

  private static List<Tensor> requiring(List<Tensor> inputs) {
    List<Tensor> wanted = inputs.stream().filter(Tensor::requiresGrad).toList();
    if (wanted.isEmpty()) {
      throw new IllegalArgumentException("[gradcheck] expects at least one input that requires grad");
    }
    for (Tensor input : wanted) {
      if (input.dtype() != DType.FLOAT64) {
        throw new IllegalArgumentException(
            "[gradcheck] expects inputs that require grad to be float64, since differences of less precise numbers "
                + "say little; got " + input.dtype().label());
      }
    }
    return wanted;
  }

  private static List<Tensor> differentiable(List<Tensor> outputs) {
    return outputs.stream().filter(output -> output.requiresGrad() || output.dtype().isFloating()).toList();
  }

  /// Row k: the gradients of element k for all inputs, one after the other.
  private static double[][] jacobian(Tensor output, List<Tensor> inputs) {
    int rows = (int) output.numel();
    double[][] jacobian = new double[rows][];
    for (int k = 0; k < rows; k++) {
      double[] unit = new double[rows];
      unit[k] = 1;
      Tensor seed = Tensor.fromArray(unit, output.sizes()).to(output.device()).to(output.dtype());
      @Nullable Tensor[] grads = output.requiresGrad()
          ? Autograd.gradAllowUnused(List.of(output), inputs, List.of(seed), BackwardOption.RETAIN_GRAPH)
          : new Tensor[inputs.size()];
      List<double[]> parts = new ArrayList<>();
      for (int i = 0; i < inputs.size(); i++) {
        Tensor grad = grads[i];
        parts.add(grad == null ? new double[(int) inputs.get(i).numel()] : grad.toDoubleArray());
      }
      jacobian[k] = parts.stream().flatMapToDouble(Arrays::stream).toArray();
    }
    return jacobian;
  }

  /// From rows by output element over all inputs to rows by element of input `number`.
  private static double[][] transposed(double[][] jacobian, List<Tensor> inputs, int number, int rows) {
    int from = 0;
    for (int i = 0; i < number; i++) {
      from += (int) inputs.get(i).numel();
    }
    double[][] result = new double[rows][jacobian.length];
    for (int k = 0; k < jacobian.length; k++) {
      for (int e = 0; e < rows; e++) {
        result[e][k] = jacobian[k][from + e];
      }
    }
    return result;
  }

  /// Row e: the change of all output elements with element e of `input`.
  private double[][] differences(Function<List<Tensor>, Tensor> function, List<Tensor> inputs, Tensor input) {
    double[] values = input.toDoubleArray();
    double[][] rows = new double[values.length][];
    for (int e = 0; e < values.length; e++) {
      double[] above = moved(function, inputs, input, values, e, eps);
      double[] below = moved(function, inputs, input, values, e, -eps);
      for (int k = 0; k < above.length; k++) {
        above[k] = (above[k] - below[k]) / (2 * eps);
      }
      rows[e] = above;
    }
    return rows;
  }

  private static double[] moved(Function<List<Tensor>, Tensor> function, List<Tensor> inputs, Tensor input, double[] values, int element,
      double by) {
    double[] changed = values.clone();
    changed[element] += by;
    List<Tensor> arguments = new ArrayList<>();
    for (Tensor each : inputs) {
      // the same strides as the original, so that the same kernels run
      Tensor copy = each == input ? each.detach().clone().copy_(Tensor.fromArray(changed, each.sizes()).to(each.device())) : each.detach();
      arguments.add(each.requiresGrad() ? copy.requiresGrad_(true) : copy);
    }
    try (var _ = GradMode.enableGrad()) {
      return function.apply(arguments).detach().toDoubleArray();
    }
  }

  private void compare(double[][] numeric, double[][] analytic, int input, int output) {
    for (int e = 0; e < numeric.length; e++) {
      for (int k = 0; k < numeric[e].length; k++) {
        double expected = numeric[e][k];
        double actual = analytic[e][k];
        if (!(Math.abs(expected - actual) <= atol + rtol * Math.abs(expected))) {
          throw new AutogradException(String.format(Locale.ROOT,
              "Jacobian mismatch for output %d with respect to input %d: element %d of the input "
                  + "changes element %d of the output by %.9g numerically, by %.9g analytically (sizes of the Jacobian: %s)",
              output, input, e, k,
              expected, actual, Shapes.tuple(numeric.length, numeric[e].length)));
        }
      }
    }
  }
}
