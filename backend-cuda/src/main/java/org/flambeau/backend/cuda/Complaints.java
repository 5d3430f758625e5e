package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.flambeau.backend.cuda.binding.Driver;
import org.jspecify.annotations.Nullable;

/// What kernels found wrong with their data, as `complaint.cuh` leaves it in memory of the host: an index out of range, or no probability.
///
/// Nobody waits for it: the next time the host waits for the GPU anyway it becomes an exception that says which operation it was. Nothing
/// out of range is touched, and the GPU stays usable, unlike after a failed assertion on the device.
final class Complaints {
  /// Bytes of the structures in complaint.cuh.
  private static final int COMPLAINT = 24;
  static final int COMPLAINTS = 16;
  private static final int TICKET = 4;
  private static final int INDEX = 8;
  private static final int SIZE = 16;
  /// Launches that are remembered.
  private static final int REMEMBERED = 1 << 12;

  /// In the place of a dimension, where the kernel takes probabilities.
  private static final int PROBABILITY = -1;

  private record Asked(int ticket, String operation, int dim) {}

  private final long complaint;
  private final AtomicInteger tickets = new AtomicInteger();
  private final AtomicReferenceArray<@Nullable Asked> asked = new AtomicReferenceArray<>(REMEMBERED);

  /// With the GPU's context current.
  Complaints() {
    complaint = Driver.memHostAlloc(COMPLAINT);
    clear();
  }

  private void clear() {
    ALL.set(LONG, complaint + INDEX, 0L);
    ALL.set(LONG, complaint + SIZE, 0L);
    ALL.set(LONG, complaint, 0L);
  }

  /// Writes the structure `Complaints` as the launch's next parameter.
  ///
  /// @param operation what indexes, for the message
  /// @param dim the dimension that is indexed
  Launch writeTo(Launch launch, String operation, int dim) {
    write(launch.structure(COMPLAINTS, 8), operation, dim);
    return launch;
  }

  /// Writes the structure to an address.
  void write(long at, String operation, int dim) {
    int ticket = tickets.incrementAndGet() | 1 << 31; // never 0
    asked.set(ticket & REMEMBERED - 1, new Asked(ticket, operation, dim));
    ALL.set(LONG, at, complaint);
    ALL.set(INT, at + 8, ticket);
  }

  /// As [#writeTo(Launch, String, int)], of a kernel that takes probabilities.
  Launch writeTo(Launch launch, String operation) {
    return writeTo(launch, operation, PROBABILITY);
  }

  /// To be called when the host has waited for the GPU.
  ///
  /// @param late whether other operations came in between, so that the message must say whose it is
  /// @throws IndexOutOfBoundsException where a kernel complained of an index since the last check
  /// @throws IllegalArgumentException where it complained of a probability
  void check(boolean late) {
    int ticket = ALL.get(INT, complaint + TICKET);
    if (ticket == 0) {
      return;
    }
    long index = ALL.get(LONG, complaint + INDEX);
    long size = ALL.get(LONG, complaint + SIZE);
    clear();
    Asked by = asked.get(ticket & REMEMBERED - 1);
    boolean known = by != null && by.ticket == ticket;
    boolean probability = known && by.dim == PROBABILITY;
    String message = probability ? "a probability must lie between 0 and 1, got " + Double.longBitsToDouble(index)
        : "index " + index + " is out of bounds for " + (known ? "dimension " + by.dim : "a dimension") + " with size " + size;
    String whole = late ? "[" + (known ? by.operation : "index") + "] " + message
        + ". The result of that operation, which came before, is not to be used: "
        + "-Dflambeau.cuda.launchBlocking=true makes the operation itself report it" : probability ? "[" + by.operation + "] " + message
        : message;
    throw probability ? new IllegalArgumentException(whole) : new IndexOutOfBoundsException(whole);
  }
}
