package org.flambeau.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.flambeau.io.PickleGlobals.StorageType;
import org.jspecify.annotations.Nullable;

/// Reads the `.pth` format of PyTorch 1.6 and later: a zip with `data.pkl` and a record `data/KEY` for each storage in one folder.
final class TorchZip {
  static final long MAX_PICKLE = 1 << 26;

  private static final String PICKLE = "/data.pkl";

  private final MappedFile source;
  private final ZipArchive archive;
  private final String root;
  private final Map<String, StoredStorage> storages = new HashMap<>();

  private TorchZip(MappedFile source, ZipArchive archive) {
    this.source = source;
    this.archive = archive;
    this.root = root();
  }

  static @Nullable Object load(MappedFile source) {
    return new TorchZip(source, ZipArchive.open(source)).load();
  }

  /// All records lie in one folder, of any name.
  private String root() {
    String found = null;
    for (String name : archive.names()) {
      int slash = name.indexOf('/');
      String folder = slash < 0 ? "" : name.substring(0, slash);
      if (folder.isEmpty() || found != null && !found.equals(folder)) {
        throw source.error("expected a checkpoint, whose records lie in one folder, got \"" + Quoted.text(name) + "\"");
      }
      found = folder;
    }
    if (found == null || !archive.names().contains(found + PICKLE)) {
      throw source.error("expected a checkpoint with a record data.pkl, got a zip without one");
    }
    return found;
  }

  private @Nullable Object load() {
    if (archive.names().contains(root + "/constants.pkl")) {
      throw source.error("is a TorchScript program, which torch.jit.save wrote: expected a checkpoint that torch.save wrote");
    }
    MemorySegment byteOrder = archive.get(root + "/byteorder");
    if (byteOrder != null && !isLittle(byteOrder)) {
      throw source.error("expected little-endian tensors, got the byte order " + Quoted.text(text(byteOrder)));
    }
    MemorySegment pickle = archive.get(root + PICKLE);
    if (pickle == null || pickle.byteSize() > MAX_PICKLE) {
      throw source.error("expected a data.pkl of at most " + MAX_PICKLE + " bytes, got " + (pickle == null ? "none" : pickle.byteSize()));
    }
    return new Unpickler(source, new ByteCursor(source, pickle, "data.pkl"), this::storage).load();
  }

  private static boolean isLittle(MemorySegment byteOrder) {
    return text(byteOrder).equals("little");
  }

  private static String text(MemorySegment bytes) {
    return new String(bytes.asSlice(0, Math.min(bytes.byteSize(), 64)).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
  }

  /// `("storage", type, key, location, numel)`; whatever the location was, the bytes go to the CPU.
  private StoredStorage storage(@Nullable Object id) {
    if (!(id instanceof Tuple tuple) || tuple.size() != 5 || !"storage".equals(tuple.get(0))
        || !(tuple.get(1) instanceof StorageType type) || !(tuple.get(2) instanceof String key) || !(tuple.get(4) instanceof Long numel)) {
      throw source.error("expected a storage's type, key, location and number of elements, got " + Unpickler.describe(id));
    }
    StoredStorage known = storages.get(key);
    if (known == null) {
      MemorySegment bytes = archive.get(root + "/data/" + key);
      if (bytes == null) {
        throw source.error("expected a record data/" + Quoted.text(key) + ", got none");
      }
      known = new StoredStorage(source, key, type.dtype(), numel);
      known.setBytes(bytes);
      storages.put(key, known);
    }
    known.requireSame(type.dtype(), numel);
    return known;
  }
}
