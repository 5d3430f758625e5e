import org.jspecify.annotations.NullMarked;

/// The `flambeau` command.
@NullMarked
module org.flambeau.cli {
  requires org.flambeau.models;
  requires info.picocli;
  requires java.desktop;
  requires java.management;
  requires jdk.management;
  requires jdk.unsupported; // where jline finds signals
  requires me.tongfei.progressbar;
  requires org.jline.terminal;
  requires org.slf4j;
  requires tools.jackson.core;
  requires xchart;

  opens org.flambeau.cli to info.picocli;
  opens org.flambeau.cli.bench to info.picocli;
}
