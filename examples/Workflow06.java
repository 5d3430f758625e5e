/// 6. Calling backward twice; vector-Jacobian products
///
/// A retained graph can be walked again; `backward(v)` multiplies the Jacobian by v from the left.
import module org.flambeau;

import static org.flambeau.BackwardOption.*;

void main() {
  Random.manualSeed(0);
  Tensor x = Tensor.randn(3).requiresGrad_(true);
  IO.println(x);                    // → tensor([ 1.5410, -0.2934, -2.1788], requires_grad=True)
  Tensor y = x.add(2), z = y.mul(y).mul(2), mean = z.mean();
  IO.println(z);                    // → tensor([25.0773,  5.8248,  0.0639], grad_fn=<MulBackward0>)
  IO.println(mean);                 // → tensor(10.3220, grad_fn=<MeanBackward0>)
  mean.backward(RETAIN_GRAPH);
  IO.println(x.grad());             // → tensor([ 4.7213,  2.2754, -0.2384])
  z.backward(Tensor.of(0.1f, 1.0f, 0.001f));   // works because the graph was retained; adds to x.grad()
  IO.println(x.grad());             // → tensor([ 6.1377,  9.1017, -0.2391])
  // without RETAIN_GRAPH the second call throws AutogradException:
  //   "Trying to backward through the graph a second time (or directly access saved tensors after they
  //    have already been freed). ..."  that tells the user to pass RETAIN_GRAPH
  // z.backward() throws: "grad can be implicitly created only for scalar outputs ..."
  // Tensor.ones(2).backward() throws: "element 0 of tensors does not require grad and does not have a grad_fn"
}
