package org.flambeau.benchmarks.gpu;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.flambeau.CudaGraph;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.models.ResNet;
import org.flambeau.models.VisionTransformer;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Init;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.optim.Sgd;
import org.jspecify.annotations.Nullable;

/// A forward pass, or a step of training, of a model in one of the forms that it can be run in.
final class ModelWorkload implements AutoCloseable {
  static final int CLASSES = 1000;
  /// Steps before one is captured.
  private static final int WARM_UP = 3;
  /// Those drawn so far, by name and size: to draw a ViT takes longer than to time it. What they have learnt since does not matter here.
  private static final Map<String, Module> MODELS = new HashMap<>();

  private final Precision precision;
  private final Module model;
  private final Module forward;
  private final Tensor images;
  private final Tensor labels;
  private final @Nullable Sgd optimizer;
  private @Nullable CudaGraph graph;
  private Tensor result;

  private ModelWorkload(Device device, List<String> form, String name, boolean training, int batch, String precision, int size) {
    this.precision = Precision.of(precision);
    model = MODELS.computeIfAbsent(name + " " + size, _ -> draw(name, size));
    model.parameters().forEach(parameter -> parameter.setGrad(null));
    model.to(device).to(this.precision.dtype()).train(training);
    boolean last = form.contains("channels_last");
    model.parameters().stream().filter(weight -> weight.dim() == 4).forEach(weight -> weight.setData(laidOut(weight.detach(), last)));
    images = laidOut(Tensor.randn(batch, 3, size, size).to(device).to(this.precision.dtype()), last);
    labels = Tensor.randint(0, CLASSES, batch).to(device);
    forward = form.contains("compiled") ? new Sequential(model).train(training).compile() : model;
    optimizer = training ? new Sgd(model.parameters(), Sgd.options().lr(1e-3).momentum(0.9).capturable(form.contains("graph"))) : null;
    result = images;
    if (form.contains("graph")) {
      capture();
    }
  }

  /// @param what form, model, `inference` or `training`, batch, precision, size
  static ModelWorkload of(Device device, String... what) {
    return new ModelWorkload(device, List.of(what[0].split("\\+")), what[1], what[2].equals("training"), Integer.parseInt(what[3]), what[4],
        Integer.parseInt(what[5]));
  }

  /// A fresh model whose head, zero in a ViT, is drawn too.
  static Module draw(String name, int size) {
    Random.manualSeed(0);
    Module model = switch (name) {
      case "resnet18" -> ResNet.resnet18();
      case "vit_b_16" -> new VisionTransformer(VisionTransformer.Options.B_16.imageSize(size));
      case "vit_b_1" -> new VisionTransformer(VisionTransformer.Options.B_16.imageSize(size).layers(1));
      case "vit_tiny" ->
        new VisionTransformer(VisionTransformer.Options.B_16.imageSize(size).patchSize(8).layers(2).heads(2).hidden(32).mlp(64));
      default -> throw new IllegalArgumentException("expected resnet18, vit_b_16, vit_b_1 of its layers or vit_tiny, got " + name);
    };
    Linear head = (Linear) model.submodule(name.startsWith("vit") ? "heads.head" : "fc");
    Init.normal_(head.weight(), 0, 0.02);
    Init.zeros_(Objects.requireNonNull(head.bias()));
    return model;
  }

  /// As it is, in memory with the channels of a pixel, or the pixels of a channel, side by side.
  private static Tensor laidOut(Tensor x, boolean channelsLast) {
    return channelsLast ? x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : x.contiguous();
  }

  private void capture() {
    for (int i = 0; i < WARM_UP; i++) {
      try (var _ = MemoryScope.open()) {
        Tensor _ = issue();
      }
    }
    graph = CudaGraph.capture(images.device(), () -> result = issue());
  }

  Tensor call() {
    if (graph == null) {
      return issue();
    }
    graph.replay();
    return result;
  }

  private Tensor issue() {
    if (optimizer == null) {
      try (var _ = GradMode.noGrad(); var _ = precision.region()) {
        return forward.call(images);
      }
    }
    optimizer.zeroGrad();
    Tensor loss;
    try (var _ = precision.region()) {
      loss = Functional.crossEntropy(forward.call(images), labels);
    }
    loss.backward();
    optimizer.step();
    return loss.detach();
  }

  @Override
  public void close() {
    if (graph != null) {
      graph.close();
    }
    model.parameters().forEach(parameter -> parameter.setGrad(null));
  }
}
