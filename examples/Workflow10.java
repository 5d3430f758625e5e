/// 10. Freeze, replace the classifier, fine-tune
///
/// Nothing is computed backward below the new classifier: no gradient, no activation saved, no graph.
import module org.flambeau;

void main() throws IOException {
  var model = ResNet.resnet18();
  TorchvisionWeights.RESNET18_IMAGENET1K_V1.loadInto(model, checkpoint());
  model.parameters().forEach(p -> p.requiresGrad_(false));
  model.replace("fc", new Linear(512, 10));
  model.namedParameters().forEach((name, p) -> IO.println(name + " " + p.requiresGrad()));
  // → conv1.weight false
  //   bn1.weight false
  //   bn1.bias false
  //   layer1.0.conv1.weight false
  //   layer1.0.bn1.weight false
  //   layer1.0.bn1.bias false
  //   layer1.0.conv2.weight false
  //   layer1.0.bn2.weight false
  //   layer1.0.bn2.bias false
  //   layer1.1.conv1.weight false
  //   layer1.1.bn1.weight false
  //   layer1.1.bn1.bias false
  //   layer1.1.conv2.weight false
  //   layer1.1.bn2.weight false
  //   layer1.1.bn2.bias false
  //   layer2.0.conv1.weight false
  //   layer2.0.bn1.weight false
  //   layer2.0.bn1.bias false
  //   layer2.0.conv2.weight false
  //   layer2.0.bn2.weight false
  //   layer2.0.bn2.bias false
  //   layer2.0.downsample.0.weight false
  //   layer2.0.downsample.1.weight false
  //   layer2.0.downsample.1.bias false
  //   layer2.1.conv1.weight false
  //   layer2.1.bn1.weight false
  //   layer2.1.bn1.bias false
  //   layer2.1.conv2.weight false
  //   layer2.1.bn2.weight false
  //   layer2.1.bn2.bias false
  //   layer3.0.conv1.weight false
  //   layer3.0.bn1.weight false
  //   layer3.0.bn1.bias false
  //   layer3.0.conv2.weight false
  //   layer3.0.bn2.weight false
  //   layer3.0.bn2.bias false
  //   layer3.0.downsample.0.weight false
  //   layer3.0.downsample.1.weight false
  //   layer3.0.downsample.1.bias false
  //   layer3.1.conv1.weight false
  //   layer3.1.bn1.weight false
  //   layer3.1.bn1.bias false
  //   layer3.1.conv2.weight false
  //   layer3.1.bn2.weight false
  //   layer3.1.bn2.bias false
  //   layer4.0.conv1.weight false
  //   layer4.0.bn1.weight false
  //   layer4.0.bn1.bias false
  //   layer4.0.conv2.weight false
  //   layer4.0.bn2.weight false
  //   layer4.0.bn2.bias false
  //   layer4.0.downsample.0.weight false
  //   layer4.0.downsample.1.weight false
  //   layer4.0.downsample.1.bias false
  //   layer4.1.conv1.weight false
  //   layer4.1.bn1.weight false
  //   layer4.1.bn1.bias false
  //   layer4.1.conv2.weight false
  //   layer4.1.bn2.weight false
  //   layer4.1.bn2.bias false
  //   fc.weight true
  //   fc.bias true

  Tensor data = Tensor.randn(4, 3, 64, 64), labels = Tensor.of(1L, 2L, 3L, 4L);
  var optimizer = new Sgd(model.parameters(), Sgd.options().lr(1e-2).momentum(0.9));
  Functional.crossEntropy(model.call(data), labels).backward();
  optimizer.step();
  IO.println(model.parameters().stream().filter(p -> p.grad() != null).count());   // → 2
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
