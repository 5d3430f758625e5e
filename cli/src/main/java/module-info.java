import org.jspecify.annotations.NullMarked;

/// The `flambeau` command.
@NullMarked
module org.flambeau.cli {
  requires static org.jspecify;
  requires org.flambeau.models;
  requires info.picocli;
  requires java.management;
  requires jdk.management;
  requires org.slf4j;

  opens org.flambeau.cli to info.picocli;
}
