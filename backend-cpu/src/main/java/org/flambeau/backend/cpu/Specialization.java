package org.flambeau.backend.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/// Copies of one loop for many operations.
///
/// A loop that calls its operation through a field is compiled once, for all operations, with a call per element (and, of
/// vectors, a heap object per call). So each operation gets its own copy of the loop's class: a hidden class, whose
/// operation is a constant that the compiler inlines.
public final class Specialization {
  private Specialization() {}

  /// An instance of a copy of `template`, which reads `operation` by [#data].
  ///
  /// @param lookup with the rights of the template's package
  /// @param type what the template implements
  public static <T> T of(MethodHandles.Lookup lookup, Class<T> type, Class<? extends T> template, Object operation) {
    String file = template.getName().substring(template.getPackageName().length() + 1) + ".class";
    try (InputStream in = template.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException("[specialization] no class file " + file);
      }
      MethodHandles.Lookup copy = lookup.defineHiddenClassWithClassData(in.readAllBytes(), operation, true);
      return type.cast(copy.findConstructor(copy.lookupClass(), MethodType.methodType(void.class)).invoke());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (Throwable e) {
      throw new IllegalStateException("[specialization] cannot copy " + template.getName() + " for " + operation, e);
    }
  }

  /// For the copy's static initialiser: what the copy was made for.
  ///
  /// @param lookup the copy's own
  public static <T> T data(MethodHandles.Lookup lookup, Class<T> type) {
    try {
      return MethodHandles.classData(lookup, ConstantDescs.DEFAULT_NAME, type);
    } catch (IllegalAccessException e) {
      throw new ExceptionInInitializerError(e);
    }
  }
}
