/// 12. The same program on a GPU
///
/// `Device.best()` is `cuda:0` where a GPU is usable, else the CPU; its log says why. Nothing ever moves to another device silently.
import module org.flambeau;

import org.flambeau.Random;

void main() {
  Random.manualSeed(0);
  Tensor images = Tensor.randn(1, 3, 64, 64);
  var model = ResNet.resnet18();
  Device device = Device.best();
  model.to(device);
  Tensor y = model.call(images.to(device));
  IO.println(y.device().equals(device));      // → true
  IO.println(Arrays.toString(y.sizes()));     // → [1, 1000]
  String refused = "";
  try {
    Device.cuda(99);
  } catch (BackendException e) {
    refused = e.getMessage();
  }
  IO.println(refused.contains("cuda:99"));    // → true
}
