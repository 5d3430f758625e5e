package org.flambeau.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// Pickles and checkpoints put together by hand, as strings of which each character is a byte.
final class Pickles {
  static final String PROTO = "\u0080\u0002";

  private Pickles() {}

  /// A whole pickle around what makes its object.
  static String pickle(String body) {
    return PROTO + body + ".";
  }

  static String int32(long value) {
    return latin(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) value).array());
  }

  static String int64(long value) {
    return latin(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }

  static String latin(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  static byte[] bytes(String latin) {
    return latin.getBytes(StandardCharsets.ISO_8859_1);
  }

  static String text(String value) {
    return "X" + int32(value.length()) + value;
  }

  static String number(long value) {
    return "\u008a\u0008" + int64(value);
  }

  static String tuple(String... items) {
    return "(" + String.join("", items) + "t";
  }

  static String numbers(long... values) {
    var items = new StringBuilder("(");
    for (long value : values) {
      items.append(number(value));
    }
    return items + "t";
  }

  static String storage(String type, String key, long numel) {
    return tuple(text("storage"), "ctorch\n" + type + "\n", text(key), text("cpu"), number(numel)) + "Q";
  }

  static String legacyStorage(String key, long numel, String view) {
    return tuple(text("storage"), "ctorch\nFloatStorage\n", text(key), text("cpu"), number(numel), view) + "Q";
  }

  static String tensor(String storage, long offset, String sizes, String strides) {
    return "ctorch._utils\n_rebuild_tensor_v2\n" + tuple(storage, number(offset), sizes, strides, "\u0089", "N") + "R";
  }

  /// A checkpoint whose `data.pkl` makes `body`, with one storage `0` of four floats.
  static byte[] checkpoint(String body) {
    return zip("a/data.pkl", pickle(body), "a/data/0", "\0".repeat(16));
  }

  /// A zip of stored records; names and contents take turns.
  static byte[] zip(String... namesAndContents) {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      zip.setMethod(ZipOutputStream.STORED);
      for (int i = 0; i < namesAndContents.length; i += 2) {
        byte[] content = bytes(namesAndContents[i + 1]);
        var checksum = new CRC32();
        checksum.update(content);
        var entry = new ZipEntry(namesAndContents[i]);
        entry.setSize(content.length);
        entry.setCrc(checksum.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /// A checkpoint of the legacy stream up to the storages' bytes.
  static byte[] legacy(String body, String keys, String storages) {
    return bytes(legacyHead("\u0088") + pickle(body) + pickle(keys) + storages);
  }

  static String legacyHead(String isLittleEndian) {
    return pickle("\u008a\n\u006c\u00fc\u009c\u0046\u00f9\u0020\u006a\u00a8\u0050\u0019") + pickle(number(1001)) + pickle("}"
        + text("little_endian") + isLittleEndian + "s");
  }

  /// A checkpoint of the oldest format; names and contents take turns.
  static byte[] tar(String... namesAndContents) {
    var tar = new StringBuilder();
    for (int i = 0; i < namesAndContents.length; i += 2) {
      String content = namesAndContents[i + 1];
      String name = namesAndContents[i];
      String size = Integer.toOctalString(content.length());
      String head = name + "\0".repeat(124 - name.length()) + "0".repeat(11 - size.length()) + size + "\0".repeat(13);
      String tail = "0" + "\0".repeat(512 - 157);
      int sum = (head + " ".repeat(8) + tail).chars().sum();
      String checksum = Integer.toOctalString(sum);
      tar.append(head).append("0".repeat(6 - checksum.length())).append(checksum).append("\0 ").append(tail).append(content)
          .append("\0".repeat(Math.floorMod(-content.length(), 512)));
    }
    return bytes(tar + "\0".repeat(1024));
  }
}
