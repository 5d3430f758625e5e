package org.flambeau.io;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.flambeau.DType;
import org.flambeau.internal.memory.HostAccess;
import org.flambeau.internal.text.Shapes;
import org.flambeau.io.SafetensorsHeader.Tensor;
import org.jspecify.annotations.Nullable;

/// A safetensors file, mapped into memory: named arrays and a map of strings.
///
/// The file is `u64 n`, `n` bytes of JSON, then the tensors' bytes, row-major and little-endian, without gap or overlap. Opening checks
/// all of that before any tensor can be seen; the tensors' bytes are only touched when they are read.
///
/// DTypes: all of [DType]. A file may hold others, such as `F8_E4M3`: it opens, its other tensors can be read, and asking for that tensor
/// is the error. A checkpoint of which one tensor is of no use here is not thereby useless.
///
/// Errors: [CheckpointException] names the file, what was expected and what came. Truncating a file while it is mapped is an
/// [InternalError] on access.
///
/// Reference: <https://huggingface.co/docs/safetensors>.
public final class Safetensors implements AutoCloseable {
  /// A named array: `data` holds the elements, row-major and little-endian, and need not be aligned.
  public record Entry(String name, DType dtype, long[] shape, MemorySegment data) {
    /// @throws IllegalArgumentException where the bytes of `data` are not what `dtype` and `shape` need
    public Entry {
      shape = shape.clone();
      if (SafetensorsHeader.byteSize(dtype, shape) != data.byteSize()) {
        throw new IllegalArgumentException("[safetensors] \"" + name + "\" of " + dtype + " and shape " + Shapes.tuple(shape)
            + " does not fit " + data.byteSize() + " bytes of data");
      }
    }

    /// A tensor's elements as they are, without a copy where it is contiguous and on the CPU.
    public static Entry of(String name, org.flambeau.Tensor tensor) {
      org.flambeau.Tensor dense = tensor.cpu().contiguous();
      return new Entry(name, dense.dtype(), dense.sizes(), HostAccess.readOnlySegment(dense));
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }

    @Override
    public String toString() {
      return "Entry[" + name + " " + dtype + " " + Shapes.tuple(shape) + "]";
    }
  }

  private final Path file;
  private final Map<String, String> metadata;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final MemorySegment data;
  private final @Nullable Arena owned;

  private Safetensors(Path file, SafetensorsHeader header, MemorySegment data, @Nullable Arena owned) {
    this.file = file;
    this.metadata = header.metadata();
    header.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
    this.data = data;
    this.owned = owned;
  }

  /// Maps `file` until [#close]; its segments can be read from every thread, and no longer after.
  public static Safetensors open(Path file) {
    Arena arena = Arena.ofShared();
    try {
      return open(file, arena, arena);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /// Maps `file` for as long as `arena` lives, which [#close] does not end: with [Arena#ofAuto], for as long as a segment of it is in use.
  public static Safetensors open(Path file, Arena arena) {
    return open(file, arena, null);
  }

  private static Safetensors open(Path file, Arena arena, @Nullable Arena owned) {
    try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
      byte[] json = readHeader(file, channel);
      long start = (long) Long.BYTES + json.length;
      long size = channel.size() - start;
      SafetensorsHeader header = SafetensorsHeader.parse(file, json, size);
      return new Safetensors(file, header, channel.map(MapMode.READ_ONLY, start, size, arena), owned);
    } catch (NoSuchFileException e) {
      throw new CheckpointException(file, "no such file", e);
    } catch (IOException e) {
      throw new CheckpointException(file, "could not be read: " + Trouble.reason(e), e);
    }
  }

  private static byte[] readHeader(Path file, FileChannel channel) throws IOException {
    if (channel.size() < Long.BYTES) {
      throw new CheckpointException(file, "expected a safetensors file, which has at least 8 bytes, got " + channel.size());
    }
    long length = read(file, channel, Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).getLong();
    long most = Math.min(SafetensorsHeader.MAX_BYTES, channel.size() - Long.BYTES);
    if (Long.compareUnsigned(length, most) > 0) {
      throw new CheckpointException(file, "expected a safetensors header of at most " + most + " bytes in a file of " + channel.size()
          + ", got a length of " + Long.toUnsignedString(length));
    }
    return read(file, channel, (int) length).array();
  }

  private static ByteBuffer read(Path file, FileChannel channel, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes) < 0) {
        throw new CheckpointException(file, "was truncated while it was read");
      }
    }
    return bytes.flip();
  }

  /// The strings stored beside the tensors.
  public Map<String, String> metadata() {
    return metadata;
  }

  /// The tensors' names, in the order of their bytes.
  public Set<String> names() {
    return Collections.unmodifiableSet(tensors.keySet());
  }

  /// The tensor called `name`; its data is a part of the mapped file.
  ///
  /// @throws CheckpointException where there is none, or its dtype is none of [DType]
  public Entry get(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new CheckpointException(file, "expected a tensor \"" + name + "\", got " + tensors.size() + " tensors of other names: "
          + tensors.keySet().stream().limit(8).collect(Collectors.joining(", ")) + (tensors.size() > 8 ? ", ..." : ""));
    }
    DType dtype = SafetensorsHeader.dtype(tensor.dtype());
    if (dtype == null) {
      throw new CheckpointException(file, "tensor \"" + name + "\" has dtype " + tensor.dtype() + ", expected one of "
          + String.join(", ", SafetensorsHeader.dtypes()));
    }
    var entry = new Entry(name, dtype, tensor.shape(), data.asSlice(tensor.begin(), tensor.end() - tensor.begin()));
    if (dtype == DType.BOOL) {
      checkBooleans(entry);
    }
    return entry;
  }

  /// All tensors, in the order of their bytes.
  public List<Entry> entries() {
    return tensors.keySet().stream().map(this::get).toList();
  }

  private void checkBooleans(Entry entry) {
    for (long i = 0; i < entry.data().byteSize(); i++) {
      byte value = entry.data().get(ValueLayout.JAVA_BYTE, i);
      if ((value & ~1) != 0) {
        throw new CheckpointException(file, "tensor \"" + entry.name() + "\": expected booleans of 0 or 1, got " + (value & 0xff)
            + " at element " + i);
      }
    }
  }

  /// Ends the mapping that [#open(Path)] began; its segments then throw [IllegalStateException].
  @Override
  public void close() {
    if (owned != null) {
      owned.close();
    }
  }

  /// [#save(Path, Collection, Map)] without strings.
  public static void save(Path file, Collection<Entry> entries) {
    save(file, entries, Map.of());
  }

  /// Writes `entries` and `metadata`, replacing `file` as a whole or not at all. The same content gives the same bytes, whatever its
  /// order, and they are those of the reference library.
  ///
  /// @throws IllegalArgumentException where two entries have one name, or one is called `__metadata__`
  /// @throws CheckpointException where the file cannot be written
  public static void save(Path file, Collection<Entry> entries, Map<String, String> metadata) {
    List<Entry> sorted = SafetensorsHeader.sorted(entries);
    byte[] json = SafetensorsHeader.write(sorted, metadata);
    AtomicFile.write(file, channel -> {
      var buffer = ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
      writeFully(channel, buffer.putLong(json.length).flip());
      writeFully(channel, ByteBuffer.wrap(json));
      for (Entry entry : sorted) {
        writeFully(channel, entry.data(), buffer);
      }
    });
  }

  /// By way of `buffer`: a segment may belong to one thread or be of any Java array, which channels do not take.
  private static void writeFully(FileChannel channel, MemorySegment data, ByteBuffer buffer) throws IOException {
    MemorySegment target = MemorySegment.ofBuffer(buffer.clear());
    for (long at = 0; at < data.byteSize(); at += target.byteSize()) {
      int count = (int) Math.min(target.byteSize(), data.byteSize() - at);
      MemorySegment.copy(data, at, target, 0, count);
      writeFully(channel, buffer.clear().limit(count));
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
