package org.flambeau.build;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.flambeau.models.ResNet;
import org.flambeau.models.TorchvisionWeights;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every example, run by the plain command `java -p lib --add-modules org.flambeau X.java`, prints what its comments say, to the letter.
class ExamplesTest {
  @TempDir private static Path folder;

  /// Where torchvision's file is expected stands one of that name with random weights.
  @BeforeAll
  static void writeCheckpoint() {
    ResNet.resnet18().stateDict().save(folder.resolve(TorchvisionWeights.RESNET18_IMAGENET1K_V1.fileName()));
  }

  static List<String> examples() throws IOException {
    try (Stream<Path> files = Files.list(Checkout.EXAMPLES)) {
      return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".java")).sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("examples")
  void printsWhatItsCommentsSay(String name) throws Exception {
    Path example = Checkout.EXAMPLES.resolve(name);
    var expected = Expectation.of(example);
    assertFalse(expected.isEmpty(), "the example says nowhere what it prints");

    var run = Checkout.run(List.of(Checkout.JAVA, "-p", Checkout.LIB, "--add-modules", "org.flambeau", example), folder);

    assertEquals(0, run.status(), run.err());
    assertEquals(expected.stream().map(Expectation::printed).collect(joining()), run.out());
    for (var expectation : expected) {
      for (String warning : expectation.warnings()) {
        assertEquals(1, run.err().split(java.util.regex.Pattern.quote(warning), -1).length - 1, () -> warning + " in\n" + run.err());
      }
    }
  }
}
