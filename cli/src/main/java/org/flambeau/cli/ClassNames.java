package org.flambeau.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/// Reads which classes are meant: names, numbers and ranges of numbers, as in `cat,dog` or `0,5-9`.
final class ClassNames {
  private static final Pattern RANGE = Pattern.compile("(\\d{1,6})(?:-(\\d{1,6}))?");

  private ClassNames() {}

  /// The numbers of the classes that `text` names, all where it is empty.
  ///
  /// @throws MisuseException where there is no such class, one is named twice, or it is the only one
  static List<Integer> parse(String text, List<String> names) {
    if (text.isEmpty()) {
      return IntStream.range(0, names.size()).boxed().toList();
    }
    List<Integer> chosen = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      for (int number : numbers(part.strip(), names)) {
        if (chosen.contains(number)) {
          throw new MisuseException("--classes names " + names.get(number) + " twice");
        }
        chosen.add(number);
      }
    }
    if (chosen.size() < 2) {
      throw new MisuseException("--classes names " + names.get(chosen.getFirst()) + " alone: there is nothing to tell it from");
    }
    return chosen;
  }

  private static List<Integer> numbers(String part, List<String> names) {
    if (names.contains(part)) {
      return List.of(names.indexOf(part));
    }
    Matcher range = RANGE.matcher(part);
    if (range.matches()) {
      int first = Integer.parseInt(range.group(1)), last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
      if (first <= last && last < names.size()) {
        return IntStream.rangeClosed(first, last).boxed().toList();
      }
    }
    throw new MisuseException("--classes: there is no class " + part + "; the " + names.size() + " classes are "
        + String.join(", ", names.subList(0, Math.min(20, names.size()))) + (names.size() > 20 ? ", ..." : ""));
  }
}
