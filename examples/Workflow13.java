/// 13. A model of one's own
///
/// A module declares its children by name; a loader hands it batches, in PyTorch's order for the same seed; a memory scope frees every step's
/// temporaries.
import module org.flambeau;

import org.flambeau.Random;
import org.flambeau.nn.Module;

class Net extends Module {
  final Linear fc1 = child("fc1", new Linear(784, 128)), fc2 = child("fc2", new Linear(128, 10));

  @Override
  protected Tensor forward(Tensor x) {
    return fc2.call(Functional.relu(fc1.call(x)));
  }
}

void main() throws IOException {
  Random.manualSeed(0);
  Tensor labels = Tensor.randint(0, 10, 1000), centers = Tensor.randn(10, 784);
  Tensor images = centers.indexSelect(0, labels).mul(0.1).add(Tensor.randn(1000, 784));
  var loader = DataLoader.of(TensorDataset.of(images, labels)).batchSize(50).shuffle(true);
  var net = new Net();
  IO.println(net);          // → Net(
                            //     (fc1): Linear(in_features=784, out_features=128, bias=True)
                            //     (fc2): Linear(in_features=128, out_features=10, bias=True)
                            //   )
  var optimizer = new Sgd(net.parameters(), Sgd.options().lr(0.005).momentum(0.9));
  for (int epoch = 0; epoch < 3; epoch++) {
    for (var batch : loader)
      try (var _ = MemoryScope.open()) {
        optimizer.zeroGrad();
        Tensor loss = Functional.crossEntropy(net.call(batch.input()), batch.target());
        loss.backward();
        optimizer.step();
      }
  }
  try (var _ = GradMode.noGrad()) {
    Tensor scores = net.call(images);
    IO.println(Functional.crossEntropy(scores, labels));   // → tensor(1.8343)
    IO.println(scores.argmax(1).eq(labels).sum());         // → tensor(742)
  }
  Path file = Files.createTempDirectory("net").resolve("net.safetensors");
  net.stateDict().save(file);
  var copy = new Net();
  copy.loadStateDict(StateDict.load(file));
  IO.println(copy.call(images).eq(net.call(images)).all());   // → tensor(True)
}
