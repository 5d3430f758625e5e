package org.flambeau.build;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The Java code of the pages for users compiles; whole programs run, and print what the comments behind their `println`s say.
class DocumentationTest {
  private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
  private static final Pattern PRINTED = Pattern.compile("IO\\.println\\(.*\\);\\s+// (.*)");

  /// What fragments speak of.
  private static final String AROUND = """
      import module org.flambeau;
      import org.flambeau.nn.Module;

      Module model;
      DataLoader loader;

      void main() {}

      void fragment() {
      %s
      }
      """;

  @TempDir private Path folder;

  private record Code(String page, int number, String text) {
    boolean isProgram() {
      return text.contains("void main()");
    }

    @Override
    public String toString() {
      return page + ", block " + number;
    }
  }

  static List<Code> blocks() throws IOException {
    List<Code> blocks = new ArrayList<>();
    for (Path page : List.of(Path.of("README.md"), Path.of("docs/PORTING.md"), Path.of("docs/DATA.md"), Path.of("docs/COMPILING.md"))) {
      var found = BLOCK.matcher(Files.readString(Checkout.ROOT.resolve(page)));
      for (int number = 1; found.find(); number++) {
        blocks.add(new Code(page.toString(), number, found.group(1)));
      }
    }
    return blocks;
  }

  @ParameterizedTest
  @MethodSource("blocks")
  void codeCompilesAndPrintsWhatItSays(Code code) throws Exception {
    String source = code.isProgram() ? code.text : AROUND.formatted(code.text.replace("…", ""));
    Path script = Files.writeString(folder.resolve("Script.java"), source);

    var run = Checkout.run(List.of(Checkout.JAVA, "-p", Checkout.LIB, "--add-modules", "org.flambeau", script), folder);

    assertEquals(0, run.status(), run.err());
    assertEquals(PRINTED.matcher(source).results().map(line -> line.group(1) + "\n").collect(joining()), run.out());
  }

  @ParameterizedTest
  @MethodSource("pages")
  void whatAPageLinksToIsThere(Path page) throws IOException {
    var links = Pattern.compile("]\\((?!http)([^)#]+)[^)]*\\)").matcher(Files.readString(page)).results().map(link -> link.group(1))
        .toList();
    assertFalse(links.isEmpty());
    assertEquals(List.of(), links.stream().filter(link -> !Files.exists(page.resolveSibling(link))).toList());
  }

  static Stream<Path> pages() {
    return Stream.of("README.md", "docs/PORTING.md", "docs/FINETUNING.md", "docs/PERFORMANCE.md", "docs/ARCHITECTURE.md")
        .map(Checkout.ROOT::resolve);
  }
}
