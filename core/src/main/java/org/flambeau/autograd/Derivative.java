package org.flambeau.autograd;

import java.util.List;
import java.util.function.IntUnaryOperator;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// How an operation is differentiated: for each operand a formula for its gradient, and the tensors which that formula
/// looks at. Only formulas whose operand needs a gradient run, and only what they look at is saved.
///
/// ```java
/// Derivative.of("MulBackward0",
///     term(saves(1), (g, s, _) -> g.mul(s.input(1))),
///     term(saves(0), (g, s, _) -> g.mul(s.input(0))));
/// ```
/// Formulas are made of differentiable operations, so that they can be differentiated themselves. A gradient may have
/// the sizes of the broadcast result: the engine sums it to the operand's. It also casts it to the operand's dtype.
///
/// @param <A> what else the operation depends on: dimensions, scalars
public final class Derivative<A> {
  /// In a mask of saved tensors: the (first) result.
  public static final int RESULT = 1 << 24;

  /// The gradient of one operand, from that of the one result.
  @FunctionalInterface
  public interface Partial<A> {
    @Nullable Tensor of(Tensor grad, Saved saved, A attributes);
  }

  /// The gradients of all operands at once, from those of all results, some of which may be null.
  @FunctionalInterface
  public interface Joint<A> {
    @Nullable Tensor[] of(@Nullable Tensor[] grads, Saved saved, A attributes);
  }

  /// One operand's formula, what it looks at, what else may not change in place before it runs, and whether it is constant in that operand
  /// but for jumps.
  public record Term<A>(int saves, int fixed, boolean piecewiseConstant, Partial<A> partial) {}

  private final String node;
  private final List<Term<A>> terms;
  private final IntUnaryOperator jointSaves;
  private final int jointFixed;
  private final @Nullable Joint<A> joint;
  private final boolean takesDtypeOfOperand;

  private Derivative(String node, List<Term<A>> terms, IntUnaryOperator jointSaves, int jointFixed, @Nullable Joint<A> joint,
      boolean takesDtypeOfOperand) {
    this.node = node;
    this.terms = terms;
    this.jointSaves = jointSaves;
    this.jointFixed = jointFixed;
    this.joint = joint;
    this.takesDtypeOfOperand = takesDtypeOfOperand;
  }

  private Derivative(String node, List<Term<A>> terms, IntUnaryOperator jointSaves, int jointFixed, @Nullable Joint<A> joint) {
    this(node, terms, jointSaves, jointFixed, joint, false);
  }

  /// A derivative with one formula for each operand.
  @SafeVarargs
  @SuppressWarnings("varargs")
  public static <A> Derivative<A> of(String node, Term<A>... terms) {
    return new Derivative<>(node, List.of(terms), _ -> 0, 0, null);
  }

  /// A derivative of a cast whose result nobody else sees: it takes the gradient in the dtype that the cast was from, so that who computes it need
  /// not round it in between.
  public static <A> Derivative<A> takingDtypeOfOperand(String node, Term<A> term) {
    return new Derivative<>(node, List.of(term), _ -> 0, 0, null, true);
  }

  /// A derivative that computes all gradients together; it asks [Saved#needs] which.
  public static <A> Derivative<A> joint(String node, int saves, Joint<A> joint) {
    return joint(node, _ -> saves, joint);
  }

  /// A derivative that computes all gradients together; `saves` tells what must be saved when the gradients of given
  /// operands (a bit each) are needed.
  public static <A> Derivative<A> joint(String node, IntUnaryOperator saves, Joint<A> joint) {
    return new Derivative<>(node, List.of(), saves, 0, joint);
  }

  /// The formula of one operand.
  public static <A> Term<A> term(int saves, Partial<A> partial) {
    return new Term<>(saves, 0, false, partial);
  }

  /// The formula of one operand that looks at no tensor but the gradient.
  public static <A> Term<A> term(Partial<A> partial) {
    return new Term<>(0, 0, false, partial);
  }

  /// A term that refuses to run after a change of the tensors in `mask` too, which nothing keeps: as in PyTorch, which saves them.
  public static <A> Term<A> fixing(int mask, Term<A> term) {
    return new Term<>(term.saves, mask, term.piecewiseConstant, term.partial);
  }

  /// A derivative that computes all gradients together, and refuses likewise.
  public static <A> Derivative<A> fixing(int mask, Derivative<A> joint) {
    return new Derivative<>(joint.node, joint.terms, joint.jointSaves, mask, joint.joint);
  }

  /// The term of an operand of which the operation is piecewise linear: its gradient has zeros for a gradient, as in PyTorch, and not none.
  public static <A> Term<A> piecewiseLinear(Term<A> term) {
    return new Term<>(term.saves, term.fixed, true, term.partial);
  }

  /// An operation that is piecewise constant: its gradient is zero everywhere it exists.
  public static <A> Derivative<A> zero(String node) {
    return of(node, term((g, s, a) -> g.zerosLike()));
  }

  /// The mask of the given operands.
  public static int saves(int... inputs) {
    int mask = 0;
    for (int i : inputs) {
      mask |= 1 << i;
    }
    return mask;
  }

  /// In a mask of saved tensors: result `i`.
  public static int result(int i) {
    return RESULT << i;
  }

  /// The name of the nodes it records, as in `MulBackward0`.
  public String node() {
    return node;
  }

  boolean takesDtypeOfOperand() {
    return takesDtypeOfOperand;
  }

  /// What must be saved when the gradients of the operands in `needed` (a bit each) are.
  int savesFor(int needed) {
    if (joint != null) {
      return jointSaves.applyAsInt(needed);
    }
    int mask = 0;
    for (int i = 0; i < terms.size(); i++) {
      if ((needed >> i & 1) != 0) {
        mask |= terms.get(i).saves;
      }
    }
    return mask;
  }

  /// What must not change, beyond what is saved, when the gradients of the operands in `needed` (a bit each) are.
  int fixedFor(int needed) {
    int mask = jointFixed;
    for (int i = 0; i < terms.size(); i++) {
      if ((needed >> i & 1) != 0) {
        mask |= terms.get(i).fixed;
      }
    }
    return mask;
  }

  @Nullable Tensor[] apply(@Nullable Tensor[] grads, RecordedNode<A> node, A attributes) {
    if (joint != null) {
      // a view of a leaf taken without recording requires grad, but leads nowhere
      return node.needsAny() ? joint.of(grads, node, attributes) : new Tensor[node.edgeCount()];
    }
    @Nullable Tensor[] result = new Tensor[terms.size()];
    Tensor grad = grads[0];
    if (grad != null) {
      for (int i = 0; i < result.length; i++) {
        if (node.needs(i)) {
          Term<A> term = terms.get(i);
          Tensor gradient = term.partial.of(grad, node, attributes);
          result[i] = term.piecewiseConstant && gradient != null
              ? PiecewiseConstant.in(node.next(i), node.nextNumber(i), gradient)
              : gradient;
        }
      }
    }
    return result;
  }
}
