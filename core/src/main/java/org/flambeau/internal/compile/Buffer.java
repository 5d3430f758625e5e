package org.flambeau.internal.compile;

import org.flambeau.Device;
import org.flambeau.spi.Storage;

/// Memory that the instructions of a program write and read, and where it comes from.
///
/// A storage that is overwritten as a whole is another buffer from then on: what it held before may lie elsewhere.
final class Buffer {
  sealed interface Origin {}

  /// The memory of the program's operand of that number.
  record Input(int index) implements Origin {}

  /// What is there before the program runs, and stays as it is unless it is exposed: parameters, and what was computed from them alone.
  record Constant(Storage storage) implements Origin {}

  /// What the program's instructions make.
  record Temporary() implements Origin {}

  private final Device device;
  private final long bytes;
  private Origin origin;

  Buffer(Device device, long bytes, Origin origin) {
    this.device = device;
    this.bytes = bytes;
    this.origin = origin;
  }

  static Buffer input(int index, Storage storage) {
    return new Buffer(storage.device(), storage.bytes(), new Input(index));
  }

  static Buffer constant(Storage storage) {
    return new Buffer(storage.device(), storage.bytes(), new Constant(storage));
  }

  static Buffer temporary(Device device, long bytes) {
    return new Buffer(device, bytes, new Temporary());
  }

  Device device() {
    return device;
  }

  long bytes() {
    return bytes;
  }

  Origin origin() {
    return origin;
  }

  boolean isTemporary() {
    return origin instanceof Temporary;
  }

  boolean isConstant() {
    return origin instanceof Constant;
  }

  /// Whether what it holds now is what it will hold: it is a constant that nobody can change unseen.
  boolean isKnown() {
    return origin instanceof Constant(Storage storage) && !storage.isExposed();
  }

  /// What instructions were to make has been made once for all.
  void becomeConstant(Storage storage) {
    origin = new Constant(storage);
  }
}
