package org.flambeau.io;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.Storage;
import org.jspecify.annotations.Nullable;

/// A storage as a `.pth` file tells of it. Legacy files tell where its bytes lie only after the pickle that names it.
final class StoredStorage {
  /// As large as what backends keep in Java arrays: such values are read without asking a device.
  private static final int SMALL = 4096;

  private final MappedFile source;
  private final String key;
  private final DType dtype;
  private final long numel;
  private final @Nullable StoredStorage root;
  private final long begin;
  private @Nullable MemorySegment bytes;
  private @Nullable Storage storage;

  /// @throws CheckpointException where `numel` is no number of elements
  StoredStorage(MappedFile source, String key, DType dtype, long numel) {
    this(source, key, dtype, numel, null, 0);
  }

  private StoredStorage(MappedFile source, String key, DType dtype, long numel, @Nullable StoredStorage root, long begin) {
    if (numel < 0 || numel > Long.MAX_VALUE / dtype.size()) {
      throw source.error("expected a number of elements for storage \"" + Quoted.text(key) + "\", got " + numel);
    }
    this.source = source;
    this.key = key;
    this.dtype = dtype;
    this.numel = numel;
    this.root = root;
    this.begin = begin;
  }

  /// A part of this storage, which old files know by a key of its own.
  StoredStorage view(String key, long offset, long numel) {
    if (offset < 0 || numel < 0 || offset > this.numel - numel) {
      throw source.error("expected a view within storage \"" + Quoted.text(this.key) + "\" of " + this.numel + " elements, got " + numel
          + " from " + offset);
    }
    return new StoredStorage(source, key, dtype, numel, root == null ? this : root, begin + offset);
  }

  String key() {
    return key;
  }

  DType dtype() {
    return dtype;
  }

  long numel() {
    return numel;
  }

  /// The number within [#open()] of its first element.
  long begin() {
    return begin;
  }

  long byteSize() {
    return numel * dtype.size();
  }

  boolean isWritten() {
    return bytes != null;
  }

  /// Tells where in the file its bytes lie.
  void setBytes(MemorySegment bytes) {
    if (bytes.byteSize() != byteSize()) {
      throw source.error("expected " + byteSize() + " bytes for storage \"" + Quoted.text(key) + "\" of " + numel + " elements of "
          + dtype.label() + ", got " + bytes.byteSize());
    }
    this.bytes = bytes;
  }

  /// Reads a count of elements, and takes the bytes that follow.
  void read(ByteCursor in) {
    long count = in.int64();
    if (count != numel) {
      throw source.error("expected " + numel + " elements in storage \"" + Quoted.text(key) + "\", got " + count);
    }
    setBytes(in.take(byteSize()));
  }

  /// Checks that the file says of the storage what it said before.
  void requireSame(DType dtype, long numel) {
    if (this.dtype != dtype || this.numel != numel) {
      throw source.error("expected storage \"" + Quoted.text(key) + "\" to be of " + this.numel + " elements of " + this.dtype.label()
          + " as before, got " + numel + " of " + dtype.label());
    }
  }

  /// The storage itself, the same one each time: over the file, unless that is read-only or has its bytes unaligned.
  Storage open() {
    if (root != null) {
      return root.open();
    }
    Storage open = storage;
    if (open == null) {
      MemorySegment there = bytes;
      if (there == null) {
        throw source.error("expected the bytes of storage \"" + Quoted.text(key) + "\", got none");
      }
      if (dtype == DType.BOOL) {
        checkBooleans(there);
      }
      storage = open = over(there);
    }
    return open;
  }

  private Storage over(MemorySegment there) {
    if (there.byteSize() <= SMALL) {
      return new Storage(Device.CPU, there.toArray(ValueLayout.JAVA_BYTE));
    }
    if (source.writable() && there.address() % dtype.size() == 0) {
      return Storage.foreign(Device.CPU, there);
    }
    return Storage.foreign(Device.CPU, Arena.ofAuto().allocate(there.byteSize(), 64).copyFrom(there));
  }

  private void checkBooleans(MemorySegment there) {
    for (long i = 0; i < there.byteSize(); i++) {
      byte value = there.get(ValueLayout.JAVA_BYTE, i);
      if ((value & ~1) != 0) {
        throw source
            .error("expected booleans of 0 or 1 in storage \"" + Quoted.text(key) + "\", got " + (value & 0xff) + " at element " + i);
      }
    }
  }
}
