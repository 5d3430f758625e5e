package org.flambeau.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.io.PickleGlobals.StorageType;
import org.jspecify.annotations.Nullable;

/// Reads the `.pth` format before PyTorch 0.1.10: a tar of `sys_info`, `pickle`, `storages` and `tensors`.
///
/// Tensors stand in `tensors`, their storages in `storages`; the pickle refers to tensors by number.
final class TarFile {
  private static final int BLOCK = 512;
  private static final int CHECKSUM_AT = 148;
  private static final int TYPE_AT = 156;

  private final MappedFile source;
  private final Map<String, MemorySegment> members = new HashMap<>();
  private final Map<String, StoredStorage> storages = new HashMap<>();
  private final Map<String, StoredTensor> tensors = new HashMap<>();

  private TarFile(MappedFile source) {
    this.source = source;
  }

  /// Whether the file begins with the header of a member.
  static boolean isTar(MappedFile source) {
    return source.size() >= BLOCK && isHeader(source.bytes().asSlice(0, BLOCK));
  }

  static @Nullable Object load(MappedFile source) {
    var file = new TarFile(source);
    file.readMembers();
    LegacyStream.requireLittleEndian(source, Unpickler.load(source, file.member("sys_info")));
    file.readStorages(file.member("storages"));
    file.readTensors(file.member("tensors"));
    return new Unpickler(source, file.member("pickle"), file::tensor).load();
  }

  // ---- the archive ----

  private void readMembers() {
    for (long at = 0; at + BLOCK <= source.size();) {
      MemorySegment header = source.bytes().asSlice(at, BLOCK);
      if (header.get(ValueLayout.JAVA_BYTE, 0) == 0) {
        return; // the archive's end
      }
      if (!isHeader(header)) {
        throw source.error("expected a tar member's header at " + at + ", got other bytes");
      }
      String name = text(header, 0, 100);
      long size = octal(header, 124, 12);
      MemorySegment content = source.slice(at + BLOCK, size, "tar member \"" + Quoted.text(name) + "\"");
      byte type = header.get(ValueLayout.JAVA_BYTE, TYPE_AT);
      if ((type == '0' || type == 0) && members.put(name, content) != null) {
        throw source.error("expected one tar member \"" + Quoted.text(name) + "\", got two");
      }
      at += BLOCK + Math.ceilDiv(size, BLOCK) * BLOCK;
    }
  }

  private ByteCursor member(String name) {
    MemorySegment content = members.get(name);
    if (content == null) {
      throw source.error("expected a checkpoint of PyTorch's oldest format with a member " + name + ", got a tar without one");
    }
    return new ByteCursor(source, content, name);
  }

  private static boolean isHeader(MemorySegment header) {
    int sum = 8 * ' ';
    for (int i = 0; i < BLOCK; i++) {
      if (i < CHECKSUM_AT || i >= CHECKSUM_AT + 8) {
        sum += header.get(ValueLayout.JAVA_BYTE, i) & 0xff;
      }
    }
    return octal(header, CHECKSUM_AT, 8) == sum;
  }

  private static String text(MemorySegment header, int at, int size) {
    int end = at;
    while (end < at + size && header.get(ValueLayout.JAVA_BYTE, end) != 0) {
      end++;
    }
    return new String(header.asSlice(at, end - at).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
  }

  /// A number in octal digits, or -1.
  private static long octal(MemorySegment header, int at, int size) {
    String digits = text(header, at, size).strip();
    return digits.matches("[0-7]+") ? Long.parseLong(digits, 8) : -1;
  }

  // ---- storages and tensors ----

  private void readStorages(ByteCursor in) {
    for (long left = count(in); left > 0; left--) {
      Object id = Unpickler.load(source, in);
      if (!(id instanceof Tuple tuple) || tuple.size() != 3 || !(tuple.get(2) instanceof StorageType(var dtype))) {
        throw source.error("expected a storage's key, location and type, got " + Unpickler.describe(id));
      }
      String key = key(tuple.get(0));
      long numel = in.int64();
      var storage = new StoredStorage(source, key, dtype, numel);
      storage.setBytes(in.take(storage.byteSize()));
      put(key, storage);
    }
    Object views = Unpickler.load(source, in);
    if (!(views instanceof List<?> list)) {
      throw source.error("expected a list of views behind the storages, got " + Unpickler.describe(views));
    }
    for (Object item : list) {
      if (!(item instanceof Tuple view) || view.size() != 4 || !(view.get(2) instanceof Long offset)
          || !(view.get(3) instanceof Long numel)) {
        throw source.error("expected a view's key, storage, offset and size, got " + Unpickler.describe(item));
      }
      String key = key(view.get(0));
      put(key, storage(view.get(1)).view(key, offset, numel));
    }
  }

  private void put(String key, StoredStorage storage) {
    if (storages.put(key, storage) != null) {
      throw source.error("expected one storage " + key + ", got two");
    }
  }

  private StoredStorage storage(@Nullable Object id) {
    StoredStorage storage = storages.get(key(id));
    if (storage == null) {
      throw source.error("expected a storage " + key(id) + ", got none");
    }
    return storage;
  }

  private void readTensors(ByteCursor in) {
    for (long left = count(in); left > 0; left--) {
      Object id = Unpickler.load(source, in);
      if (!(id instanceof Tuple tuple) || tuple.size() != 3 || !(tuple.get(2) instanceof StorageType)) {
        throw source.error("expected a tensor's key, storage and type, got " + Unpickler.describe(id));
      }
      StoredStorage storage = storage(tuple.get(1));
      int rank = in.int32();
      in.skip(4);
      if (rank < 0 || rank > StoredTensor.MAX_RANK) {
        throw source.error("expected at most " + StoredTensor.MAX_RANK + " dimensions, got " + rank);
      }
      long[] sizes = numbers(in, rank);
      long[] strides = numbers(in, rank);
      StoredTensor tensor = StoredTensor.of(source, storage, in.int64(), sizes, strides);
      if (tensors.put(key(tuple.get(0)), tensor) != null) {
        throw source.error("expected one tensor " + key(tuple.get(0)) + ", got two");
      }
    }
  }

  private static long[] numbers(ByteCursor in, int count) {
    long[] numbers = new long[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = in.int64();
    }
    return numbers;
  }

  private long count(ByteCursor in) {
    Object count = Unpickler.load(source, in);
    if (!(count instanceof Long number) || number < 0) {
      throw source.error("expected a number of entries, got " + Unpickler.describe(count));
    }
    return number;
  }

  private StoredTensor tensor(@Nullable Object id) {
    StoredTensor tensor = tensors.get(key(id));
    if (tensor == null) {
      throw source.error("expected a tensor " + key(id) + ", got none");
    }
    return tensor;
  }

  /// Addresses of the machine that wrote the file, as a number or its digits.
  private String key(@Nullable Object id) {
    return switch (id) {
      case Long number -> number.toString();
      case BigInteger number when number.bitLength() <= 2 * Long.SIZE -> number.toString();
      case String digits when digits.length() <= 40 && digits.matches("-?[0-9]+") -> digits;
      case null, default -> throw source.error("expected a number as a key, got " + Unpickler.describe(id));
    };
  }
}
