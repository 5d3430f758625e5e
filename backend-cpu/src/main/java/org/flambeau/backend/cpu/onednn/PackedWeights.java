package org.flambeau.backend.cpu.onednn;

import java.lang.ref.Cleaner;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Storage;
import org.jspecify.annotations.Nullable;

/// The content of one storage in the layouts that primitives asked for.
///
/// A form is kept from the second time it is asked for, so that what is used once (activations, weights that change with
/// every step) costs no memory. It goes with the first change in place, with the storage's last owner, or, for a storage
/// that nobody frees, when this is unreachable.
final class PackedWeights implements Storage.Packed {
  private static final Cleaner CLEANER = Cleaner.create();

  /// One view of the storage in one layout.
  record Form(long offset, Layout from, Layout to) {}

  private final Map<Form, Block> blocks = new HashMap<>();
  private Cleaner.@Nullable Cleanable cleanable;
  private boolean closed;

  /// The packed form of a part of `storage`, which the caller releases; null where it is not worth keeping yet. `pack`
  /// writes it to an address.
  static @Nullable Block acquire(Storage storage, Form form, Allocator allocator, long bytes, LongConsumer pack) {
    if (storage.packed() instanceof PackedWeights packed) {
      return packed.acquire(form, allocator, bytes, pack);
    }
    PackedWeights first = new PackedWeights();
    first.blocks.put(form, Block.WANTED);
    storage.setPacked(first);
    return null;
  }

  private synchronized @Nullable Block acquire(Form form, Allocator allocator, long bytes, LongConsumer pack) {
    Block block = blocks.putIfAbsent(form, Block.WANTED);
    if (closed || block == null) {
      return null;
    }
    if (block == Block.WANTED) {
      block = new Block(allocator, bytes);
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
    private static final Block WANTED = new Block(null, 0, 0);

    private final @Nullable Allocator allocator;
    private final long address;
    private final long bytes;
    private final AtomicInteger owners = new AtomicInteger(1);

    private Block(@Nullable Allocator allocator, long address, long bytes) {
      this.allocator = allocator;
      this.address = address;
      this.bytes = bytes;
    }

    private Block(Allocator allocator, long bytes) {
      this(allocator, Workspace.allocate(allocator, bytes), bytes);
    }

    long address() {
      return address;
    }

    void release() {
      if (allocator != null && owners.decrementAndGet() == 0) {
        allocator.free(address, bytes);
      }
    }
  }
}
