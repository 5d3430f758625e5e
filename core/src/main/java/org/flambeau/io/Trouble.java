package org.flambeau.io;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// What kept a file from being read or written, in a few words for a message that names the file.
public final class Trouble {
  private Trouble() {}

  /// As in `permission denied`, and where a folder is named and something inside of it was in the way, as in `permission denied (a/b)`.
  public static String with(Path named, IOException e) {
    String reason = reason(e);
    @Nullable String file = e instanceof FileSystemException failure ? failure.getFile() : null;
    boolean inside = file != null && Path.of(file).startsWith(named) && !Path.of(file).equals(named);
    return inside ? reason + " (" + named.relativize(Path.of(String.valueOf(file))) + ")" : reason;
  }

  /// As [#with(Path, IOException)], of a failure that came through a stream.
  public static String with(Path named, UncheckedIOException e) {
    return with(named, Objects.requireNonNull(e.getCause()));
  }

  /// The failure's own words, or where it has none, its kind.
  public static String reason(IOException e) {
    String message = e.getMessage();
    return switch (e) {
      case NoSuchFileException _ -> "no such file or folder";
      case AccessDeniedException _ -> "permission denied";
      case NotDirectoryException _ -> "not a folder";
      case FileSystemLoopException _ -> "a symbolic link leads back to a folder that it is in";
      case CharacterCodingException _ -> "not a text in UTF-8";
      case FileSystemException failure when failure.getReason() != null -> failure.getReason();
      case FileAlreadyExistsException _ -> "something else of that name is there";
      case FileSystemException _ -> e.getClass().getSimpleName();
      case EOFException _ -> "it ends too early";
      default -> message == null || message.isBlank() ? e.getClass().getSimpleName() : message;
    };
  }
}
