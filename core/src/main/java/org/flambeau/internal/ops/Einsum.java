package org.flambeau.internal.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.flambeau.Tensor;

/// Sums of products in Einstein's notation: every operand is laid out over all labels of the equation, with size 1 where it
/// lacks one, and the operands are multiplied from left to right, each product a batch of matrix products that sums the
/// labels that no later operand has.
public final class Einsum {
  /// Labels are numbered: A … Z, a … z, then the dimensions of the ellipsis, which are one label here.
  private static final int LABELS = 52;
  private static final int ELLIPSIS = LABELS;

  private final List<int[]> inputs = new ArrayList<>();
  private final int[] output;
  private final int[] ellipsisRanks;
  private final int ellipsisRank;

  private Einsum(String equation, Tensor[] operands) {
    int arrow = equation.indexOf("->");
    parseInputs(arrow < 0 ? equation : equation.substring(0, arrow), operands);
    ellipsisRanks = new int[operands.length];
    for (int i = 0; i < operands.length; i++) {
      ellipsisRanks[i] = ellipsisRank(i, operands[i]);
    }
    ellipsisRank = Arrays.stream(ellipsisRanks).max().orElse(0);
    output = arrow < 0 ? impliedOutput() : parseOutput(equation, arrow + 2);
  }

  public static Tensor of(String equation, Tensor... operands) {
    if (operands.length == 0) {
      throw fail("must provide at least one operand");
    }
    AutocastPolicy policy = AutocastPolicy.of("einsum", operands[0]);
    if (policy != null) {
      return policy.run(c -> of(equation, c), operands);
    }
    return Op.scoped("einsum", () -> new Einsum(equation, operands).evaluate(operands));
  }

  private static IllegalArgumentException fail(String message) {
    return new IllegalArgumentException("[einsum] " + message);
  }

  // ---- parsing ----

  private void parseInputs(String text, Tensor[] operands) {
    List<Integer> labels = new ArrayList<>();
    boolean ellipsis = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == ',') {
        inputs.add(array(labels));
        labels.clear();
        ellipsis = false;
        if (inputs.size() >= operands.length) {
          throw fail("fewer operands were provided than specified in the equation");
        }
      } else if (c == '.') {
        if (ellipsis) {
          throw fail("found '.' for operand " + inputs.size() + " for which an ellipsis was already found");
        }
        if (!text.startsWith("...", i)) {
          throw fail("found '.' for operand " + inputs.size() + " that is not part of any ellipsis");
        }
        i += 2;
        ellipsis = true;
        labels.add(ELLIPSIS);
      } else if (c != ' ') {
        labels.add(label(c, i));
      }
    }
    inputs.add(array(labels));
    if (inputs.size() < operands.length) {
      throw fail("more operands were provided than specified in the equation");
    }
  }

  private int[] parseOutput(String equation, int from) {
    List<Integer> labels = new ArrayList<>();
    for (int i = from; i < equation.length(); i++) {
      char c = equation.charAt(i);
      if (c == ' ') {
        continue;
      }
      if (c == '.') {
        if (labels.contains(ELLIPSIS)) {
          throw fail("found '.' for output but an ellipsis (...) was already found");
        }
        if (!equation.startsWith("...", i)) {
          throw fail("found '.' for output that is not part of any ellipsis (...)");
        }
        i += 2;
        labels.add(ELLIPSIS);
        continue;
      }
      int label = label(c, i);
      if (labels.contains(label)) {
        throw fail("output subscript " + c + " appears more than once in the output");
      }
      if (inputs.stream().noneMatch(input -> contains(input, label))) {
        throw fail("output subscript " + c + " does not appear in the equation for any input operand");
      }
      labels.add(label);
    }
    return array(labels);
  }

  /// The ellipsis, then what appears once only, in alphabetical order.
  private int[] impliedOutput() {
    int[] counts = new int[LABELS + 1];
    inputs.forEach(input -> Arrays.stream(input).forEach(label -> counts[label]++));
    List<Integer> labels = new ArrayList<>();
    if (counts[ELLIPSIS] > 0) {
      labels.add(ELLIPSIS);
    }
    for (int label = 0; label < LABELS; label++) {
      if (counts[label] == 1) {
        labels.add(label);
      }
    }
    return array(labels);
  }

  private static int label(char c, int at) {
    if (c >= 'A' && c <= 'Z') {
      return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
      return c - 'a' + 26;
    }
    throw fail("invalid subscript given at index " + at + " in the equation string, subscripts must be in [a-zA-Z]");
  }

  private static char letter(int label) {
    return (char) (label < 26 ? 'A' + label : 'a' + label - 26);
  }

  private static int[] array(List<Integer> labels) {
    return labels.stream().mapToInt(Integer::intValue).toArray();
  }

  private static boolean contains(int[] labels, int label) {
    return Arrays.stream(labels).anyMatch(l -> l == label);
  }

  private int ellipsisRank(int i, Tensor operand) {
    int[] labels = inputs.get(i);
    boolean ellipsis = contains(labels, ELLIPSIS);
    int named = labels.length - (ellipsis ? 1 : 0);
    if (ellipsis ? named > operand.dim() : named != operand.dim()) {
      throw fail("the number of subscripts in the equation (" + named + ") " + (ellipsis ? "is more than" : "does not match")
          + " the number of dimensions (" + operand.dim() + ") for operand " + i + (ellipsis ? "" : " and no ellipsis was given"));
    }
    return operand.dim() - named;
  }

  // ---- evaluation ----

  private Tensor evaluate(Tensor[] operands) {
    // The common layout: the dimensions of the output's labels, then those of the labels that are summed.
    int[] dimOf = new int[LABELS + 1];
    Arrays.fill(dimOf, -1);
    int rank = 0;
    for (int label : output) {
      dimOf[label] = rank;
      rank += label == ELLIPSIS ? ellipsisRank : 1;
    }
    int outputRank = rank;
    for (int[] input : inputs) {
      for (int label : input) {
        if (dimOf[label] < 0) {
          dimOf[label] = rank;
          rank += label == ELLIPSIS ? ellipsisRank : 1;
        }
      }
    }
    long[] sizes = new long[rank];
    Arrays.fill(sizes, 1);
    int[] last = new int[rank];
    Tensor[] laidOut = new Tensor[operands.length];
    for (int i = 0; i < operands.length; i++) {
      laidOut[i] = layOut(operands[i], i, dimOf, sizes, last);
    }
    int[] alone = summed(last, outputRank, 0);
    Tensor result = alone.length == 0 ? laidOut[0] : laidOut[0].sum(alone, operands.length > 1);
    for (int i = 1; i < operands.length; i++) {
      int[] dims = summed(last, outputRank, i);
      result = dims.length == 0 ? result.mul(laidOut[i]) : Contractions.sumProduct(result, laidOut[i], dims);
    }
    return result.dim() == outputRank ? result : result.reshape(Arrays.copyOf(result.sizes(), outputRank));
  }

  /// An operand over all labels; of a label that it has twice, the diagonal.
  private Tensor layOut(Tensor operand, int number, int[] dimOf, long[] sizes, int[] last) {
    Tensor x = operand;
    int[] own = new int[sizes.length]; // which dimension of x a label's is
    Arrays.fill(own, -1);
    int at = 0;
    for (int label : inputs.get(number)) {
      if (label == ELLIPSIS) {
        int skip = ellipsisRank - ellipsisRanks[number];
        for (int e = 0; e < ellipsisRanks[number]; e++) {
          int dim = dimOf[label] + skip + e;
          note(x, number, at, dim, sizes, last, "dimension " + e + " covered by ellipsis");
          own[dim] = at++;
        }
        continue;
      }
      int dim = dimOf[label];
      if (own[dim] < 0) {
        note(x, number, at, dim, sizes, last, "subscript " + letter(label));
        own[dim] = at++;
        continue;
      }
      if (x.size(own[dim]) != x.size(at)) {
        throw fail(
            "subscript " + letter(label) + " is repeated for operand " + number + " but the sizes don't match, " + x.size(at) + " != "
                + x.size(own[dim]));
      }
      x = x.diagonal(0, own[dim], at).movedim(-1, own[dim]);
    }
    int[] order = new int[at];
    int to = 0;
    for (int dim : own) {
      if (dim >= 0) {
        order[to++] = dim;
      }
    }
    x = x.permute(order);
    for (int d = 0; d < own.length; d++) {
      x = own[d] < 0 ? x.unsqueeze(d) : x;
    }
    return x;
  }

  private static void note(Tensor x, int number, int at, int dim, long[] sizes, int[] last, String what) {
    long size = x.size(at);
    if (sizes[dim] != 1 && size != 1 && sizes[dim] != size) {
      throw fail(
          what + " has size " + size + " for operand " + number + " which does not broadcast with previously seen size " + sizes[dim]);
    }
    sizes[dim] = size != 1 ? size : sizes[dim];
    last[dim] = number;
  }

  private static int[] summed(int[] last, int outputRank, int number) {
    return IntStream.range(outputRank, last.length).filter(d -> last[d] == number).toArray();
  }
}
