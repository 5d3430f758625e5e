package org.flambeau.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import javax.imageio.ImageIO;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.vision.CenterCrop;
import org.flambeau.vision.Image;
import org.flambeau.vision.Interpolation;
import org.flambeau.vision.RandomCrop;
import org.flambeau.vision.ToTensor;
import org.flambeau.vision.Transform;
import org.flambeau.vision.Transforms;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
  private static final Transform<Image, Tensor> CROP = new CenterCrop(4).then(new ToTensor());

  @TempDir Path root;

  private Path write(String name, int blue) throws IOException {
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    BufferedImage image = new BufferedImage(6, 5, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 30; i++) {
      image.setRGB(i % 6, i / 6, blue);
    }
    ImageIO.write(image, "png", file.toFile());
    return file;
  }

  @Test
  void classesAndFilesAreInTorchvisionsOrder() throws IOException {
    for (String name : List.of("dog/b.png", "dog/a.PNG", "cat/z.png", "cat/more/y.png", "cat/more-/a.png", "Zebra/1.png")) {
      write(name, name.length());
    }
    Files.writeString(root.resolve("dog/notes.txt"), "no image");
    Files.writeString(root.resolve("readme.png"), "in no class");
    ImageFolder dataset = ImageFolder.of(root, CROP);
    assertEquals(List.of("Zebra", "cat", "dog"), dataset.classes());
    assertEquals(List.of("Zebra/1.png", "cat/z.png", "cat/more/y.png", "cat/more-/a.png", "dog/a.PNG", "dog/b.png"),
        LongStream.range(0, dataset.size()).mapToObj(i -> root.relativize(dataset.file(i)).toString()).toList());
    assertArrayEquals(new int[] {0, 1, 1, 1, 2, 2}, LongStream.range(0, 6).mapToInt(dataset::label).toArray());
    assertEquals(9, dataset.image(1).get(0, 0, 2));
    assertArrayEquals(new long[] {3, 4, 4}, dataset.get(1).input().sizes());
  }

  @Test
  void emptyFoldersAreNamedAsTorchvisionNamesThem() throws IOException {
    assertEquals("Couldn't find any class folder in " + root + ".",
        assertThrows(DataException.class, () -> ImageFolder.of(root, CROP)).getMessage());
    write("cat/1.png", 1);
    Files.createDirectory(root.resolve("dog"));
    Files.createDirectory(root.resolve("ape"));
    assertEquals(
        "Found no valid file for the classes ape, dog. Supported extensions are: .jpg, .jpeg, .png, .ppm, .bmp, .pgm, .tif, .tiff, .webp",
        assertThrows(DataException.class, () -> ImageFolder.of(root, CROP)).getMessage());
    Path none = root.resolve("none");
    assertEquals(none + ": cannot be read as a folder of class folders: no such file or folder",
        assertThrows(DataException.class, () -> ImageFolder.of(none, CROP)).getMessage());
  }

  @Test
  void aLoadersErrorNamesTheFile() throws IOException {
    write("cat/1.png", 1);
    Path broken = Files.writeString(root.resolve("cat/2.jpg"), "no image");
    DataLoader loader = DataLoader.of(ImageFolder.of(root, CROP)).batchSize(2).workers(2);
    assertEquals(
        "[DataLoader] sample 1: " + broken + ": not an image of a known format (JPEG, PNG, WebP, BMP, GIF, TIFF, binary PPM and PGM)",
        assertThrows(DataException.class, () -> loader.iterator().next()).getMessage());
    Files.delete(broken);
    assertTrue(
        String.valueOf(assertThrows(DataException.class, () -> loader.iterator().next()).getMessage()).endsWith("there is no such file"));
    ImageFolder small = ImageFolder.of(root, new RandomCrop(9).then(new ToTensor()));
    assertEquals(root.resolve("cat/1.png") + ": Required crop size (9, 9) is larger than input image size (5, 6)",
        assertThrows(DataException.class, () -> small.get(0)).getMessage());
  }

  @Test
  void randomTransformsAreTheSameWhateverTheNumberOfWorkers() throws IOException {
    for (int i = 0; i < 12; i++) {
      write("a/" + i + ".png", i * 20);
    }
    DataLoader loader = DataLoader.of(ImageFolder.of(root, Transforms.imagenetTraining(8, Interpolation.BICUBIC))).batchSize(5)
        .shuffle(true);
    Random.manualSeed(1);
    double[] alone = sums(loader);
    Random.manualSeed(1);
    assertArrayEquals(alone, sums(loader.workers(3)));
  }

  private static double[] sums(DataLoader loader) {
    double[] sums = new double[3];
    int i = 0;
    for (Batch batch : loader) {
      sums[i++] = batch.input().mul(Tensor.arange(0, batch.input().numel(), 1.0).reshape(batch.input().sizes())).sum().toDouble();
    }
    return sums;
  }
}
