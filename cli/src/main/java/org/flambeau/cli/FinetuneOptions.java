package org.flambeau.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.flambeau.cli.Preprocessing.Augmentation;
import org.flambeau.cli.training.Checkpoints;
import org.flambeau.cli.training.Precision;
import org.flambeau.models.Models;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// What `finetune` is told.
final class FinetuneOptions {
  /// The optimizers by name.
  enum OptimizerName {
    SGD, ADAM, ADAMW;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// How the learning rate falls.
  enum SchedulerName {
    CONSTANT, STEP, LINEAR, COSINE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// The images.
  static final class Data {
    @Option(names = "--data", paramLabel = "DIR", description = "images: one folder for each class, or train and val with these, or the files of MNIST (.gz too) or CIFAR")
    @Nullable Path folder;

    @Option(names = "--val", paramLabel = "DIR", description = "other images to evaluate on, one folder for each class")
    @Nullable Path validation;

    @Option(names = "--val-fraction", paramLabel = "F", description = "what part of the images to set apart for evaluation where none are: 0.2 unless given")
    @Nullable Double validationFraction;

    @Option(names = "--classes", paramLabel = "LIST", showDefaultValue = Visibility.NEVER, description = "only these classes: names, numbers, ranges, as in 0,5-9") String classes = "";

    @Option(names = "--train-samples", paramLabel = "N", description = "learn from N images only, chosen by the seed")
    @Nullable Long trainSamples;

    @Option(names = "--per-class", paramLabel = "N", description = "learn from N images of each class only, chosen by the seed")
    @Nullable Integer perClass;

    @Option(names = "--skip-samples", paramLabel = "N", description = "leave out the N images that --train-samples N would choose with this seed") long skipSamples;

    @Option(names = "--val-samples", paramLabel = "N", description = "evaluate on N images only")
    @Nullable Long validationSamples;

    @Option(names = "--image-size", paramLabel = "N", description = "edge of the square that the model sees; 224 for most models unless given")
    @Nullable Integer imageSize;

    @Option(names = "--augment", paramLabel = "HOW", description = "vary the images: ${COMPLETION-CANDIDATES} (mirrored; shifted, too; random parts; then by RandAugment, TrivialAugment or AutoAugment)") Augmentation augmentation = Augmentation.NONE;

    @Option(names = "--workers", paramLabel = "N", description = "threads that read images") int workers = 2;
  }

  /// The model.
  static final class Network {
    @Option(names = "--model", converter = ModelOption.class, completionCandidates = ModelOption.class, paramLabel = "NAME", showDefaultValue = Visibility.NEVER, description = "one of ${COMPLETION-CANDIDATES}; resnet18 unless given") Models.Entry entry = Models
        .of("resnet18");

    @Option(names = "--weights", paramLabel = "FILE", description = "what to start from: a .pth or .safetensors file, default (torchvision's), or none") String weights = Weights.DEFAULT;

    @Option(names = "--keep-head", description = "go on with the classifier of the file instead of a new one") boolean keepHead;

    @Option(names = "--freeze-backbone", description = "let the classifier learn, and nothing else change") boolean freezeBackbone;

    @Option(names = "--activation-checkpointing", description = "compute what is inside of a block again for its backward pass, in place of keeping it: less memory, more time") boolean activationCheckpointing;
  }

  /// How it learns.
  static final class Learning {
    @Option(names = "--epochs", paramLabel = "N", description = "how often to go through the images") int epochs = 3;

    @Option(names = "--max-steps", paramLabel = "N", description = "end after N steps")
    @Nullable Long maxSteps;

    @Option(names = "--batch-size", paramLabel = "N", description = "images in a step") int batchSize = 32;

    @Option(names = "--optimizer", paramLabel = "NAME", description = "one of ${COMPLETION-CANDIDATES}") OptimizerName optimizer = OptimizerName.SGD;

    @Option(names = "--lr", paramLabel = "RATE", description = "learning rate: 0.01 for sgd, 0.001 for the others unless given")
    @Nullable Double lr;

    @Option(names = "--momentum", paramLabel = "M", description = "of sgd: 0.9 unless given")
    @Nullable Double momentum;

    @Option(names = "--weight-decay", paramLabel = "D", description = "0, or 0.01 for adamw, unless given")
    @Nullable Double weightDecay;

    @Option(names = "--scheduler", paramLabel = "NAME", description = "how the learning rate falls: ${COMPLETION-CANDIDATES} (a tenth after each third)") SchedulerName scheduler = SchedulerName.CONSTANT;

    @Option(names = "--warmup", paramLabel = "STEPS", description = "steps over which the learning rate rises first") int warmup;

    @Option(names = "--label-smoothing", paramLabel = "S", description = "how much of each target to spread over all classes") double labelSmoothing;

    @Option(names = "--clip-grad", paramLabel = "NORM", description = "shorten gradients to this length")
    @Nullable Double clipGrad;

    @Option(names = "--seed", paramLabel = "N", description = "decides all that is random") long seed;
  }

  /// The run.
  static final class Run {
    @Option(names = "--out", paramLabel = "DIR", description = "where checkpoints, logs and curves go") Path out = Path.of("flambeau-run");

    @Option(names = "--resume", description = "go on with the run in --out") boolean resume;
  }

  @Mixin Data data = new Data();

  @Mixin Network model = new Network();

  @Mixin Learning learning = new Learning();

  @Mixin AmpOption amp = new AmpOption();

  @Mixin Run run = new Run();

  @Mixin DeviceOption device = new DeviceOption();

  // ---- what follows from them ----

  int imageSize() {
    return data.imageSize == null ? model.entry.imageSize() : data.imageSize;
  }

  double lr() {
    return learning.lr != null ? learning.lr : learning.optimizer == OptimizerName.SGD ? 0.01 : 0.001;
  }

  double momentum() {
    return learning.momentum != null ? learning.momentum : 0.9;
  }

  double weightDecay() {
    return learning.weightDecay != null ? learning.weightDecay : learning.optimizer == OptimizerName.ADAMW ? 0.01 : 0;
  }

  double validationFraction() {
    return data.validationFraction != null ? data.validationFraction : 0.2;
  }

  // ---- whether they make sense ----

  /// @throws MisuseException where they do not, before anything is read or written
  void check() {
    require(data.folder != null, "--data DIR is missing: which images should it learn from?");
    checkData();
    checkModel();
    checkLearning();
    checkRun();
  }

  private void checkData() {
    require(data.validation == null || data.validationFraction == null, "--val gives the images to evaluate on: leave out --val-fraction");
    require(validationFraction() > 0 && validationFraction() < 1,
        "--val-fraction must lie between 0 and 1, got " + data.validationFraction);
    require(data.trainSamples == null || data.perClass == null, "--train-samples and --per-class contradict each other: give one");
    require(data.trainSamples == null || data.trainSamples > 0, "--train-samples must be at least 1, got " + data.trainSamples);
    require(data.perClass == null || data.perClass > 0, "--per-class must be at least 1, got " + data.perClass);
    require(data.validationSamples == null || data.validationSamples > 0,
        "--val-samples must be at least 1, got " + data.validationSamples);
    require(data.skipSamples >= 0, "--skip-samples must not be negative, got " + data.skipSamples);
    require(imageSize() > 0 && imageSize() <= 4096, "--image-size must lie between 1 and 4096, got " + imageSize());
    require(data.workers >= 0 && data.workers <= 256, "--workers must lie between 0 and 256, got " + data.workers);
  }

  private void checkModel() {
    boolean transformer = model.entry.name().startsWith("vit");
    require(!transformer || imageSize() == model.entry.imageSize(),
        model.entry.name() + " takes images of " + model.entry.imageSize() + " by "
            + model.entry.imageSize() + " alone: leave out --image-size");
    boolean random = new Weights(model.weights).areRandom();
    require(!(model.freezeBackbone && model.activationCheckpointing),
        "--activation-checkpointing saves nothing with --freeze-backbone, which keeps no activations: leave it out");
    require(!model.keepHead || !random, "--keep-head needs --weights to keep the head of");
  }

  private void checkLearning() {
    require(learning.epochs > 0, "--epochs must be at least 1, got " + learning.epochs);
    require(learning.maxSteps == null || learning.maxSteps > 0, "--max-steps must be at least 1, got " + learning.maxSteps);
    require(learning.batchSize > 0, "--batch-size must be at least 1, got " + learning.batchSize);
    require(lr() > 0 && lr() < Double.POSITIVE_INFINITY, "--lr must be positive, got " + learning.lr);
    require(learning.momentum == null || learning.optimizer == OptimizerName.SGD,
        "--momentum is for sgd: leave it out with " + learning.optimizer);
    require(momentum() >= 0 && momentum() < 1, "--momentum must lie between 0 and 1, got " + learning.momentum);
    require(weightDecay() >= 0 && weightDecay() < 1, "--weight-decay must lie between 0 and 1, got " + learning.weightDecay);
    require(learning.warmup >= 0, "--warmup must not be negative, got " + learning.warmup);
    require(learning.labelSmoothing >= 0 && learning.labelSmoothing < 1, "--label-smoothing must lie between 0 and 1, got "
        + learning.labelSmoothing);
    require(learning.clipGrad == null || learning.clipGrad > 0, "--clip-grad must be positive, got " + learning.clipGrad);
  }

  private void checkRun() {
    Path last = new Checkpoints(run.out).last();
    require(!Files.exists(run.out) || Files.isDirectory(run.out), "--out " + run.out + " is not a folder");
    require(run.resume || !Files.exists(last), run.out + " holds a run: add --resume to go on with it, or give another --out");
    require(!run.resume || Files.exists(last), "--resume: there is no " + last + " to go on from");
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new MisuseException(message);
    }
  }

  /// What decides a run's numbers, for its checkpoint: a resumed run must be given the same. What is not in it was not given.
  Map<String, Object> decisive() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("--data", text(data.folder));
    all.put("--val", text(data.validation));
    all.put("--val-fraction", validationFraction());
    all.put("--classes", data.classes);
    all.put("--train-samples", text(data.trainSamples));
    all.put("--per-class", text(data.perClass));
    all.put("--skip-samples", data.skipSamples);
    all.put("--val-samples", text(data.validationSamples));
    all.put("--image-size", (long) imageSize());
    all.put("--augment", data.augmentation.toString());
    all.put("--model", model.entry.name());
    all.put("--weights", model.weights);
    all.put("--keep-head", model.keepHead);
    all.put("--freeze-backbone", model.freezeBackbone);
    if (learning.scheduler != SchedulerName.CONSTANT) {
      all.put("--epochs", (long) learning.epochs);
      all.put("--max-steps", text(learning.maxSteps));
    }
    all.put("--batch-size", (long) learning.batchSize);
    all.put("--optimizer", learning.optimizer.toString());
    all.put("--lr", lr());
    all.put("--momentum", momentum());
    all.put("--weight-decay", weightDecay());
    all.put("--scheduler", learning.scheduler.toString());
    all.put("--warmup", (long) learning.warmup);
    all.put("--label-smoothing", learning.labelSmoothing);
    all.put("--clip-grad", text(learning.clipGrad));
    if (model.activationCheckpointing) {
      all.put("--activation-checkpointing", true);
    }
    if (amp.precision() != Precision.FLOAT32) {
      all.put("--amp", amp.precision().toString());
    }
    all.put("--seed", learning.seed);
    return all;
  }

  private static String text(@Nullable Object value) {
    return value == null ? "none" : value.toString();
  }
}
