package org.flambeau.build;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// What an example says behind `// →` that it prints: a text, which may go on in the comment lines below, and a remark that three spaces
/// set off. A remark that begins with `N times` repeats the text; one that says `one SLF4J warning: "..."` expects that on stderr.
record Expectation(String text, String remark) {
  private static final String ARROW = "// → ";
  /// What stands in front of a continued line; as wide as the arrow, so that columns line up.
  private static final String CONTINUED = "//   ";
  private static final Pattern GAP = Pattern.compile(" {3,}");
  private static final Pattern TIMES = Pattern.compile("^(\\d+) times\\b");
  private static final Pattern WARNING = Pattern.compile("one SLF4J warning: \"(.*?)(?: \\.\\.\\.)?\"");

  static List<Expectation> of(Path example) throws IOException {
    var found = new ArrayList<Expectation>();
    boolean open = false;
    for (String line : Files.readAllLines(example)) {
      int arrow = line.indexOf(ARROW);
      if (arrow >= 0) {
        String[] parts = GAP.split(line.substring(arrow + ARROW.length()), 2);
        found.add(new Expectation(parts[0], parts.length == 2 ? parts[1] : ""));
        open = true;
      } else if (open && line.strip().startsWith(CONTINUED)) {
        found.add(found.removeLast().continued(line.strip().substring(CONTINUED.length())));
      } else {
        open = false;
      }
    }
    return found;
  }

  private Expectation continued(String line) {
    return remark.isEmpty() ? new Expectation(text + "\n" + line, "") : new Expectation(text, remark + " " + line.strip());
  }

  /// The text as the program prints it, with every repetition.
  String printed() {
    var times = TIMES.matcher(remark);
    return (text + "\n").repeat(times.find() ? Integer.parseInt(times.group(1)) : 1);
  }

  /// The beginnings of the warnings that the remark announces.
  List<String> warnings() {
    return WARNING.matcher(remark).results().map(match -> match.group(1)).toList();
  }
}
