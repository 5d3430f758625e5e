package org.flambeau.io;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/// The records of a zip file as parts of the mapped file. Those that are used must be stored, not compressed.
///
/// Zip libraries copy records, and tell not where they lie. This one reads the central directory, ZIP64 included; opening checks that no
/// two records have one name or share bytes.
///
/// Reference: PKWARE's APPNOTE.TXT.
final class ZipArchive {
  private static final int END = 0x06054b50;
  private static final int END_SIZE = 22;
  private static final int END64_LOCATOR = 0x07064b50;
  private static final int END64_LOCATOR_SIZE = 20;
  private static final int END64 = 0x06064b50;
  private static final int END64_SIZE = 56;
  private static final int CENTRAL = 0x02014b50;
  private static final int CENTRAL_SIZE = 46;
  private static final int LOCAL = 0x04034b50;
  private static final int LOCAL_SIZE = 30;
  private static final int MAX_COMMENT = 0xffff;
  private static final int ENCRYPTED = 1;
  private static final int ZIP64_EXTRA = 1;

  private static final long IN_ZIP64 = 0xffff_ffffL;

  /// @param checksum the bytes' CRC-32; 0 where whoever wrote the file did not compute it
  /// @param isStored whether the bytes are the record's content as it is
  private record Entry(String name, long header, long size, int checksum, boolean isStored) {}

  private record Located(Entry entry, MemorySegment bytes) {}

  private final MappedFile source;
  private final Map<String, Located> records = new LinkedHashMap<>();

  private ZipArchive(MappedFile source) {
    this.source = source;
  }

  static boolean isZip(MappedFile source) {
    return source.size() >= 4 && new ByteCursor(source, source.bytes(), "the file").int32() == LOCAL;
  }

  static ZipArchive open(MappedFile source) {
    var archive = new ZipArchive(source);
    archive.read();
    return archive;
  }

  Set<String> names() {
    return Collections.unmodifiableSet(records.keySet());
  }

  /// The bytes of the record called `name`, or null where there is none.
  @Nullable MemorySegment get(String name) {
    Located found = records.get(name);
    if (found == null) {
      return null;
    }
    if (!found.entry.isStored) {
      throw source.error("expected record \"" + Quoted.text(name) + "\" to be stored as it is, got one that is compressed or encrypted");
    }
    int expected = found.entry.checksum;
    int actual = expected == 0 ? 0 : checksum(found.bytes);
    if (actual != expected) {
      throw source.error("expected the checksum " + Integer.toHexString(expected) + " of record \"" + Quoted.text(name) + "\", got "
          + Integer.toHexString(actual) + ": the file is damaged");
    }
    return found.bytes;
  }

  static int checksum(MemorySegment bytes) {
    var crc = new CRC32();
    int step = 1 << 30;
    for (long at = 0; at < bytes.byteSize(); at += step) {
      crc.update(bytes.asSlice(at, Math.min(step, bytes.byteSize() - at)).asByteBuffer());
    }
    return (int) crc.getValue();
  }

  private ByteCursor at(long position, long size, String what) {
    return new ByteCursor(source, source.slice(position, size, what), what);
  }

  // ---- the directory ----

  private void read() {
    long end = findEnd();
    ByteCursor record = at(end, END_SIZE, "the zip's end record");
    record.skip(10);
    long count = record.uint16();
    long size = record.uint32();
    long start = record.uint32();
    if (end >= END64_LOCATOR_SIZE && at(end - END64_LOCATOR_SIZE, 4, "the zip's locator").int32() == END64_LOCATOR) {
      ByteCursor locator = at(end - END64_LOCATOR_SIZE, END64_LOCATOR_SIZE, "the zip's locator");
      locator.skip(8);
      ByteCursor record64 = at(locator.int64(), END64_SIZE, "the zip64 end record");
      if (record64.int32() != END64) {
        throw source.error("expected a zip64 end record where the locator says, got other bytes");
      }
      record64.skip(28);
      count = record64.int64();
      size = record64.int64();
      start = record64.int64();
    }
    MemorySegment directory = source.slice(start, size, "the zip's directory");
    if (count < 0 || count > size / CENTRAL_SIZE || start + size > end) {
      throw source.error("expected the zip's directory of " + Long.toUnsignedString(count) + " records in " + size
          + " bytes before its end record, got one that does not fit");
    }
    readDirectory(new ByteCursor(source, directory, "the zip's directory"), count, start);
  }

  private long findEnd() {
    for (long at = source.size() - END_SIZE; at >= Math.max(0, source.size() - END_SIZE - MAX_COMMENT); at--) {
      ByteCursor cursor = at(at, END_SIZE, "the zip's end record");
      if (cursor.int32() == END) {
        cursor.skip(END_SIZE - 6);
        if (at + END_SIZE + cursor.uint16() == source.size()) {
          return at;
        }
      }
    }
    throw source.error("expected a zip's end record in the file's last bytes, got none: the file is cut off");
  }

  private void readDirectory(ByteCursor in, long count, long limit) {
    List<Entry> entries = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      entries.add(readEntry(in));
    }
    entries.sort(Comparator.comparingLong(Entry::header));
    long last = 0;
    for (Entry entry : entries) {
      if (entry.header < last) {
        throw source.error("expected records that share no bytes, got \"" + Quoted.text(entry.name) + "\" at " + entry.header
            + " before the end of another at " + last);
      }
      MemorySegment data = data(entry, limit);
      last = data.address() - source.bytes().address() + data.byteSize();
      if (records.put(entry.name, new Located(entry, data)) != null) {
        throw source.error("expected one record \"" + Quoted.text(entry.name) + "\", got two");
      }
    }
  }

  private Entry readEntry(ByteCursor in) {
    if (in.int32() != CENTRAL) {
      throw source.error("expected a record in the zip's directory, got other bytes");
    }
    in.skip(4);
    int flags = in.uint16();
    int method = in.uint16();
    in.skip(4);
    int checksum = in.int32();
    long compressed = in.uint32();
    long size = in.uint32();
    int nameSize = in.uint16();
    int extraSize = in.uint16();
    int commentSize = in.uint16();
    in.skip(8);
    long header = in.uint32();
    String name = in.text(nameSize);
    var extra = new ByteCursor(source, in.take(extraSize), "the zip's directory");
    in.skip(commentSize);
    while (extra.position() + 4 <= extraSize) {
      int id = extra.uint16();
      int length = extra.uint16();
      if (id == ZIP64_EXTRA) {
        size = size == IN_ZIP64 ? extra.int64() : size;
        compressed = compressed == IN_ZIP64 ? extra.int64() : compressed;
        header = header == IN_ZIP64 ? extra.int64() : header;
        break;
      }
      extra.skip(length);
    }
    return new Entry(name, header, compressed, checksum, method == 0 && compressed == size && (flags & ENCRYPTED) == 0);
  }

  /// What follows the record's own header, whose name must be the directory's.
  private MemorySegment data(Entry entry, long limit) {
    ByteCursor in = at(entry.header, LOCAL_SIZE, "record \"" + Quoted.text(entry.name) + "\"");
    boolean isHeader = in.int32() == LOCAL;
    in.skip(LOCAL_SIZE - 8);
    int nameSize = in.uint16();
    int extraSize = in.uint16();
    String what = "record \"" + Quoted.text(entry.name) + "\"";
    if (!isHeader || !at(entry.header + LOCAL_SIZE, nameSize, what).text(nameSize).equals(entry.name)) {
      throw source.error("expected " + what + " at " + entry.header + ", got other bytes");
    }
    long begin = entry.header + LOCAL_SIZE + nameSize + extraSize;
    MemorySegment data = source.slice(begin, entry.size, what);
    if (begin + entry.size > limit) {
      throw source.error("expected " + what + " to end before the zip's directory at " + limit + ", got " + (begin + entry.size));
    }
    return data;
  }
}
