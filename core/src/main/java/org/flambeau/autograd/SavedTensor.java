package org.flambeau.autograd;

import org.flambeau.AutogradException;
import org.flambeau.Tensor;
import org.flambeau.internal.memory.DeviceMemory;
import org.flambeau.internal.memory.Scopes;
import org.flambeau.spi.Storage;

/// A tensor that a node keeps for its backward, with the version it was saved at.
public final class SavedTensor {
  private final Tensor tensor;
  private final int version;

  /// Saves `tensor` as it is now, and becomes an owner of its memory.
  SavedTensor(Tensor tensor) {
    if (tensor.isInference()) {
      throw new AutogradException("Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
          + "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use "
          + "`GradMode.noGrad()` instead of `GradMode.inferenceMode()`.");
    }
    this.tensor = tensor;
    Storage storage = tensor.strided().storage();
    this.version = storage.version();
    if (storage.isCounted()) {
      storage.retain();
    }
  }

  /// The tensor, unchanged since it was saved.
  ///
  /// @throws AutogradException if it was changed in place in the meantime
  Tensor unpack(Node node) {
    if (tensor.strided().storage().version() != version) {
      Node producer = tensor.gradFn();
      throw changed(node, producer == null ? "" : ", which is output " + tensor.outputNr() + " of " + producer.function() + ",");
    }
    return tensor;
  }

  /// [#unpack] of result `number` of `node` itself, whatever became of the tensor's history since.
  Tensor unpackResult(Node node, int number) {
    if (tensor.strided().storage().version() != version) {
      throw changed(node, ", which is output " + number + " of " + node.function() + ",");
    }
    return tensor;
  }

  private AutogradException changed(Node node, String origin) {
    return changed(node, tensor.describe(), origin, tensor.strided().storage().version(), version);
  }

  /// What `node` says of a tensor that has changed since it ran.
  static AutogradException changed(Node node, String tensor, String origin, int version, int expected) {
    return new AutogradException("one of the variables needed for gradient computation has been modified by an inplace operation: ["
        + tensor + "]" + origin + " is at version " + version + "; expected version " + expected + " instead. " + hint(node));
  }

  private static String hint(Node node) {
    return node.recordedAt() == null
        ? "Hint: enable anomaly detection to find the operation that failed to compute its gradient, with GradMode.detectAnomaly()."
        : "Hint: the backtrace further above shows the operation that failed to compute its gradient. The variable in question was "
            + "changed in there or anywhere later. Good luck!";
  }

  void release() {
    Scopes.disown(tensor);
  }

  /// Lets the collector free the memory too, for a graph that no scope will end.
  void watch() {
    DeviceMemory.watch(tensor.strided().storage());
  }
}
