/// 5. Not tracking
///
/// Three ways to keep work out of the graph, on the layer of the previous workflow.
import module org.flambeau;

import static org.flambeau.BackwardOption.*;

void main() {
  Tensor x = Tensor.ones(5), y = Tensor.zeros(3);
  Tensor w = Tensor.randn(5, 3).requiresGrad_(true), b = Tensor.randn(3).requiresGrad_(true);
  IO.println(x.matmul(w).add(b).requiresGrad());            // → true
  try (var _ = GradMode.noGrad()) {
    IO.println(x.matmul(w).add(b).requiresGrad());          // → false
  }
  IO.println(x.matmul(w).add(b).detach().requiresGrad());   // → false   (shares storage with its source)
  x.requiresGrad_(false);                                    // in place
  Tensor p = Tensor.rand(5, 5), q = Tensor.rand(5, 5), r = Tensor.rand(5, 5).requiresGrad_(true);
  IO.println(p.add(q).requiresGrad());                      // → false
  IO.println(p.add(r).requiresGrad());                      // → true
}
