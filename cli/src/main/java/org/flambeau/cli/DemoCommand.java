package org.flambeau.cli;

import java.nio.file.Path;
import java.util.stream.Stream;
import org.flambeau.models.FashionMnist;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "demo", description = {"Fine-tunes a ResNet18 on real images, in a minute or two on two cores.",
  "A network learns Fashion-MNIST's ten classes from 1,500 images. Then its backbone is frozen, and a new classifier learns classes 5 to 9 "
      + "from 20 other images of each. The images are those of Debian's package dataset-fashion-mnist, or they are downloaded (30 MB)."})
final class DemoCommand extends FlambeauCommand {
  @Option(names = "--data", paramLabel = "DIR", description = "where Fashion-MNIST's files are, if in no usual place") private @Nullable Path data;

  @Option(names = "--out", paramLabel = "DIR", description = "where checkpoints, logs and curves go") private Path out = Path
      .of("flambeau-demo");

  @Override
  int run() {
    String images = (data != null ? data : FashionMnist.folder(Weights.telling("Fashion-MNIST", err()))).toString();
    Path scratch = out.resolve("scratch");
    Path head = out.resolve("head");
    int status = finetune("--data", images, "--weights", "none", "--image-size", "28", "--train-samples", "1500", "--val-samples", "1000",
        "--epochs", "4", "--batch-size", "50", "--optimizer", "adam", "--scheduler", "cosine", "--out", scratch.toString());
    return status != 0 ? status
        : finetune("--data", images, "--weights", scratch.resolve("model.pth").toString(), "--freeze-backbone", "--image-size", "28",
            "--classes", "5-9", "--skip-samples", "4000", "--per-class", "20", "--val-samples", "500", "--epochs", "15", "--batch-size",
            "20",
            "--optimizer", "adam", "--lr", "0.003", "--out", head.toString());
  }

  private int finetune(String... options) {
    out().println("$ flambeau finetune " + String.join(" ", options));
    CommandLine line = Main.commandLine().setOut(out()).setErr(err());
    int status = line.execute(Stream.concat(Stream.of("finetune"), Stream.of(options)).toArray(String[]::new));
    out().println();
    return status;
  }
}
