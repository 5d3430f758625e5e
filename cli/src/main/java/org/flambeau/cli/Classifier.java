package org.flambeau.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.flambeau.Device;
import org.flambeau.FlambeauException;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.cli.training.Checkpoints;
import org.flambeau.cli.training.Tree;
import org.flambeau.io.Trouble;
import org.flambeau.models.Models;
import org.flambeau.nn.Module;
import org.flambeau.vision.Image;
import org.flambeau.vision.Transform;
import org.jspecify.annotations.Nullable;

/// A model with what is needed to use it: how images are prepared, and what its classes are called.
///
/// @param model in evaluation
record Classifier(Module model, Transform<Image, Tensor> preparation, List<String> classes, Device device) {
  /// A class and how probable it is.
  record Guess(String name, double probability) {}

  /// The best model of a training run.
  static Classifier ofCheckpoint(Path file, Device device) {
    Tree checkpoint = Tree.load(file);
    Tree description = checkpoint.tree("description");
    List<String> classes = description.texts("classes");
    Module model = Models.create(description.text("model"), classes.size());
    model.loadStateDict(Checkpoints.state(checkpoint));
    return new Classifier(model.eval().to(device), Preprocessing.of(description.tree("preprocessing")).evaluation(), classes, device);
  }

  /// A model with weights that torchvision, or somebody, trained on ImageNet's transforms.
  ///
  /// @param names the file that names its classes, one a line; ImageNet's where null
  static Classifier ofWeights(Models.Entry entry, Weights weights, @Nullable Path names, Device device, PrintWriter err) {
    Module model = weights.load(entry, 1000, err).eval().to(device);
    int count = Weights.classes(model, entry);
    List<String> classes = names == null ? imagenet(entry, count) : read(names);
    if (classes.size() != count) {
      throw new MisuseException(
          names + " names " + classes.size() + " classes, the model tells " + count + " apart: expected one name a line");
    }
    int size = entry.imageSize();
    return new Classifier(model, new Preprocessing(Math.ceilDiv(size * 8, 7), size).evaluation(), classes, device);
  }

  private static List<String> imagenet(Models.Entry entry, int count) {
    List<String> categories = entry.defaultWeights().categories();
    return count == categories.size() ? categories : IntStream.range(0, count).mapToObj(Integer::toString).toList();
  }

  private static List<String> read(Path names) {
    try {
      return Files.readAllLines(names).stream().map(String::strip).filter(name -> !name.isEmpty()).toList();
    } catch (IOException e) {
      throw new FlambeauException("the names of classes in " + names + " cannot be read: " + Trouble.reason(e), e);
    }
  }

  /// The `count` most probable classes of an image, the most probable first.
  List<Guess> guess(Path file, int count) {
    Image image = Image.read(file);
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      Tensor probabilities = model.call(preparation.apply(image).unsqueeze(0).to(device)).softmax(1).squeeze(0);
      var best = probabilities.topk(Math.min(count, classes.size()));
      List<Guess> guesses = new ArrayList<>();
      long[] numbers = best.indices().toLongArray();
      float[] values = best.values().toFloatArray();
      for (int i = 0; i < numbers.length; i++) {
        guesses.add(new Guess(classes.get((int) numbers[i]), values[i]));
      }
      return guesses;
    }
  }
}
