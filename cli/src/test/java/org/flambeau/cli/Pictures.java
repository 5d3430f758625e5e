package org.flambeau.cli;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import javax.imageio.ImageIO;

/// Small pictures that are easy to tell apart.
final class Pictures {
  private Pictures() {}

  /// A folder for each colour with pictures of it, each a bit different.
  static Path folder(Path folder, int each, long seed) throws IOException {
    var random = new Random(seed);
    for (String name : new String[] {"blue", "green", "red"}) {
      Path classFolder = Files.createDirectories(folder.resolve(name));
      for (int i = 0; i < each; i++) {
        write(classFolder.resolve(i + ".png"), name, random);
      }
    }
    return folder;
  }

  private static void write(Path file, String name, Random random) throws IOException {
    var image = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 32; y++) {
      for (int x = 0; x < 32; x++) {
        int bright = 150 + random.nextInt(100), dark = random.nextInt(60);
        image.setRGB(x, y, switch (name) {
          case "red" -> new Color(bright, dark, dark).getRGB();
          case "green" -> new Color(dark, bright, dark).getRGB();
          default -> new Color(dark, dark, bright).getRGB();
        });
      }
    }
    ImageIO.write(image, "png", file.toFile());
  }

  /// The four files of an MNIST-like dataset, whose images are as bright as their class.
  static Path idx(Path folder, int training, int test) throws IOException {
    Files.createDirectories(folder);
    idx(folder, "train", training);
    idx(folder, "t10k", test);
    return folder;
  }

  private static void idx(Path folder, String prefix, int count) throws IOException {
    var images = ByteBuffer.allocate(16 + count * 64).putInt(0x803).putInt(count).putInt(8).putInt(8);
    var labels = ByteBuffer.allocate(8 + count).putInt(0x801).putInt(count);
    for (int i = 0; i < count; i++) {
      for (int p = 0; p < 64; p++) {
        images.put((byte) (i % 10 * 25));
      }
      labels.put((byte) (i % 10));
    }
    Files.write(folder.resolve(prefix + "-images-idx3-ubyte"), images.array());
    Files.write(folder.resolve(prefix + "-labels-idx1-ubyte"), labels.array());
  }
}
