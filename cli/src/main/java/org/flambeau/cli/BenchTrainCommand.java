package org.flambeau.cli;

import java.util.List;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Module;
import org.flambeau.nn.optim.GradScaler;
import org.flambeau.nn.optim.Sgd;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "train", description = "What a step of training costs in time and memory: forward, backward, gradient descent with momentum.")
final class BenchTrainCommand extends FlambeauCommand {
  @Mixin private BenchOptions options = new BenchOptions();

  @Option(names = "--freeze-backbone", description = "train the classifier alone") private boolean freezeBackbone;

  @Override
  int run() {
    options.check();
    Device device = options.device.get();
    Module model = options.model.create(1000);
    if (freezeBackbone) {
      Backbone.freeze(model, options.model.classifier());
    } else {
      model.train();
    }
    model.to(device);
    Tensor images = Tensor.randn(options.batch, 3, options.imageSize, options.imageSize).to(device);
    Tensor labels = Tensor.randint(0, 1000, options.batch).to(device);
    Sgd optimizer = new Sgd(model.parameters().stream().filter(Tensor::requiresGrad).toList(), Sgd.options().lr(0.01).momentum(0.9));
    GradScaler scaler = options.amp.precision.scaler();
    Bench.run(this, options, List.of(new Measurement(freezeBackbone ? "step of the classifier" : "step", device, options.runs, () -> {
      Tensor loss;
      try (var _ = options.amp.precision.autocast()) {
        loss = Functional.crossEntropy(model.call(images), labels);
      }
      scaler.scale(loss).backward();
      boolean _ = scaler.step(optimizer);
      scaler.update();
      optimizer.zeroGrad();
      return loss;
    })));
    return 0;
  }
}
