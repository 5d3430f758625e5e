package org.flambeau.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.flambeau.models.FashionMnist;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "demo", description = {"Fine-tunes a ResNet18 on real images, in a minute or two on two cores.",
  "A network learns Fashion-MNIST's ten classes. Then its backbone is frozen, and a new classifier learns classes 5 to 9 "
      + "from 20 other images of each. The images are those of Debian's package dataset-fashion-mnist, or they are downloaded (30 MB)."})
final class DemoCommand extends FlambeauCommand {
  @Option(names = "--data", paramLabel = "DIR", description = "where Fashion-MNIST's files are, if in no usual place") private @Nullable Path data;

  @Option(names = "--train-samples", paramLabel = "N", description = "how many images the network learns from") private long trainSamples = 1500;

  @Option(names = "--epochs", paramLabel = "N", description = "how often it goes through them") private int epochs = 4;

  @Option(names = "--val-samples", paramLabel = "N", description = "how many images it is evaluated on, and the new classifier on half as many") private long validationSamples = 1000;

  @Option(names = "--out", paramLabel = "DIR", description = "where checkpoints, logs and curves go") private Path out = Path
      .of("flambeau-demo");

  @Override
  protected int run() {
    Path scratch = out.resolve("scratch");
    Path head = out.resolve("head");
    if (Files.exists(scratch) || Files.exists(head)) {
      throw new MisuseException(out + " holds an earlier demo: remove it, or give another --out");
    }
    String images = (data != null ? data : FashionMnist.folder(Weights.telling("Fashion-MNIST", err()))).toString();
    int status = finetune("--data", images, "--weights", "none", "--image-size", "28", "--train-samples", Long.toString(trainSamples),
        "--val-samples", Long.toString(validationSamples), "--epochs", Integer.toString(epochs), "--batch-size", "50", "--optimizer",
        "adam",
        "--scheduler", "cosine", "--out", scratch.toString());
    return status != 0 ? status
        : finetune("--data", images, "--weights", scratch.resolve("model.pth").toString(), "--freeze-backbone", "--image-size", "28",
            "--classes", "5-9", "--skip-samples", Long.toString(trainSamples), "--per-class", "20", "--val-samples",
            Long.toString(Math.max(1, validationSamples / 2)), "--epochs", "15", "--batch-size", "20", "--optimizer", "adam", "--lr",
            "0.003",
            "--out", head.toString());
  }

  private int finetune(String... options) {
    out().println("$ flambeau finetune " + String.join(" ", options));
    CommandLine line = Main.commandLine().setOut(out()).setErr(err());
    int status = line.execute(Stream.concat(Stream.of("finetune"), Stream.of(options)).toArray(String[]::new));
    out().println();
    return status;
  }
}
