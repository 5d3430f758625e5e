package org.flambeau.benchmarks.beside;

import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import org.flambeau.GradMode;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.models.ResNet;
import org.flambeau.models.VisionTransformer;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Init;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.optim.Sgd;

/// Whole models: inference without gradients, training steps, and steps on a frozen backbone. The same as in `peer/models.py`.
final class ModelWorkloads {
  /// @param classifier where the last layer is; its weights are drawn, since those of a fresh ViT are zero
  /// @param multiplyAdds of one image of 224×224
  private record Network(String name, Supplier<Module> make, String classifier, double multiplyAdds) {
    Module create() {
      Random.manualSeed(0);
      Module model = make.get();
      drawWeights((Linear) model.submodule(classifier));
      return model;
    }
  }

  private static final Network RESNET18 = new Network("resnet18", ResNet::resnet18, "fc", 1.814e9);
  private static final Network VIT = new Network("vit_b_16", VisionTransformer::vitB16, "heads.head", 17.56e9);

  static final List<Workload> ALL = List.of(
      noGrad(RESNET18, 1, 64), noGrad(RESNET18, 32, 32), noGrad(RESNET18, 8, 224), noGrad(VIT, 1, 224), noGrad(VIT, 8, 224),
      step(RESNET18, 1, 64), step(RESNET18, 32, 32), step(RESNET18, 8, 224), step(VIT, 1, 224), step(VIT, 8, 224),
      frozen(RESNET18, 8, 224), frozen(VIT, 8, 224));

  private ModelWorkloads() {}

  private static Workload noGrad(Network network, int batch, int size) {
    return workload(network, batch, size, "no_grad", 1, model -> {
      model.eval();
      Tensor images = Tensor.randn(batch, 3, size, size);
      return () -> {
        try (var _ = GradMode.noGrad()) {
          return model.call(images);
        }
      };
    });
  }

  private static Workload step(Network network, int batch, int size) {
    return workload(network, batch, size, "training step", 3, model -> training(model, batch, size));
  }

  private static Workload frozen(Network network, int batch, int size) {
    return workload(network, batch, size, "step of a new head", 1, model -> {
      model.eval().requiresGrad_(false);
      Linear old = (Linear) model.submodule(network.classifier);
      drawWeights(model.replace(network.classifier, new Linear(old.inFeatures(), 1000)));
      return training(model, batch, size);
    });
  }

  private static Supplier<Tensor> training(Module model, int batch, int size) {
    Tensor images = Tensor.randn(batch, 3, size, size);
    Tensor labels = Tensor.randint(0, 1000, batch);
    Sgd optimizer = new Sgd(model.parameters(), Sgd.options().lr(1e-3).momentum(0.9));
    return () -> {
      optimizer.zeroGrad();
      Tensor loss = Functional.crossEntropy(model.call(images), labels);
      loss.backward();
      optimizer.step();
      return loss;
    };
  }

  private static Workload workload(Network network, int batch, int size, String what, int passes, Function<Module, Supplier<Tensor>> make) {
    double flops = 2 * network.multiplyAdds * size * size / (224 * 224) * batch * passes;
    return new Workload(network.name + " " + batch + "x3x" + size + "x" + size + ", " + what, 1, flops, 0, 20,
        () -> make.apply(network.create()));
  }

  private static void drawWeights(Linear layer) {
    Init.normal_(layer.weight(), 0, 0.02);
    Init.zeros_(Objects.requireNonNull(layer.bias()));
  }
}
