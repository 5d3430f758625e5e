package org.flambeau.internal;

import java.util.Set;
import org.flambeau.internal.memory.ScopeMembers;
import org.flambeau.spi.Storage;
import org.jspecify.annotations.Nullable;

/// What a thread's operations depend on besides their operands, in one place so that an operation looks it up once.
public final class ThreadState {
  /// Set while operations do not record.
  public static final int NO_GRAD = 1;
  /// Set while results can never take part in recording.
  public static final int INFERENCE = 2;
  /// Set while nodes remember where they were recorded.
  public static final int ANOMALY = 4;
  /// Set while operations choose the dtype they compute in.
  public static final int AUTOCAST = 8;
  /// Set while what is issued to a GPU is recorded in a graph.
  public static final int CAPTURING = 16;

  private static final ThreadLocal<ThreadState> CURRENT = ThreadLocal.withInitial(ThreadState::new);

  /// The modes in force, a bit each.
  public int modes;

  /// The innermost open memory scope.
  public @Nullable ScopeMembers scope;

  /// What the innermost autocast region knows, an enabled one or not.
  public @Nullable CastCache casts;

  /// What has been changed in place since recording of a graph began, or null where none is recorded.
  public @Nullable Set<Storage> changes;

  /// Who looks at what this thread computes, or null.
  public @Nullable Tracer tracer;

  private long sequence;

  private ThreadState() {}

  public static ThreadState current() {
    return CURRENT.get();
  }

  public boolean records() {
    return (modes & (NO_GRAD | INFERENCE)) == 0;
  }

  public boolean is(int mode) {
    return (modes & mode) != 0;
  }

  /// Notes a change in place: now, and where it is recorded in a graph, for each replay.
  public void changed(Storage storage) {
    storage.bumpVersion();
    note(storage);
  }

  /// [#changed] where no gradient minds, whatever other threads do meanwhile.
  public void changedUnminded(Storage storage) {
    storage.bumpUnminded();
    note(storage);
  }

  private void note(Storage storage) {
    if (changes != null) {
      changes.add(storage);
    }
  }

  /// Numbers a thread's nodes in the order of recording.
  public long nextSequence() {
    return sequence++;
  }
}
