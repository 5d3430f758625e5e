package org.flambeau.cli;

import java.util.List;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.nn.Module;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(name = "inference", description = "What a forward pass costs in time and memory, with gradient tracking and without.")
final class BenchInferenceCommand extends FlambeauCommand {
  @Mixin private BenchOptions options = new BenchOptions();

  @Override
  int run() {
    options.check();
    Device device = options.device.get();
    Module model = options.model.create(1000).eval().to(device);
    Tensor images = Tensor.randn(options.batch, 3, options.imageSize, options.imageSize).to(device);
    List<Measurement> rows = List.of(
        new Measurement("with gradient tracking", device, options.runs, () -> {
          try (var _ = options.amp.precision.autocast()) {
            return model.call(images);
          }
        }),
        new Measurement("without (noGrad)", device, options.runs, () -> {
          try (var _ = GradMode.noGrad(); var _ = options.amp.precision.autocast()) {
            return model.call(images);
          }
        }));
    Bench.run(this, options, rows);
    return 0;
  }
}
