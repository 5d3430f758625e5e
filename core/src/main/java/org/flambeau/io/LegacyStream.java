package org.flambeau.io;

import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.io.PickleGlobals.StorageType;
import org.jspecify.annotations.Nullable;

/// Reads the `.pth` format of PyTorch 0.1.10 to 1.5: pickles one after the other, then the storages.
final class LegacyStream {
  private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final long PROTOCOL = 1001;

  private final MappedFile source;
  private final Map<String, StoredStorage> storages = new HashMap<>();
  private final Map<String, StoredStorage> views = new HashMap<>();

  private LegacyStream(MappedFile source) {
    this.source = source;
  }

  static boolean isPickle(MappedFile source) {
    return source.size() >= 2 && new ByteCursor(source, source.bytes(), "the file").uint8() == Opcode.PROTO;
  }

  static @Nullable Object load(MappedFile source) {
    return new LegacyStream(source).load();
  }

  private @Nullable Object load() {
    var in = new ByteCursor(source, source.bytes(), "the file");
    Object magic = Unpickler.load(source, in);
    if (!MAGIC.equals(magic)) {
      throw source.error("expected a checkpoint that torch.save wrote, got a pickle of " + Unpickler.describe(magic));
    }
    Object protocol = Unpickler.load(source, in);
    if (!(protocol instanceof Long number) || number != PROTOCOL) {
      throw source.error("expected the checkpoint's protocol to be " + PROTOCOL + ", got " + Unpickler.describe(protocol));
    }
    requireLittleEndian(source, Unpickler.load(source, in));
    Object root = new Unpickler(source, in, this::storage).load();
    readStorages(in, Unpickler.load(source, in));
    for (StoredStorage storage : storages.values()) {
      if (!storage.isWritten()) {
        throw source.error("expected the bytes of storage \"" + Quoted.text(storage.key()) + "\" behind the pickles, got none");
      }
    }
    return root;
  }

  /// @param info what the file tells of the machine that wrote it
  static void requireLittleEndian(MappedFile source, @Nullable Object info) {
    if (!(info instanceof Map<?, ?> map) || !Boolean.TRUE.equals(map.get("little_endian"))) {
      throw source.error("expected little-endian tensors, got the system " + (info instanceof Map<?, ?> map
          ? "where little_endian is " + Unpickler.describe(map.get("little_endian")) : Unpickler.describe(info)));
    }
  }

  private void readStorages(ByteCursor in, @Nullable Object keys) {
    if (!(keys instanceof List<?> list)) {
      throw source.error("expected a list of storages behind the checkpoint's pickle, got " + Unpickler.describe(keys));
    }
    for (Object key : list) {
      StoredStorage storage = key instanceof String name ? storages.get(name) : null;
      if (storage == null || storage.isWritten()) {
        throw source.error("expected each storage of the checkpoint once, got " + Unpickler.describe(key)
            + (storage == null ? ", which no tensor shows" : " again"));
      }
      storage.read(in);
    }
  }

  /// `("storage", type, key, location, numel, view)`, where a view is a part of the storage with a key of its own.
  private StoredStorage storage(@Nullable Object id) {
    if (!(id instanceof Tuple tuple) || tuple.size() != 6 || !"storage".equals(tuple.get(0))
        || !(tuple.get(1) instanceof StorageType(var dtype)) || !(tuple.get(2) instanceof String key)
        || !(tuple.get(4) instanceof Long numel)) {
      throw source.error("expected a storage's type, key, location, number of elements and view, got " + Unpickler.describe(id));
    }
    StoredStorage root = storages.computeIfAbsent(key, _ -> new StoredStorage(source, key, dtype, numel));
    root.requireSame(dtype, numel);
    return switch (tuple.get(5)) {
      case null -> root;
      case Tuple view when view.size() == 3 && view.get(0) instanceof String name && view.get(1) instanceof Long offset
          && view.get(2) instanceof Long size ->
        views.computeIfAbsent(name, _ -> root.view(name, offset, size));
      case Object other -> throw source.error("expected a view's key, offset and size, got " + Unpickler.describe(other));
    };
  }
}
