package org.flambeau.cli.training;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;
import org.flambeau.io.CheckpointException;
import org.flambeau.io.Trouble;

/// A file of scalars that TensorBoard shows: `Event` messages in protobuf's format, framed as TFRecords.
///
/// A record is its length (uint64), the masked CRC-32C of these eight bytes, the message, and the masked CRC-32C of the message.
///
/// Reference: `tensorboard/compat/proto/event.proto` and `summary.proto`; <https://www.tensorflow.org/tutorials/load_data/tfrecord>.
final class EventFile implements AutoCloseable {
  private static final int WALL_TIME = 1, STEP = 2, FILE_VERSION = 3, SUMMARY = 5; // of Event
  private static final int VALUE = 1; // of Summary
  private static final int TAG = 1, SIMPLE_VALUE = 2; // of Summary.Value
  private static final int VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5; // protobuf's wire types

  private final Path file;
  private final FileChannel channel;

  private EventFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /// A new file in `folder`, which is made where it does not exist. TensorBoard shows all files of a folder as one run.
  static EventFile create(Path folder) {
    long now = System.currentTimeMillis();
    Path file = folder.resolve("events.out.tfevents." + now / 1000 + "." + ProcessHandle.current().pid() + "." + now % 1000);
    try {
      Files.createDirectories(folder);
      var events = new EventFile(file, FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
      events.append(new Message().time(WALL_TIME, now / 1e3).text(FILE_VERSION, "brain.Event:2"));
      return events;
    } catch (IOException e) {
      throw new CheckpointException(file, "could not be written: " + Trouble.reason(e), e);
    }
  }

  /// Writes values of one step.
  void scalars(long step, Map<String, Double> values) {
    Message summary = new Message();
    values.forEach((tag, value) -> summary.message(VALUE, new Message().text(TAG, tag).real(SIMPLE_VALUE, value.floatValue())));
    append(new Message().time(WALL_TIME, System.currentTimeMillis() / 1e3).integer(STEP, step).message(SUMMARY, summary));
  }

  private void append(Message message) {
    ByteBuffer data = message.bytes();
    ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(data.remaining()).flip();
    ByteBuffer record = ByteBuffer.allocate(data.remaining() + 16).order(ByteOrder.LITTLE_ENDIAN);
    record.put(length.duplicate()).putInt(maskedCrc(length)).put(data.duplicate()).putInt(maskedCrc(data)).flip();
    try {
      while (record.hasRemaining()) {
        channel.write(record);
      }
    } catch (IOException e) {
      throw new CheckpointException(file, "could not be written: " + Trouble.reason(e), e);
    }
  }

  private static int maskedCrc(ByteBuffer data) {
    CRC32C crc = new CRC32C();
    crc.update(data.duplicate());
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new CheckpointException(file, "could not be closed: " + Trouble.reason(e), e);
    }
  }

  /// A message of protobuf's, field after field.
  private static final class Message {
    private ByteBuffer buffer = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);

    Message time(int field, double seconds) {
      key(field, FIXED64, Double.BYTES).putDouble(seconds);
      return this;
    }

    Message real(int field, float value) {
      key(field, FIXED32, Float.BYTES).putFloat(value);
      return this;
    }

    Message integer(int field, long value) {
      key(field, VARINT, 10);
      varint(value);
      return this;
    }

    Message text(int field, String text) {
      return bytes(field, StandardCharsets.UTF_8.encode(text));
    }

    Message message(int field, Message message) {
      return bytes(field, message.bytes());
    }

    private Message bytes(int field, ByteBuffer bytes) {
      key(field, BYTES, 10 + bytes.remaining());
      varint(bytes.remaining());
      buffer.put(bytes);
      return this;
    }

    ByteBuffer bytes() {
      return buffer.duplicate().flip();
    }

    /// Writes what a field begins with, after making room for it and `bytes` more.
    private ByteBuffer key(int field, int wireType, int bytes) {
      if (buffer.remaining() < bytes + 5) {
        buffer = ByteBuffer.allocate(2 * buffer.capacity() + bytes).order(ByteOrder.LITTLE_ENDIAN).put(buffer.flip());
      }
      varint((long) field << 3 | wireType);
      return buffer;
    }

    private void varint(long value) {
      long rest = value;
      for (; (rest & ~0x7f) != 0; rest >>>= 7) {
        buffer.put((byte) (rest | 0x80));
      }
      buffer.put((byte) rest);
    }
  }
}
