/// 3. Several steps, and the gradient of a non-leaf
///
/// `retainGrad()` keeps the gradient of a tensor that an operation made.
import module org.flambeau;

import static org.flambeau.BackwardOption.*;

void main() {
  Tensor x = Tensor.of(new float[][] {{1, 2, 3}, {3, 2, 1}}).requiresGrad_(true);
  IO.println(x);            // → tensor([[1., 2., 3.],
                            //           [3., 2., 1.]], requires_grad=True)
  IO.println(x.grad());     // → null
  Tensor y = x.mul(3).add(2);
  y.retainGrad();
  Tensor z = y.pow(2).mul(2);
  Tensor out = z.mean();
  out.backward();
  IO.println(x.grad());     // → tensor([[10., 16., 22.],
                            //           [22., 16., 10.]])
  IO.println(y.mul(1 / 6f * 4).mul(3));
                            // → tensor([[10., 16., 22.],
                            //           [22., 16., 10.]], grad_fn=<MulBackward0>)
  IO.println(y.grad());     // → tensor([[3.3333, 5.3333, 7.3333],
                            //           [7.3333, 5.3333, 3.3333]])
}
