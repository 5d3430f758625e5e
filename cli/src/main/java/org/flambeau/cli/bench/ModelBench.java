package org.flambeau.cli.bench;

import java.util.Objects;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.cli.Backbone;
import org.flambeau.cli.ModelSummary;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Init;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.optim.GradScaler;
import org.flambeau.nn.optim.Sgd;

/// A whole model with drawn weights and images, the same as in `models.py`, and what can be measured of it.
final class ModelBench {
  private static final int CLASSES = 1000;

  private final BenchOptions options;
  private final Device device;
  private final Numerics numerics;
  private final Module model;
  private final Tensor images;
  private final Tensor labels;
  private final long multiplyAdds;

  /// Draws weights and images from seed 0.
  ///
  /// @param freezeBackbone whether the classifier alone is to be learnt, in place of a model that evaluates or learns as a whole
  ModelBench(BenchOptions options, boolean freezeBackbone) {
    this.options = options;
    this.device = options.device.get();
    this.numerics = options.numerics();
    Random.manualSeed(0);
    model = options.model.create(CLASSES);
    String classifier = options.model.classifier();
    drawWeights((Linear) model.submodule(classifier));
    if (freezeBackbone) {
      Linear old = (Linear) model.submodule(classifier);
      drawWeights(model.replace(classifier, new Linear(old.inFeatures(), CLASSES)));
    }
    images = Tensor.randn(options.batch, 3, options.imageSize, options.imageSize).to(device).to(numerics.dtype());
    labels = Tensor.randint(0, CLASSES, options.batch).to(device);
    model.to(device).to(numerics.dtype());
    multiplyAdds = options.batch * ModelSummary.of(model.eval(), images.narrow(0, 0, 1)).multiplyAdds();
    model.train();
    if (freezeBackbone) {
      Backbone.freeze(model, classifier);
    }
  }

  /// The classifier's weights are drawn as well: those of a fresh ViT are zero.
  private static void drawWeights(Linear layer) {
    Init.normal_(layer.weight(), 0, 0.02);
    Init.zeros_(Objects.requireNonNull(layer.bias()));
  }

  /// With or without activations that are computed again.
  ModelBench activationCheckpointing(boolean on) {
    model.activationCheckpointing(on);
    return this;
  }

  /// A forward pass in eval, recorded for a backward pass that never comes.
  Workload tracked() {
    return workload("with gradient tracking", "tracked", 1, 1, () -> {
      model.eval();
      return () -> logits(model);
    });
  }

  /// A forward pass in eval, without gradients.
  Workload noGrad() {
    return noGrad("without (noGrad)", () -> model);
  }

  /// The same of the compiled model, which has the same parameters.
  Workload compiled() {
    return noGrad("compiled (noGrad)", () -> new Sequential(model).compile());
  }

  private Workload noGrad(String title, Supplier<Module> make) {
    return workload(title, "no_grad", 1, 1, () -> {
      Module forward = make.get().eval();
      return () -> {
        try (var _ = GradMode.noGrad()) {
          return logits(forward);
        }
      };
    });
  }

  /// A step of training the whole: forward, backward, gradient descent with momentum. Its products are three times those of a forward pass;
  /// weights are read by forward and backward, gradients written and read, weights and momentum read and written.
  Workload step() {
    return workload("step", "training step", 3, 8, this::training);
  }

  /// A step of training the classifier on a frozen backbone, whose batch norms evaluate.
  Workload stepOfTheClassifier() {
    return workload("step of the classifier", "step of a new head", 1, 1, this::training);
  }

  private Tensor logits(Module forward) {
    try (var _ = numerics.precision().autocast()) {
      return forward.call(images);
    }
  }

  private Supplier<Tensor> training() {
    Sgd optimizer = new Sgd(model.parameters().stream().filter(Tensor::requiresGrad).toList(), Sgd.options().lr(1e-3).momentum(0.9));
    GradScaler scaler = numerics.precision().scaler();
    return () -> {
      optimizer.zeroGrad();
      Tensor loss;
      try (var _ = numerics.precision().autocast()) {
        loss = Functional.crossEntropy(model.call(images), labels);
      }
      scaler.scale(loss).backward();
      boolean _ = scaler.step(optimizer);
      scaler.update();
      return loss;
    };
  }

  /// @param passes how many times the multiplications of a forward pass
  /// @param uses how often each parameter is read or written
  private Workload workload(String title, String kind, int passes, int uses, Supplier<Supplier<Tensor>> make) {
    long parameters = model.parameters().stream().mapToLong(Tensor::numel).sum();
    return new Workload(options.name() + ", " + kind, title, 1, options.batch, 2.0 * multiplyAdds * passes,
        (double) numerics.dtype().size() * (parameters * uses + images.numel()), make);
  }
}
