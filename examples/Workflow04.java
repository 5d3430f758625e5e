/// 4. A one-layer network
///
/// Binary cross-entropy of a linear layer; every row of the weight's gradient is the bias's.
import module org.flambeau;

import static org.flambeau.BackwardOption.*;

void main() {
  Random.manualSeed(0);
  Tensor x = Tensor.ones(5), y = Tensor.zeros(3);
  Tensor w = Tensor.randn(5, 3).requiresGrad_(true), b = Tensor.randn(3).requiresGrad_(true);
  Tensor z = x.matmul(w).add(b);
  Tensor loss = Functional.binaryCrossEntropyWithLogits(z, y);
  IO.println(z.gradFn().name());       // → AddBackward0
  IO.println(loss.gradFn().name());    // → BinaryCrossEntropyWithLogitsBackward0
  loss.backward();                     // every row of w.grad() equals b.grad()
  IO.println(b.grad());                // → tensor([0.2661, 0.1179, 0.0027])
  IO.println(w.grad().eq(b.grad()).all());  // → tensor(True)
}
