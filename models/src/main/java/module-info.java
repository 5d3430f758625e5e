import org.jspecify.annotations.NullMarked;

/// Vision models, their checkpoints, image transforms, datasets and the data loader.
@NullMarked
module org.flambeau.models {
  requires static org.jspecify;
  requires transitive org.flambeau.nn;
  requires java.desktop;
  requires java.net.http;
  requires org.slf4j;

  exports org.flambeau.data;
  exports org.flambeau.models;
  exports org.flambeau.vision;
}
