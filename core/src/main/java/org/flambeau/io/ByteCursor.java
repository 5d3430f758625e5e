package org.flambeau.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/// Reads a part of a file from its beginning on, little-endian; what lies behind its end is an error.
final class ByteCursor {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong BIG_LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private final MappedFile source;
  private final MemorySegment bytes;
  private final String what;
  private long position;

  /// @param what names the part in messages
  ByteCursor(MappedFile source, MemorySegment bytes, String what) {
    this.source = source;
    this.bytes = bytes;
    this.what = what;
  }

  long position() {
    return position;
  }

  private long advance(long count) {
    long at = position;
    if (count < 0 || count > bytes.byteSize() - at) {
      throw error("expected " + Long.toUnsignedString(count) + " more bytes at " + at + " of " + what + ", got its end at "
          + bytes.byteSize());
    }
    position = at + count;
    return at;
  }

  int uint8() {
    return bytes.get(ValueLayout.JAVA_BYTE, advance(1)) & 0xff;
  }

  int uint16() {
    return bytes.get(SHORT, advance(2)) & 0xffff;
  }

  int int32() {
    return bytes.get(INT, advance(4));
  }

  long uint32() {
    return int32() & 0xffff_ffffL;
  }

  long int64() {
    return bytes.get(LONG, advance(8));
  }

  double bigEndianFloat64() {
    return Double.longBitsToDouble(bytes.get(BIG_LONG, advance(8)));
  }

  MemorySegment take(long count) {
    return bytes.asSlice(advance(count), count);
  }

  void skip(long count) {
    advance(count);
  }

  byte[] array(long count) {
    MemorySegment part = take(count);
    if (count > Integer.MAX_VALUE - 8) {
      throw error("expected parts of less than 2 GiB in " + what + ", got one of " + count + " bytes");
    }
    return part.toArray(ValueLayout.JAVA_BYTE);
  }

  String text(long count) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(array(count))).toString();
    } catch (CharacterCodingException e) {
      throw error("expected text in UTF-8 in " + what + ", got other bytes before " + position);
    }
  }

  /// Up to the next line feed, which is read too.
  String line(int most) {
    long end = position;
    while (end < bytes.byteSize() && end - position <= most && bytes.get(ValueLayout.JAVA_BYTE, end) != '\n') {
      end++;
    }
    if (end == bytes.byteSize() || end - position > most) {
      throw error("expected a line of at most " + most + " bytes at " + position + " of " + what + ", got none");
    }
    String line = text(end - position);
    skip(1);
    return line;
  }

  CheckpointException error(String problem) {
    return source.error(problem);
  }
}
