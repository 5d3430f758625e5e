package org.flambeau.spi;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.flambeau.ClosedTensorException;
import org.flambeau.Device;
import org.flambeau.internal.memory.Provenance;
import org.flambeau.internal.memory.Reclaimer;
import org.flambeau.internal.memory.ScopeMembers;
import org.jspecify.annotations.Nullable;

/// One allocation, shared by a tensor, its views and its detached twins.
///
/// It rests either in native memory of its device, at [#address()], or, when small and on the CPU, in a Java array,
/// [#heap()]. Owners are counted: the scope it was allocated in, saved tensors, `.grad`, optimizer states, and every op
/// or copy while it uses it. The last owner to leave frees the memory. What was allocated outside a scope counts the
/// program's references as one owner more, which leaves when the garbage collector finds the storage unreachable.
public final class Storage {
  private static final VarHandle OWNERS;
  private static final VarHandle PACKED;

  static {
    try {
      OWNERS = MethodHandles.lookup().findVarHandle(Storage.class, "owners", int.class);
      PACKED = MethodHandles.lookup().findVarHandle(Storage.class, "packed", PackedAt.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Device device;
  private final long bytes;
  private final byte @Nullable [] heap;
  private final long address;
  private volatile int owners = 1;
  private boolean counted;
  private int version;
  private int mindedVersion;
  private @Nullable MemorySegment foreign;
  private volatile @Nullable PackedAt packed;
  private volatile boolean exposed;

  /// Bookkeeping of core's: the scope that owns it, its net for when it becomes unreachable, where it was made.
  private @Nullable ScopeMembers scope;

  private @Nullable Reclaimer reclaimer;
  private @Nullable Provenance provenance;

  /// A storage in a Java array.
  public Storage(Device device, byte[] heap) {
    this.device = device;
    this.bytes = heap.length;
    this.heap = heap;
    this.address = 0;
  }

  /// A storage in native memory that starts at `address`.
  public Storage(Device device, long address, long bytes) {
    this.device = device;
    this.bytes = bytes;
    this.heap = null;
    this.address = address;
  }

  /// A storage over a native segment that belongs to someone else: it keeps the segment reachable, and never frees it.
  public static Storage foreign(Device device, MemorySegment segment) {
    Storage storage = new Storage(device, segment.address(), segment.byteSize());
    storage.foreign = segment;
    return storage;
  }

  /// Whether the memory is not this library's to free.
  public boolean isForeign() {
    return foreign != null;
  }

  public Device device() {
    return device;
  }

  public long bytes() {
    return bytes;
  }

  /// The array it rests in, or null where it rests in native memory.
  public byte @Nullable [] heap() {
    return heap;
  }

  /// The first byte's address in its device's memory; meaningless where [#heap()] is not null.
  public long address() {
    return address;
  }

  /// How often it was changed in place.
  public int version() {
    return version;
  }

  /// Notes a change in place.
  public void bumpVersion() {
    version++;
    mindedVersion++;
  }

  /// Notes a change in place that only who looks at the content itself minds.
  public void bumpUnminded() {
    version++;
  }

  /// How often it was changed in place, but for [changes that no gradient minds][#bumpUnminded()].
  public int mindedVersion() {
    return mindedVersion;
  }

  /// Says of all changes since [#mindedVersion()] was `mindedVersion` that they are such.
  public void unmindChanges(int mindedVersion) {
    this.mindedVersion = mindedVersion;
  }

  /// Whether its content may change past the library, which [#version()] does not tell: its memory is in somebody else's hands, too. Nothing
  /// that was derived from it is kept.
  public boolean isExposed() {
    return exposed;
  }

  /// Notes that its memory was handed out to be written, or belongs to who may write it.
  public void expose() {
    exposed = true;
    closePacked(null);
  }

  /// What a backend derived from a storage's content at the cost of memory of its own, which [#close()] gives back.
  public interface Packed {
    void close();
  }

  private record PackedAt(int version, Packed value) {}

  /// What a backend last derived from this storage's present content (packed weights, say), or null.
  public @Nullable Packed packed() {
    PackedAt last = packed;
    return last != null && last.version == version ? last.value : null;
  }

  /// Keeps what a backend derived from the present content, in place of what it kept before, which is closed. It is
  /// closed when the last counted owner leaves, too; for a storage that is freed when unreachable, it must take care of
  /// itself. Where the content may change unseen, it is closed at once.
  public void setPacked(Packed derived) {
    closePacked(new PackedAt(version, derived));
    if (exposed) {
      closePacked(null);
    }
  }

  private void closePacked(@Nullable PackedAt next) {
    PackedAt former = (PackedAt) PACKED.getAndSet(this, next);
    if (former != null) {
      former.value.close();
    }
  }

  /// Becomes one owner more: nobody frees the memory until the matching [#release()]. What was never in a scope lives
  /// as long as it can be reached, whoever owns it.
  ///
  /// @throws ClosedTensorException where the memory has been freed already
  public void retain() {
    int count;
    do {
      count = owners;
      if (count == 0) {
        throw new ClosedTensorException(provenance == null ? Provenance.UNTRACED : provenance);
      }
    } while (!OWNERS.weakCompareAndSetAcquire(this, count, count + 1));
  }

  /// Leaves as an owner; the last one frees the memory.
  public void release() {
    int left = (int) OWNERS.getAndAdd(this, -1) - 1;
    if (left == 0) {
      closePacked(null);
      Reclaimer.freed(this);
    } else if (left < 0) {
      throw new IllegalStateException("[storage] released more often than retained");
    }
  }

  /// Whether the memory is still there.
  public boolean isOpen() {
    return owners > 0;
  }

  /// For core: how many owners there are now.
  public int owners() {
    return owners;
  }

  /// For core.
  public @Nullable ScopeMembers scope() {
    return scope;
  }

  /// For core.
  public void setScope(@Nullable ScopeMembers scope) {
    this.scope = scope;
    this.counted |= scope != null;
  }

  /// Whether it was ever in a scope, so that its memory may be freed while it can still be reached.
  public boolean isCounted() {
    return counted;
  }

  /// For core.
  public @Nullable Reclaimer reclaimer() {
    return reclaimer;
  }

  /// For core.
  public void setReclaimer(@Nullable Reclaimer reclaimer) {
    this.reclaimer = reclaimer;
  }

  /// For core.
  public @Nullable Provenance provenance() {
    return provenance;
  }

  /// For core.
  public void setProvenance(@Nullable Provenance provenance) {
    this.provenance = provenance;
  }
}
