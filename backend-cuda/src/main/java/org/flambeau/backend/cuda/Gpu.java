package org.flambeau.backend.cuda;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongSupplier;
import org.flambeau.BackendException;
import org.flambeau.Device;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.spi.Allocator;
import org.jspecify.annotations.Nullable;

/// One usable GPU: its context, its stream, its memory, its kernels.
final class Gpu {
  /// Waits after each launch, so that a fault is reported by the operation that caused it.
  private static final boolean LAUNCH_BLOCKING = Boolean.getBoolean("flambeau.cuda.launchBlocking");
  /// Threads of a block where nothing else decides.
  static final int BLOCK = 256;
  /// The first compute capability whose tensor cores take TF32 and bfloat16.
  static final int AMPERE = 80;
  /// Blocks of one launch where each walks over several pieces of work.
  static final int MOST_BLOCKS = 1 << 16;
  /// Blocks that a multiprocessor has in flight at [#BLOCK] threads each.
  private static final int BLOCKS_PER_MULTIPROCESSOR = 8;

  /// Threads that capture, and what.
  private static final Map<Thread, Gpu> CAPTURING = new ConcurrentHashMap<>();

  private final Device device;
  private final long context;
  private final int multiprocessors;
  private final int threadsPerMultiprocessor;
  private final int computeCapability;
  private final int sharedBytes;
  private final long stream;
  private final Allocator allocator;
  private final Complaints complaints;
  private final HostCopies hostCopies;
  private final CudaKernels kernels;
  private volatile @Nullable Capture capture;
  /// Held to write while work is recorded, to read by those who make what waits for the GPU.
  private final ReentrantReadWriteLock recording = new ReentrantReadWriteLock();

  Gpu(int ordinal) {
    this.device = new Device(Device.Type.CUDA, ordinal);
    int handle = Driver.device(ordinal);
    this.context = Driver.primaryCtxRetain(handle);
    this.multiprocessors = Driver.deviceAttribute(Driver.MULTIPROCESSOR_COUNT, handle);
    this.threadsPerMultiprocessor = Driver.deviceAttribute(Driver.MAX_THREADS_PER_MULTIPROCESSOR, handle);
    this.computeCapability = 10 * Driver.deviceAttribute(Driver.COMPUTE_CAPABILITY_MAJOR, handle)
        + Driver.deviceAttribute(Driver.COMPUTE_CAPABILITY_MINOR, handle);
    this.sharedBytes = Driver.deviceAttribute(Driver.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, handle);
    makeCurrent();
    this.stream = Driver.streamCreate();
    this.allocator = Boolean.getBoolean("flambeau.cuda.directAllocation") ? new DirectAllocator(this) : new CachingAllocator(this);
    this.complaints = new Complaints();
    this.hostCopies = new HostCopies(this);
    this.kernels = new CudaKernels(this, new KernelLibrary(this));
  }

  Device device() {
    return device;
  }

  /// As in 90 for sm_90.
  int computeCapability() {
    return computeCapability;
  }

  int multiprocessors() {
    return multiprocessors;
  }

  /// Shared memory that a block may have if its kernel asks for it.
  int sharedBytes() {
    return sharedBytes;
  }

  /// As many as are in flight at once, at most.
  int threadsPerMultiprocessor() {
    return threadsPerMultiprocessor;
  }

  Allocator allocator() {
    return allocator;
  }

  Complaints complaints() {
    return complaints;
  }

  HostCopies hostCopies() {
    return hostCopies;
  }

  CudaKernels kernels() {
    return kernels;
  }

  /// Makes the driver's and the libraries' calls of this thread go to this GPU. Cheap, and needed whenever the thread may have waited for another, at a lock
  /// too: a virtual thread may be on another thread of the system since.
  void makeCurrent() {
    Driver.ctxSetCurrent(context);
  }

  /// What the calling thread's work is issued to.
  long stream() {
    Capture running = capture();
    if (running != null) {
      return running.stream();
    }
    if (!CAPTURING.isEmpty()) {
      refuseBesideCapture();
    }
    return stream;
  }

  /// What a replay would not do again.
  private static void refuseBesideCapture() {
    Gpu other = CAPTURING.get(Thread.currentThread());
    if (other != null) {
      throw new IllegalStateException("[" + Capture.culprit() + "] cannot be captured in a graph: it uses another GPU than " + other.device
          + ", which alone is captured: CudaGraph.capture(device, work) says which");
    }
  }

  /// What records the calling thread's work instead of having it done, or null.
  @Nullable Capture capture() {
    Capture running = capture;
    return running != null && running.isOfThisThread() ? running : null;
  }

  /// What records some thread's work, the calling one's or another's, or null.
  @Nullable Capture captureOfAnyThread() {
    return capture;
  }

  /// Makes a library's handle for this GPU, which waits for it: not while a graph is recorded, which would break that.
  long handle(LongSupplier maker) {
    recording.readLock().lock();
    try {
      makeCurrent();
      return maker.getAsLong();
    } finally {
      recording.readLock().unlock();
    }
  }

  /// Does what waits for the GPU, but not while a graph is recorded, which would break that: then it is left. Returns whether it was done.
  boolean unlessRecording(Runnable body) {
    if (capture() != null || !recording.readLock().tryLock()) {
      return false;
    }
    try {
      makeCurrent();
      body.run();
      return true;
    } finally {
      recording.readLock().unlock();
    }
  }

  /// For [Capture]: runs what records.
  void recording(Runnable body) {
    recording.writeLock().lock();
    try {
      body.run();
    } finally {
      recording.writeLock().unlock();
    }
  }

  /// For [Capture]: one at a time.
  synchronized void capture(@Nullable Capture next) {
    if (next == null) {
      CAPTURING.remove(Thread.currentThread());
    } else if (capture != null) {
      throw new IllegalStateException("[capture] another graph is being captured on " + device + ": capture one after the other");
    } else {
      refuseBesideCapture();
      CAPTURING.put(Thread.currentThread(), this);
    }
    capture = next;
  }

  /// Refuses what cannot be part of a graph, in the name of the operation that the program called.
  void refuseInCapture(String why) {
    if (capture() != null) {
      throw new IllegalStateException("[" + Capture.culprit() + "] cannot be captured in a graph: it " + why);
    }
  }

  /// Blocks of [#BLOCK] threads that fill the GPU.
  long blocksInFlight() {
    return (long) multiprocessors * BLOCKS_PER_MULTIPROCESSOR;
  }

  /// Blocks of [#BLOCK] threads for n pieces of work, whose kernels walk on in steps of the whole grid.
  int blocks(long n) {
    return blocksOf(BLOCK, n);
  }

  /// Blocks that each take `rows` of n rows at a time, several for each that a multiprocessor has in flight: a kernel whose registers leave
  /// room for fewer would else keep the GPU waiting for the last ones.
  int blocksOf(int rows, long n) {
    return (int) Math.min((n + rows - 1) / rows, Math.min(multiprocessors * 4L * BLOCKS_PER_MULTIPROCESSOR, MOST_BLOCKS));
  }

  /// After each launch of a kernel or graph.
  void launched(String what) {
    if (LAUNCH_BLOCKING && capture() == null) {
      makeCurrent();
      try {
        Driver.streamSynchronize(stream());
      } catch (BackendException e) {
        throw new BackendException(e.getMessage() + ", in " + what, e);
      }
      complaints.check(false);
    }
  }

  /// Waits for everything that was issued. That is the one stream: to wait for the context would break what another thread captures.
  void synchronize() {
    refuseInCapture("waits for the GPU");
    makeCurrent();
    try {
      Driver.streamSynchronize(stream);
    } catch (BackendException e) {
      throw fault(e);
    }
    complaints.check(true);
  }

  /// Where something was refused: throws if that is because an earlier kernel left the GPU beyond use, which everything fails of from then on.
  void refuseAfterFault() {
    makeCurrent();
    try {
      var _ = Driver.memGetInfo();
    } catch (BackendException e) {
      throw fault(e);
    }
  }

  /// What a wait says of work that was issued before.
  static BackendException fault(BackendException e) {
    return LAUNCH_BLOCKING ? e
        : new BackendException(e.getMessage() + ". The fault may be that of an earlier operation: -Dflambeau.cuda.launchBlocking=true "
            + "makes the operation that causes it report it", e);
  }
}
