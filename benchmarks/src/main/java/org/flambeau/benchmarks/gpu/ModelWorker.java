package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Module;
import org.flambeau.nn.StateDict;

/// Whole models on one device, the same as in `peer/gpu.py`. Argument: the device.
///
/// - `device`: whether it computes;
/// - `time FORM resnet18 training 8 tf32 224`: milliseconds of a step on a batch of 8 images of 224×224; the form is `eager`, or of
///   `compiled`, `graph` and `channels_last` what applies, with `+` between;
/// - `save resnet18 8 tf32 224 FILE`: writes weights, images, labels, logits and gradients, for a peer to compare with its own;
/// - `operation NAME`: milliseconds of one of [Operations].
public final class ModelWorker {
  private ModelWorker() {}

  public static void main(String[] arguments) throws IOException {
    double seconds = Double.parseDouble(arguments[1]);
    Answers.serve(arguments[0], (device, item) -> {
      Timer timer = new Timer(device, seconds);
      String[] words = item.split(" ", 2);
      String[] what = words[words.length - 1].split(" ", -1);
      return switch (words[0]) {
        case "device" -> Map.of("sum", Tensor.ones(2, 3).to(device).sum().item());
        case "time" -> {
          try (ModelWorkload workload = ModelWorkload.of(device, what)) {
            yield timer.time(workload::call);
          }
        }
        case "save" -> save(device, what[0], Integer.parseInt(what[1]), what[2], Integer.parseInt(what[3]), Path.of(what[4]));
        case "operation" -> timer.time(Operations.named(words[1], device));
        default -> throw new IllegalArgumentException("expected device, time, save or operation, got " + item);
      };
    });
  }

  private static Map<String, Object> save(Device device, String name, int batch, String precision, int size, Path file) {
    Precision numbers = Precision.of(precision);
    Module model = ModelWorkload.draw(name, size);
    Tensor images = Tensor.randn(batch, 3, size, size);
    Tensor labels = Tensor.randint(0, ModelWorkload.CLASSES, batch);
    StateDict all = new StateDict();
    model.stateDict().forEach((key, value) -> all.put("weight " + key, value.clone()));
    all.put("images", images);
    all.put("labels", labels);
    model.to(device).to(numbers.dtype());
    Tensor there = images.to(device).to(numbers.dtype());
    model.eval();
    try (var _ = GradMode.noGrad(); var _ = numbers.region()) {
      all.put("logits in evaluation", model.call(there).cpu());
    }
    model.train();
    Tensor loss;
    try (var _ = numbers.region()) {
      Tensor logits = model.call(there);
      all.put("logits in training", logits.detach().cpu());
      loss = Functional.crossEntropy(logits, labels.to(device));
    }
    loss.backward();
    model.namedParameters().forEach((key, value) -> all.put("gradient " + key, Objects.requireNonNull(value.grad()).cpu()));
    all.save(file);
    return Map.of("tensors", all.size());
  }
}
