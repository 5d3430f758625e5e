/// 1. One step of backpropagation by hand
///
/// Leaves collect gradients; what lies between them and the result does not, unless it is asked to.
import module org.flambeau;

import static org.flambeau.BackwardOption.*;

void main() {
  Tensor x  = Tensor.of(2.0f);                              // 1-D, one element
  Tensor w1 = Tensor.of(1.0f).requiresGrad_(true);
  Tensor w2 = Tensor.of(3.0f).requiresGrad_(true);
  Tensor b  = Tensor.of(4.0f).requiresGrad_(true);
  Tensor z  = w1.mul(x.pow(2)).add(w2.mul(x));
  Tensor y  = z.add(b);
  IO.println(y);            // → tensor([14.], grad_fn=<AddBackward0>)
  y.backward();
  IO.println(w1.grad());    // → tensor([4.])
  IO.println(w2.grad());    // → tensor([2.])
  IO.println(b.grad());     // → tensor([1.])
  IO.println(z.grad());     // → null      and one SLF4J warning: "The .grad attribute of a Tensor that is
                            //   not a leaf Tensor is being accessed. ..." that names retainGrad()
}
