import org.jspecify.annotations.NullMarked;

/// Vision models, their checkpoints, image transforms, datasets and the data loader.
@NullMarked
module org.flambeau.models {
  requires transitive org.flambeau.nn;
  requires java.desktop;
  requires com.twelvemonkeys.imageio.jpeg; // for ImageIO to find on the module path
  requires com.twelvemonkeys.imageio.webp;
  requires java.net.http;
  requires org.slf4j;

  exports org.flambeau.data;
  exports org.flambeau.models;
  exports org.flambeau.vision;
}
