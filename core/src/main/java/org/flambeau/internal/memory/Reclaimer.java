package org.flambeau.internal.memory;

import org.flambeau.spi.Reclaimable;
import org.flambeau.spi.Storage;

/// Frees a native block once its storage is unreachable, unless an owner freed it before.
public final class Reclaimer extends Reclaimable {
  private final DeviceMemory memory;
  private final long address;
  private final long bytes;

  private Reclaimer(Storage storage, DeviceMemory memory) {
    super(storage, storage.bytes());
    this.memory = memory;
    this.address = storage.address();
    this.bytes = storage.bytes();
  }

  /// From now on `storage` is freed no later than when the collector finds it unreachable.
  static void watch(Storage storage, DeviceMemory memory) {
    if (storage.heap() == null && !storage.isForeign() && storage.reclaimer() == null) {
      Reclaimer reclaimer = new Reclaimer(storage, memory);
      reclaimer.watch();
      storage.setReclaimer(reclaimer);
      memory.becameUnscoped(storage.bytes());
    }
  }

  /// The last counted owner left.
  public static void freed(Storage storage) {
    Provenance provenance = storage.provenance();
    if (provenance != null) {
      provenance.closedHere();
    }
    if (storage.heap() != null || storage.isForeign()) {
      return;
    }
    Reclaimer reclaimer = storage.reclaimer();
    if (reclaimer == null) {
      DeviceMemory.of(storage.device()).free(storage.address(), storage.bytes());
    } else {
      reclaimer.clear();
      reclaimer.reclaim();
    }
  }

  @Override
  protected void free() {
    memory.freeUnscoped(address, bytes);
  }
}
