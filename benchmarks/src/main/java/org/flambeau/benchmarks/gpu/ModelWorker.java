package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MatmulPrecision;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.models.ResNet;
import org.flambeau.models.VisionTransformer;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Init;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.StateDict;
import org.flambeau.nn.optim.Sgd;

/// Whole models on one device, the same as in `peer/gpu.py`. Argument: the device.
///
/// - `device`: whether it computes;
/// - `time resnet18 training 8 tf32 224`: milliseconds of a step on a batch of 8 images of 224×224;
/// - `save resnet18 8 tf32 224 FILE`: writes weights, images, labels, logits and gradients, for a peer to compare with its own;
/// - `operation NAME`: milliseconds of one of [Operations].
public final class ModelWorker {
  private static final int CLASSES = 1000;

  private ModelWorker() {}

  public static void main(String[] arguments) throws IOException {
    double seconds = Double.parseDouble(arguments[1]);
    Answers.serve(arguments[0], (device, item) -> {
      Timer timer = new Timer(device, seconds);
      String[] words = item.split(" ", 2);
      String[] what = words[words.length - 1].split(" ", -1);
      return switch (words[0]) {
        case "device" -> Map.of("sum", Tensor.ones(2, 3).to(device).sum().item());
        case "time" -> timer.time(workload(device, what[0], what[1], Integer.parseInt(what[2]), what[3], Integer.parseInt(what[4])));
        case "save" -> save(device, what[0], Integer.parseInt(what[1]), what[2], Integer.parseInt(what[3]), Path.of(what[4]));
        case "operation" -> timer.time(Operations.named(words[1], device));
        default -> throw new IllegalArgumentException("expected device, time, save or operation, got " + item);
      };
    });
  }

  /// A fresh model whose head, zero in a ViT, is drawn too.
  private static Module model(String name, int size) {
    Random.manualSeed(0);
    Module model = switch (name) {
      case "resnet18" -> ResNet.resnet18();
      case "vit_b_16" -> new VisionTransformer(VisionTransformer.Options.B_16.imageSize(size));
      case "vit_tiny" ->
        new VisionTransformer(VisionTransformer.Options.B_16.imageSize(size).patchSize(8).layers(2).heads(2).hidden(32).mlp(64));
      default -> throw new IllegalArgumentException("expected resnet18, vit_b_16 or vit_tiny, got " + name);
    };
    Linear head = (Linear) model.submodule(name.startsWith("vit") ? "heads.head" : "fc");
    Init.normal_(head.weight(), 0, 0.02);
    Init.zeros_(Objects.requireNonNull(head.bias()));
    return model;
  }

  /// Sets what products may be rounded to, and returns the dtype of weights and activations.
  private static DType precision(String name) {
    MatmulPrecision products = name.equals("fp32") ? MatmulPrecision.HIGHEST : MatmulPrecision.HIGH;
    MatmulPrecision.setCurrent(products);
    MatmulPrecision.setForConvolutions(products);
    return switch (name) {
      case "fp32", "tf32" -> DType.FLOAT32;
      case "bf16" -> DType.BFLOAT16;
      case "fp16" -> DType.FLOAT16;
      default -> throw new IllegalArgumentException("expected fp32, tf32, bf16 or fp16, got " + name);
    };
  }

  private static Supplier<Tensor> workload(Device device, String name, String mode, int batch, String precision, int size) {
    DType dtype = precision(precision);
    Module model = model(name, size).to(device).to(dtype);
    Tensor images = Tensor.randn(batch, 3, size, size).to(device).to(dtype);
    if (mode.equals("inference")) {
      model.eval();
      return () -> {
        try (var _ = GradMode.noGrad()) {
          return model.call(images);
        }
      };
    }
    Tensor labels = Tensor.randint(0, CLASSES, batch).to(device);
    Sgd optimizer = new Sgd(model.parameters(), Sgd.options().lr(1e-3).momentum(0.9));
    return () -> {
      optimizer.zeroGrad();
      Tensor loss = Functional.crossEntropy(model.call(images), labels);
      loss.backward();
      optimizer.step();
      return loss;
    };
  }

  private static Map<String, Object> save(Device device, String name, int batch, String precision, int size, Path file) {
    DType dtype = precision(precision);
    Module model = model(name, size);
    Tensor images = Tensor.randn(batch, 3, size, size);
    Tensor labels = Tensor.randint(0, CLASSES, batch);
    StateDict all = new StateDict();
    model.stateDict().forEach((key, value) -> all.put("weight " + key, value.clone()));
    all.put("images", images);
    all.put("labels", labels);
    model.to(device).to(dtype);
    model.eval();
    try (var _ = GradMode.noGrad()) {
      all.put("logits in evaluation", model.call(images.to(device).to(dtype)).cpu());
    }
    model.train();
    Tensor logits = model.call(images.to(device).to(dtype));
    all.put("logits in training", logits.detach().cpu());
    Functional.crossEntropy(logits, labels.to(device)).backward();
    model.namedParameters().forEach((key, value) -> all.put("gradient " + key, Objects.requireNonNull(value.grad()).cpu()));
    all.save(file);
    return Map.of("tensors", all.size());
  }
}
