package org.flambeau.vision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.zip.CRC32;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.Tensor;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Transforms make of images what torchvision's make by Pillow, to the bit, and draw the same random numbers.
class TransformsTest {
  /// One test for each transform, of all its lines.
  @TestFactory
  List<DynamicTest> makeWhatTorchvisionMakes() throws IOException {
    try (var reader = new BufferedReader(new InputStreamReader(
        Objects.requireNonNull(TransformsTest.class.getResourceAsStream("transforms.txt")), StandardCharsets.US_ASCII))) {
      Map<String, List<String>> lines = reader.lines().collect(Collectors.groupingBy(line -> line.split(";")[0]));
      return lines.entrySet().stream().map(entry -> DynamicTest.dynamicTest(entry.getKey() + ", " + entry.getValue().size() + " cases",
          () -> entry.getValue().forEach(TransformsTest::check))).toList();
    }
  }

  private static void check(String line) {
    String[] part = line.split(";");
    int[] size = numbers(part[2]);
    int[] run = numbers(part[3]);
    Image image = image(size[0], size[1], size[2]);
    Transform<Image, ?> transform = transform(part[0], part[1].split(","));
    Generator random = Generator.create(Device.CPU).manualSeed(run[0]);
    String results = IntStream.range(0, run[1]).mapToObj(_ -> crc(transform.apply(image, random))).collect(Collectors.joining(" "));
    assertEquals(part[4], results, line);
    assertEquals(Integer.parseInt(part[5]), Tensor.randint(random, DType.INT64, 0, 1000, 1).toLong(), line);
  }

  private static int[] numbers(String list) {
    return List.of(list.split(",")).stream().mapToInt(Integer::parseInt).toArray();
  }

  private static Transform<Image, ?> transform(String name, String[] arguments) {
    return switch (name) {
      case "Resize" -> new Resize(number(arguments, 0), number(arguments, 1), interpolation(arguments[2]));
      case "Shortest" -> new Resize(number(arguments, 0), interpolation(arguments[1]));
      case "CenterCrop" -> new CenterCrop(number(arguments, 0), number(arguments, 1));
      case "Pad" -> new Pad(number(arguments, 0), number(arguments, 1), number(arguments, 2), number(arguments, 3), number(arguments, 4),
          Pad.Mode.valueOf(arguments[5].toUpperCase(Locale.ROOT)));
      case "Grayscale" -> new Grayscale(number(arguments, 0));
      case "ToTensor" -> new ToTensor();
      case "RandomHorizontalFlip" -> new RandomHorizontalFlip();
      case "RandomVerticalFlip" -> new RandomVerticalFlip(Double.parseDouble(arguments[0]));
      case "RandomResizedCrop" -> new RandomResizedCrop(number(arguments, 0), interpolation(arguments[1]));
      case "RandomCrop" -> new RandomCrop(number(arguments, 0), number(arguments, 1), number(arguments, 2));
      case "train" -> Transforms.imagenetTraining(number(arguments, 0), Interpolation.BILINEAR);
      case "eval" -> Transforms.imagenet(number(arguments, 0), number(arguments, 1), Interpolation.BILINEAR);
      default -> throw new AssertionError(name);
    };
  }

  private static int number(String[] arguments, int i) {
    return Integer.parseInt(arguments[i]);
  }

  private static Interpolation interpolation(String label) {
    return Interpolation.valueOf(label.toUpperCase(Locale.ROOT));
  }

  /// Half noise, half slopes: the same as in the script that made the goldens.
  private static Image image(int width, int height, int channels) {
    byte[] pixels = new byte[width * height * channels];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (i / 64 % 2 == 0 ? i * (int) 2654435761L >>> 24 : 3 * i >>> 2);
    }
    return Image.of(width, height, channels, pixels);
  }

  private static String crc(Object result) {
    CRC32 crc = new CRC32();
    long[] sizes;
    if (result instanceof Image image) {
      crc.update(image.pixels());
      sizes = image.channels() == 1 ? new long[] {image.height(), image.width()} : new long[] {image.height(), image.width(), 3};
    } else {
      Tensor tensor = (Tensor) result;
      ByteBuffer bytes = ByteBuffer.allocate(4 * (int) tensor.numel()).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(tensor.toFloatArray());
      crc.update(bytes.array());
      sizes = tensor.sizes();
    }
    return String.format(Locale.ROOT, "%08x:", crc.getValue())
        + LongStream.of(sizes).mapToObj(Long::toString).collect(Collectors.joining("x"));
  }

  @Test
  void transformsPrintAsTorchvisionPrintsThem() {
    assertEquals("""
        Compose(
            RandomResizedCrop(size=(224, 224), scale=(0.08, 1.0), ratio=(0.75, 1.3333), interpolation=bilinear, antialias=True)
            RandomHorizontalFlip(p=0.5)
            RGB()
            ToTensor()
            Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
        )""", Transforms.imagenetTraining().toString());
    assertEquals("Resize(size=[256], interpolation=bicubic, max_size=None, antialias=True)",
        new Resize(256, Interpolation.BICUBIC).toString());
    assertEquals("CenterCrop(size=(224, 224))", new CenterCrop(224).toString());
    assertEquals("RandomCrop(size=(32, 32), padding=4)", new RandomCrop(32, 32, 4).toString());
    assertEquals("Pad(padding=(1, 1, 1, 1), fill=0, padding_mode=constant)", new Pad(1).toString());
    assertEquals("Grayscale(num_output_channels=3)", new Grayscale(3).toString());
  }

  @Test
  void whatCannotBeDoneIsSaid() {
    Image small = image(4, 3, 3);
    assertEquals("Required crop size (5, 5) is larger than input image size (3, 4)",
        assertThrows(ImageException.class, () -> new RandomCrop(5).apply(small)).getMessage());
    assertEquals("resizing the shorter edge of Image(1000000x1, RGB) to 224 would make the other one 224000000",
        assertThrows(ImageException.class, () -> new Resize(224).apply(image(1_000_000, 1, 3))).getMessage());
    assertEquals("[Normalize] expected a float32 tensor of sizes (1, h, w), got torch.FloatTensor [3, 3, 4]",
        assertThrows(IllegalArgumentException.class,
            () -> new ToTensor().then(new Normalize(List.of(0.5), List.of(0.5))).apply(small)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> new Normalize(List.of(0.5), List.of(0.0)));
    assertThrows(IllegalArgumentException.class, () -> new Resize(0));
    assertThrows(IllegalArgumentException.class, () -> new Grayscale(2));
    assertThrows(IllegalArgumentException.class, () -> new RandomHorizontalFlip(1.5));
    assertThrows(IllegalArgumentException.class, () -> Image.of(2, 2, 3, new byte[11]));
  }
}
