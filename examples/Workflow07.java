/// 7. Gradients add up until they are cleared
///
/// Gradients are added to `grad()` at every backward, until somebody clears them.
import module org.flambeau;

import static org.flambeau.BackwardOption.*;

void main() {
  Tensor weights = Tensor.ones(4).requiresGrad_(true);
  for (int epoch = 0; epoch < 5; epoch++) {
    weights.mul(3).sum().backward();
    IO.println(weights.grad());       // → tensor([3., 3., 3., 3.])   5 times, because of the next line
    weights.grad().zero_();
  }
  var optimizer = new Sgd(List.of(weights), Sgd.options().lr(0.01));
  optimizer.step();
  optimizer.zeroGrad();               // sets grads to null, as PyTorch does by default

  // Without zero_() they add up.
  Tensor sums = Tensor.ones(4).requiresGrad_(true);
  for (int epoch = 0; epoch < 2; epoch++) sums.mul(3).sum().backward();
  IO.println(sums.grad());            // → tensor([6., 6., 6., 6.])

  // A linear regression.
  Random.manualSeed(0);
  Tensor x = Tensor.of(1f, 2f, 3f).requiresGrad_(true), yTrue = Tensor.of(2f);
  Tensor w = Tensor.randn(3).requiresGrad_(true), b = Tensor.randn(1).requiresGrad_(true);
  Tensor loss = w.mul(x).sum().add(b).sub(yTrue).pow(2).mean();
  loss.backward();
  IO.println(w.grad());               // → tensor([-14.0276, -28.0552, -42.0828])
  IO.println(b.grad());               // → tensor([-14.0276])
}
