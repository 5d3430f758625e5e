package org.flambeau.backend.cpu.onednn;

import java.lang.ref.Cleaner;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The content of one storage in the layouts that primitives asked for.
///
/// They are kept for what is used again while unchanged, so that what is used once (activations, weights that change with every
/// step) costs no memory. They go with the first change in place, with the storage's last owner, or, for a storage that
/// nobody frees, when this is unreachable.
final class PackedWeights implements Storage.Packed {
  private static final Cleaner CLEANER = Cleaner.create();

  /// From this size on, packed weights are kept.
  private static final long WORTH_KEEPING = 4 << 10;

  /// One view of the storage in one layout: how it lies, and how it is packed.
  record Form(long offset, Object from, Object to) {}

  private final Set<PlanCache.Key> uses = new HashSet<>();
  private final Map<Form, Block> blocks = new HashMap<>();
  private Cleaner.@Nullable Cleanable cleanable;
  private boolean closed;

  /// Notes that an operation uses `weights`; returns whether it did so before, with the same content, and whether they are worth
  /// keeping.
  static boolean areUsedAgain(long operation, Strided weights) {
    if (weights.numel() * weights.dtype().size() < WORTH_KEEPING) {
      return false;
    }
    PlanCache.Key use = PlanCache.Key.of(operation, new long[] {weights.offset()}, weights);
    if (weights.storage().packed() instanceof PackedWeights packed) {
      return packed.notes(use);
    }
    PackedWeights first = new PackedWeights();
    first.uses.add(use);
    weights.storage().setPacked(first);
    return false;
  }

  private synchronized boolean notes(PlanCache.Key use) {
    return !uses.add(use);
  }

  /// The packed form of a part of `storage`, which the caller releases; null where the content changed since its use was noted.
  /// `pack` writes it to an address.
  static @Nullable Block acquire(Storage storage, Form form, Allocator allocator, long bytes, LongConsumer pack) {
    return storage.packed() instanceof PackedWeights packed ? packed.acquire(form, allocator, bytes, pack) : null;
  }

  /// Calls `use` with the address of what `write` writes of a weight, which is kept, where that is wanted, while the weight stays as it is.
  ///
  /// @param form what is written, for one operation
  static void use(Workspace workspace, Allocator allocator, boolean keep, long operation, Strided weight, Object form, long bytes,
      LongConsumer write, LongConsumer use) {
    Block kept = keep
        ? acquire(weight.storage(), new Form(weight.offset(), PlanCache.Key.of(operation, new long[0], weight), form), allocator, bytes,
            write)
        : null;
    try {
      long address = kept == null ? workspace.take(bytes) : kept.address();
      if (kept == null) {
        write.accept(address);
      }
      use.accept(address);
    } finally {
      if (kept != null) {
        kept.release();
      }
    }
  }

  private synchronized @Nullable Block acquire(Form form, Allocator allocator, long bytes, LongConsumer pack) {
    if (closed) {
      return null;
    }
    Block block = blocks.get(form);
    if (block == null) {
      block = new Block(allocator, Workspace.allocate(allocator, bytes), bytes);
      try {
        pack.accept(block.address);
      } catch (RuntimeException | Error e) {
        block.release();
        throw e;
      }
      blocks.put(form, block);
      if (cleanable == null) {
        Map<Form, Block> all = blocks;
        cleanable = CLEANER.register(this, () -> all.values().forEach(Block::release));
      }
    }
    block.owners.incrementAndGet();
    return block;
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (cleanable != null) {
      cleanable.clean();
    }
  }

  /// Native memory with one packed form, freed by the last of those who use it.
  static final class Block {
    private final Allocator allocator;
    private final long address;
    private final long bytes;
    private final AtomicInteger owners = new AtomicInteger(1);

    private Block(Allocator allocator, long address, long bytes) {
      this.allocator = allocator;
      this.address = address;
      this.bytes = bytes;
    }

    long address() {
      return address;
    }

    void release() {
      if (owners.decrementAndGet() == 0) {
        allocator.free(address, bytes);
      }
    }
  }
}
