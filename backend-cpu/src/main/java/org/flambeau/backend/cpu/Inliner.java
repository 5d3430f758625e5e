package org.flambeau.backend.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.DebugElementsOption;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.IncrementInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LabelTarget;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.classfile.instruction.ReturnInstruction;
import java.lang.classfile.instruction.StoreInstruction;
import java.lang.constant.ClassDesc;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.AccessFlag;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Copies of one loop for many operations on vectors, each with the operation's code written into it.
///
/// The JIT compiler computes vectors in registers only where it inlines everything; what it does not inline passes each
/// vector through the heap, fifty times slower. How much it inlines of a method depends on sizes, on budgets and on what
/// happened to be compiled before. The Vector API's own methods are exempt from all that, so a loop whose body calls nothing
/// else is always compiled well. That is what this makes: it replaces, in a copy of the template's class, every call of a
/// static method of the template or of the classes of operations by that method's code. Calls of the template's methods that are
/// named in `holes` become the code of the operations that are put there.
///
/// What the compiler writes into a caller shares that one's limits: two loops that are each compiled well are not any more in one method with
/// what is around them. So methods of the copy that hold loops are made too long for that.
public final class Inliner {
  /// Bytecodes up to which HotSpot writes a method that runs often into its callers (`-XX:FreqInlineSize`).
  private static final int LONGEST_INLINED = 325;

  private static final ClassFile FILES = ClassFile.of(DebugElementsOption.DROP_DEBUG);

  private final Map<ClassDesc, ClassModel> sources = new HashMap<>();
  private final ClassDesc template;
  private final List<ClassDesc> operations;
  private final Map<String, String> holes;

  private Inliner(Class<?> template, List<Class<?>> operations, Map<String, String> holes) {
    this.template = template.describeConstable().orElseThrow();
    this.operations = operations.stream().map(type -> type.describeConstable().orElseThrow()).toList();
    this.holes = holes;
    sources.put(this.template, parse(template));
    for (int i = 0; i < operations.size(); i++) {
      sources.put(this.operations.get(i), parse(operations.get(i)));
    }
  }

  /// An instance of a copy of `template`.
  ///
  /// @param lookup with the rights of the template's package
  /// @param type what the template implements
  /// @param operations the classes whose static methods are inlined, themselves and within each other, and where the operations for the
  ///     holes are
  /// @param holes for names of static methods of the template, the names of the operations to put there; an operation may
  ///     have fewer parameters, and then ignores the last
  /// @param data what the copy reads by [Specialization#data]
  public static <T> T specialize(MethodHandles.Lookup lookup, Class<T> type, Class<? extends T> template, List<Class<?>> operations,
      Map<String, String> holes, Object data) {
    try {
      MethodHandles.Lookup copy = lookup.defineHiddenClassWithClassData(new Inliner(template, operations, holes).copy(), data, true);
      return type.cast(copy.findConstructor(copy.lookupClass(), MethodType.methodType(void.class)).invoke());
    } catch (Throwable e) {
      throw new IllegalStateException("[inliner] cannot write " + holes + " into " + template.getName(), e);
    }
  }

  private static ClassModel parse(Class<?> type) {
    String file = type.getName().substring(type.getPackageName().length() + 1) + ".class";
    try (InputStream in = type.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException("[inliner] no class file of " + type.getName());
      }
      return FILES.parse(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private byte[] copy() {
    return FILES.transformClass(Objects.requireNonNull(sources.get(template)), (builder, element) -> {
      if (element instanceof MethodModel method && !method.flags().has(AccessFlag.STATIC)) {
        builder.withMethod(method.methodName(), method.methodType(), method.flags().flagsMask(), copy -> {
          CodeAttribute code = (CodeAttribute) method.code().orElseThrow();
          copy.withCode(out -> {
            if (hasLoop(code)) {
              for (int i = 0; i < LONGEST_INLINED; i++) {
                out.nop();
              }
            }
            new Body(out).copy(code, 0, code.maxLocals(), null);
          });
        });
      } else {
        builder.with(element);
      }
    });
  }

  /// Whether it loops, or what is written into it does.
  private boolean hasLoop(CodeModel code) {
    Set<Label> before = new HashSet<>();
    for (CodeElement element : code) {
      switch (element) {
        case LabelTarget target -> before.add(target.label());
        case BranchInstruction branch when before.contains(branch.target()) -> {
          return true;
        }
        case InvokeInstruction call when isInlined(call) && hasLoop(callee(call).code().orElseThrow()) -> {
          return true;
        }
        default -> {}
      }
    }
    return false;
  }

  private boolean isInlined(InvokeInstruction call) {
    return call.opcode() == Opcode.INVOKESTATIC && sources.containsKey(call.owner().asSymbol());
  }

  /// The method whose code takes a call's place.
  private MethodModel callee(InvokeInstruction call) {
    ClassDesc owner = call.owner().asSymbol();
    String name = call.name().stringValue();
    String operation = owner.equals(template) ? holes.get(name) : null;
    return operation != null ? operation(operation) : find(owner, name);
  }

  private MethodModel operation(String name) {
    return operations.stream().map(owner -> method(owner, name)).flatMap(Optional::stream).findFirst()
        .orElseThrow(() -> new IllegalArgumentException("[inliner] no class of operations has a method " + name));
  }

  private MethodModel find(ClassDesc owner, String name) {
    return method(owner, name)
        .orElseThrow(() -> new IllegalArgumentException("[inliner] " + owner.displayName() + " has no method " + name));
  }

  private Optional<MethodModel> method(ClassDesc owner, String name) {
    return Objects.requireNonNull(sources.get(owner)).methods().stream().filter(method -> method.methodName().equalsString(name))
        .findFirst();
  }

  /// One method of the copy.
  private final class Body {
    private final CodeBuilder out;

    Body(CodeBuilder out) {
      this.out = out;
    }

    /// Writes `code` with its local variables from number `base` on; those from `free` on are nobody's. Returns become jumps to
    /// `end`, where that is given.
    void copy(CodeModel code, int base, int free, @Nullable Label end) {
      Map<Label, Label> labels = new HashMap<>();
      List<CodeElement> elements = code.elementList();
      for (int i = 0; i < elements.size(); i++) {
        CodeElement element = elements.get(i);
        switch (element) {
          case LabelTarget target -> out.labelBinding(labels.computeIfAbsent(target.label(), label -> out.newLabel()));
          case BranchInstruction branch -> out.branch(branch.opcode(), labels.computeIfAbsent(branch.target(), label -> out.newLabel()));
          case LoadInstruction load -> out.loadLocal(load.typeKind(), base + load.slot());
          case StoreInstruction store -> out.storeLocal(store.typeKind(), base + store.slot());
          case IncrementInstruction increment -> out.iinc(base + increment.slot(), increment.constant());
          case ReturnInstruction _ when end != null -> {
            if (i < elements.size() - 1) {
              out.goto_(end);
            }
          }
          case InvokeInstruction call when isInlined(call) -> inline(call, free);
          default -> out.with(element);
        }
      }
    }

    private void inline(InvokeInstruction call, int free) {
      MethodModel method = callee(call);
      List<ClassDesc> arguments = call.typeSymbol().parameterList();
      List<ClassDesc> parameters = method.methodTypeSymbol().parameterList();
      int slots = 0;
      for (ClassDesc argument : arguments) {
        slots += TypeKind.from(argument).slotSize();
      }
      int slot = free + slots;
      for (int i = arguments.size() - 1; i >= 0; i--) {
        if (i < parameters.size()) {
          cast(arguments.get(i), parameters.get(i));
        }
        TypeKind kind = TypeKind.from(arguments.get(i));
        slot -= kind.slotSize();
        out.storeLocal(kind, slot);
      }
      CodeAttribute code = (CodeAttribute) method.code().orElseThrow();
      Label end = out.newLabel();
      copy(code, free, free + Math.max(slots, code.maxLocals()), end);
      out.labelBinding(end);
      cast(method.methodTypeSymbol().returnType(), call.typeSymbol().returnType());
    }

    /// A template for all lanes calls operations on floats, one on floats those for all lanes.
    private void cast(ClassDesc from, ClassDesc to) {
      if (!from.equals(to)) {
        out.checkcast(to);
      }
    }
  }
}
