package org.flambeau.io;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;

/// Writes the zip that `torch.save` writes. Records are stored, and begin at multiples of 64 bytes, so that readers can map them.
///
/// The same tree gives the same bytes.
final class TorchZipWriter {
  private static final int ALIGNMENT = 64;
  private static final int LOCAL_SIZE = 30;
  private static final int ZIP64_EXTRA_SIZE = 20;
  private static final int EXTRA_HEADER_SIZE = 4;
  private static final long ZIP64_FROM = 0xffff_ffffL;
  private static final LocalDateTime TIME = LocalDateTime.of(1980, 2, 1, 0, 0);

  private final FileChannel channel;
  private final ZipOutputStream zip;
  private final byte[] buffer = new byte[1 << 16];
  private long namesHash = 1;
  private long contentHash = 1;

  private TorchZipWriter(FileChannel channel, ZipOutputStream zip) {
    this.channel = channel;
    this.zip = zip;
  }

  static void save(Path file, @Nullable Object tree) {
    var storages = new SavedStorages(tree);
    byte[] pickle = Pickler.write(tree, storages);
    AtomicFile.write(file, channel -> {
      var zip = new ZipOutputStream(new BufferedOutputStream(Channels.newOutputStream(channel)));
      zip.setMethod(ZipOutputStream.STORED);
      new TorchZipWriter(channel, zip).write(pickle, storages);
      zip.finish();
      zip.flush();
    });
  }

  private void write(byte[] pickle, SavedStorages storages) throws IOException {
    record("data.pkl", MemorySegment.ofArray(pickle));
    record(".format_version", "1");
    record(".storage_alignment", String.valueOf(ALIGNMENT));
    record("byteorder", "little");
    for (SavedStorages.Part part : storages.all()) {
      record("data/" + part.key(), part.bytes());
    }
    record("version", "3\n");
    record(".data/serialization_id", digits(namesHash) + digits(contentHash));
  }

  private static String digits(long number) {
    String digits = Long.toUnsignedString(number);
    return "0".repeat(20 - digits.length()) + digits;
  }

  private void record(String name, String content) throws IOException {
    record(name, MemorySegment.ofArray(content.getBytes(StandardCharsets.US_ASCII)));
  }

  private void record(String name, MemorySegment content) throws IOException {
    var entry = new ZipEntry("archive/" + name);
    int checksum = ZipArchive.checksum(content);
    entry.setSize(content.byteSize());
    entry.setCompressedSize(content.byteSize());
    entry.setCrc(Integer.toUnsignedLong(checksum));
    entry.setTimeLocal(TIME);
    zip.flush();
    entry.setExtra(padding(channel.position() + LOCAL_SIZE + entry.getName().length()
        + (content.byteSize() >= ZIP64_FROM ? ZIP64_EXTRA_SIZE : 0)));
    zip.putNextEntry(entry);
    for (long at = 0; at < content.byteSize(); at += buffer.length) {
      int count = (int) Math.min(buffer.length, content.byteSize() - at);
      MemorySegment.copy(content, ValueLayout.JAVA_BYTE, at, buffer, 0, count);
      zip.write(buffer, 0, count);
    }
    zip.closeEntry();
    namesHash = namesHash * 31 + name.hashCode();
    contentHash = contentHash * 0x9e3779b97f4a7c15L + checksum;
  }

  /// An extra field, as PyTorch has it, that makes the content of a record whose header ends before it at `position` aligned.
  private static byte[] padding(long position) {
    int count = (int) Math.floorMod(-(position + EXTRA_HEADER_SIZE), (long) ALIGNMENT);
    byte[] extra = new byte[EXTRA_HEADER_SIZE + count];
    Arrays.fill(extra, (byte) 'Z');
    ByteBuffer.wrap(extra).order(ByteOrder.LITTLE_ENDIAN).put((byte) 'F').put((byte) 'B').putShort((short) count);
    return extra;
  }
}
