package org.flambeau.autograd;

import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// What a backward pass knows about one node.
final class Slot implements Comparable<Slot> {
  final Node node;
  /// The gradients that have arrived so far, one for each of the node's results.
  final @Nullable Tensor[] grads;
  /// A bit for each gradient whose memory nobody else holds on to.
  long fresh;
  /// How many edges still have to bring their gradient.
  int dependencies;
  /// Whether the pass is for something at or behind this node.
  boolean needed = true;
  /// How far the exploration of the node's edges has come.
  int nextEdge;

  Slot(Node node) {
    this.node = node;
    this.grads = new Tensor[node.outputCount()];
  }

  /// What was recorded last runs first.
  @Override
  public int compareTo(Slot other) {
    return Long.compare(other.node.sequence(), node.sequence());
  }
}
