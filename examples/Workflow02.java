/// 2. A polynomial
///
/// A 0-dimensional tensor, and the derivative of a polynomial at 2.
import module org.flambeau;

import static org.flambeau.BackwardOption.*;

void main() {
  Tensor x = Tensor.scalar(2.0f).requiresGrad_(true);       // 0-D
  Tensor y = x.pow(4).mul(2).add(x.pow(3)).add(x.pow(2).mul(3)).add(x.mul(5)).add(1);
  IO.println(y);            // → tensor(63., grad_fn=<AddBackward0>)
  y.backward();
  IO.println(x.grad());     // → tensor(93.)
}
