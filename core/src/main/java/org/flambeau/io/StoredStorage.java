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
  private @Nullable MemorySegment bytes;
  private @Nullable Storage storage;

  /// @throws CheckpointException where `numel` is no number of elements
  StoredStorage(MappedFile source, String key, DType dtype, long numel) {
    if (numel < 0 || numel > Long.MAX_VALUE / dtype.size()) {
      throw source.error("expected a number of elements for storage \"" + Quoted.text(key) + "\", got " + numel);
    }
    this.source = source;
    this.key = key;
    this.dtype = dtype;
    this.numel = numel;
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

  /// The storage itself, the same one each time: over the file, unless that is read-only or has its bytes unaligned.
  Storage open() {
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
