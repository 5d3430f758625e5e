package org.flambeau.autograd;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.flambeau.AutogradException;
import org.flambeau.BackwardOption;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Derivatives of whole functions. None touches any `.grad`.
public final class Jacobians {
  /// A function's value and a product with its derivative.
  public record Product(Tensor value, Tensor product) {}

  private Jacobians() {}

  /// J with J[i, j] = ∂f(x)ᵢ/∂xⱼ, of f(x)'s sizes followed by x's.
  public static Tensor jacobian(Function<Tensor, Tensor> function, Tensor x) {
    return rows(function, x);
  }

  /// H with H[i, j] = ∂²f(x)/∂xᵢ∂xⱼ for a function with one result, of x's sizes twice.
  ///
  /// @throws AutogradException where the result has more than one element
  public static Tensor hessian(Function<Tensor, Tensor> function, Tensor x) {
    Function<Tensor, Tensor> gradient = y -> {
      Tensor value = function.apply(y);
      if (value.numel() != 1) {
        throw new AutogradException("The function given to hessian should return a single element, got sizes "
            + Arrays.toString(value.sizes()));
      }
      Tensor grad = Autograd.gradAllowUnused(List.of(value), List.of(y), Arrays.asList((Tensor) null), BackwardOption.CREATE_GRAPH)[0];
      return grad == null ? y.zerosLike() : grad;
    };
    return rows(gradient, x);
  }

  private static Tensor rows(Function<Tensor, Tensor> function, Tensor x) {
    Tensor point = x.detach().requiresGrad_(true);
    Tensor value = function.apply(point);
    Tensor flat = value.reshape(-1);
    List<Tensor> rows = new ArrayList<>();
    for (long i = 0; i < flat.numel(); i++) {
      rows.add(vectorJacobian(flat.select(0, i), point, null, false));
    }
    long[] sizes = new long[value.dim() + x.dim()];
    System.arraycopy(value.sizes(), 0, sizes, 0, value.dim());
    System.arraycopy(x.sizes(), 0, sizes, value.dim(), x.dim());
    return rows.isEmpty() ? Tensor.zeros(x.device(), x.dtype(), sizes) : Tensor.stack(rows, 0).reshape(sizes);
  }

  /// f(x) and vᵀJ, of x's sizes, for v of f(x)'s sizes.
  public static Product vjp(Function<Tensor, Tensor> function, Tensor x, Tensor v) {
    Tensor point = x.detach().requiresGrad_(true);
    Tensor value = function.apply(point);
    return new Product(value.detach(), vectorJacobian(value, point, v, false));
  }

  /// f(x) and Jv, of f(x)'s sizes, for v of x's sizes: the derivative of u ↦ uᵀJ in the direction v, by two backward passes.
  public static Product jvp(Function<Tensor, Tensor> function, Tensor x, Tensor v) {
    Tensor point = x.detach().requiresGrad_(true);
    Tensor value = function.apply(point);
    Tensor u = value.zerosLike().requiresGrad_(true);
    Tensor product = vectorJacobian(value, point, u, true);
    return new Product(value.detach(), product.requiresGrad() ? vectorJacobian(product, u, v, false) : value.detach().zerosLike());
  }

  private static Tensor vectorJacobian(Tensor value, Tensor x, @Nullable Tensor v, boolean create) {
    if (!value.requiresGrad()) {
      return x.detach().zerosLike();
    }
    Tensor grad = Autograd.gradAllowUnused(List.of(value), List.of(x), Arrays.asList(v),
        create ? BackwardOption.CREATE_GRAPH : BackwardOption.RETAIN_GRAPH)[0];
    return grad == null ? x.detach().zerosLike() : grad;
  }
}
