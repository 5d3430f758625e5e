/// 8. Two inputs and an external gradient
///
/// A result that is no scalar needs a gradient from outside.
import module org.flambeau;

import static org.flambeau.BackwardOption.*;

void main() {
  Tensor a = Tensor.of(2f, 3f).requiresGrad_(true), b = Tensor.of(6f, 4f).requiresGrad_(true);
  Tensor q = a.pow(3).mul(3).sub(b.pow(2));
  q.backward(Tensor.of(1f, 1f));
  IO.println(a.pow(2).mul(9).eq(a.grad()));   // → tensor([True, True])
  IO.println(b.mul(-2).eq(b.grad()));         // → tensor([True, True])
}
