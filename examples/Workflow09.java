/// 9. One training step of a pretrained ResNet18
///
/// One image of noise, one step of gradient descent with momentum. `TorchvisionWeights.DEFAULT` in place of the file takes it from torch hub's
/// cache, else downloads it; a file may hold any weights of these names and sizes.
import module org.flambeau;

void main() throws IOException {
  var model = ResNet.resnet18();      // or ResNet.resnet18(TorchvisionWeights.DEFAULT): from torch hub's cache, else downloaded and verified
  TorchvisionWeights.RESNET18_IMAGENET1K_V1.loadInto(model, checkpoint());
  Tensor before = model.stateDict().get("conv1.weight").clone();
  Tensor data = Tensor.randn(1, 3, 64, 64), labels = Tensor.rand(1, 1000);
  Tensor loss = model.call(data).sub(labels).sum();
  IO.println(loss.gradFn().name());         // → SumBackward0
  loss.backward();
  var optimizer = new Sgd(model.parameters(), Sgd.options().lr(1e-2).momentum(0.9));
  optimizer.step();
  IO.println(before.eq(model.stateDict().get("conv1.weight")).all());   // → tensor(False)
}

/// The file of that name; where it is not at hand, one of random weights, which disappears in the end.
Path checkpoint() throws IOException {
  Path file = Path.of("resnet18-f37072fd.pth");
  if (Files.exists(file)) {
    return file;
  }
  Path random = Files.createTempFile("random-", ".pth");
  random.toFile().deleteOnExit();
  ResNet.resnet18().stateDict().save(random);
  return random;
}
