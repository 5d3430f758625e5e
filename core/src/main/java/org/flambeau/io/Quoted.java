package org.flambeau.io;

/// Text from a file, made fit for a message: short, and without what would move a terminal's cursor.
final class Quoted {
  private static final int MOST = 100;

  private Quoted() {}

  static String text(String text) {
    String head = text.length() > MOST ? text.substring(0, MOST) + "..." : text;
    return head.chars().allMatch(c -> c >= ' ' && c < 0x7f) ? head : escaped(head);
  }

  private static String escaped(String text) {
    var escaped = new StringBuilder();
    for (char c : text.toCharArray()) {
      if (Character.isLetterOrDigit(c) || c >= ' ' && c < 0x7f) {
        escaped.append(c);
      } else {
        escaped.append("\\u").append(Character.forDigit(c >> 12, 16)).append(Character.forDigit(c >> 8 & 15, 16))
            .append(Character.forDigit(c >> 4 & 15, 16)).append(Character.forDigit(c & 15, 16));
      }
    }
    return escaped.toString();
  }
}
