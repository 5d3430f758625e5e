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
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.Tensor;
import org.flambeau.vision.AutoAugment.Policy;
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
      case "ColorJitter" ->
        new ColorJitter(decimal(arguments, 0), decimal(arguments, 1), decimal(arguments, 2), decimal(arguments, 3));
      case "RandAugment" ->
        new RandAugment(number(arguments, 0), number(arguments, 1), 31, interpolation(arguments[2]), number(arguments, 3));
      case "AutoAugment" -> new AutoAugment(Policy.valueOf(arguments[0]), interpolation(arguments[1]), number(arguments, 2));
      case "TrivialAugmentWide" -> new TrivialAugmentWide(31, interpolation(arguments[0]), number(arguments, 1));
      case "RandomGrayscale" -> new RandomGrayscale(decimal(arguments, 0));
      case "RandomApply" -> new RandomApply<>(new RandomVerticalFlip(0.5), decimal(arguments, 0));
      case "RandomRotation" -> new RandomRotation(decimal(arguments, 0), decimal(arguments, 1), interpolation(arguments[2]),
          arguments[3].equals("yes"), number(arguments, 4));
      case "RandomAffine" -> RandomAffine.degrees(decimal(arguments, 0)).translate(decimal(arguments, 1), decimal(arguments, 2))
          .scale(decimal(arguments, 3), decimal(arguments, 4)).shear(decimal(arguments, 5)).interpolation(interpolation(arguments[6]))
          .fill(number(arguments, 7));
      case "GaussianBlur" -> new GaussianBlur(number(arguments, 0), number(arguments, 1), decimal(arguments, 2), decimal(arguments, 3));
      case "RandomErasing" -> new ToTensor().then(new RandomErasing(0.7, 0.02, 0.33, 0.3, 3.3,
          arguments[0].equals("random") ? null : Stream.of(arguments).map(Double::valueOf).toList()));
      case "train" -> Transforms.imagenetTraining(number(arguments, 0), Interpolation.BILINEAR);
      case "eval" -> Transforms.imagenet(number(arguments, 0), number(arguments, 1), Interpolation.BILINEAR);
      default -> throw new AssertionError(name);
    };
  }

  private static int number(String[] arguments, int i) {
    return Integer.parseInt(arguments[i]);
  }

  private static double decimal(String[] arguments, int i) {
    return Double.parseDouble(arguments[i]);
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
    assertEquals("""
        RandomApply(
            p=0.8
            ColorJitter(brightness=(0.6, 1.4), contrast=None, saturation=(0.0, 2.5), hue=(-0.1, 0.1))
        )""", new RandomApply<>(new ColorJitter(0.4, 0, 1.5, 0.1), 0.8).toString());
    assertEquals("RandAugment(num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)",
        new RandAugment().toString());
    assertEquals("TrivialAugmentWide(num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)",
        new TrivialAugmentWide().toString());
    assertEquals("AutoAugment(policy=AutoAugmentPolicy.IMAGENET, fill=None)", new AutoAugment().toString());
    assertEquals("RandomGrayscale(p=0.1)", new RandomGrayscale().toString());
    assertEquals("RandomRotation(degrees=[-30.0, 30.0], interpolation=nearest, expand=False, fill=0)", new RandomRotation(30).toString());
    assertEquals("RandomAffine(degrees=[-15.0, 15.0], translate=(0.1, 0.2), scale=(0.9, 1.1), shear=[-10.0, 10.0], interpolation=bilinear)",
        RandomAffine.degrees(15).translate(0.1, 0.2).scale(0.9, 1.1).shear(10).interpolation(Interpolation.BILINEAR).toString());
    assertEquals("GaussianBlur(kernel_size=(3, 5), sigma=(0.1, 2.0))", new GaussianBlur(5, 3, 0.1, 2).toString());
    assertEquals("RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=(0.0,), inplace=False)", new RandomErasing().toString());
    assertEquals("""
        RandomChoice(
            RandomHorizontalFlip(p=0.5)
            RandomVerticalFlip(p=0.5)
        )""", new RandomChoice<>(new RandomHorizontalFlip(), new RandomVerticalFlip(0.5)).toString());
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
    assertThrows(IllegalArgumentException.class, () -> new RandomApply<>(new Grayscale(), -0.1));
    assertThrows(IllegalArgumentException.class, () -> new RandomGrayscale(2));
    assertThrows(IllegalArgumentException.class, () -> new RandAugment(2, 31));
    assertEquals("[AutoAugment] expected a fill between 0 and 255, got 256", assertThrows(IllegalArgumentException.class,
        () -> new AutoAugment(Policy.SVHN, Interpolation.NEAREST, 256)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> new TrivialAugmentWide(1, Interpolation.NEAREST, 0));
    assertThrows(IllegalArgumentException.class, () -> new RandomRotation(-1));
    assertThrows(IllegalArgumentException.class, () -> RandomAffine.degrees(0).translate(1.1, 0));
    assertThrows(IllegalArgumentException.class, () -> RandomAffine.degrees(0).scale(0, 1));
    assertThrows(IllegalArgumentException.class, () -> new GaussianBlur(4));
    assertThrows(IllegalArgumentException.class, () -> new RandomErasing(0.5, 0.3, 0.2, 1, 1, List.of(0.0)));
    assertEquals("[ColorJitter] hue values should be between -0.5 and 0.5, the lower one first, but got -0.6 and 0.6",
        assertThrows(IllegalArgumentException.class, () -> new ColorJitter(0, 0, 0, 0.6)).getMessage());
    assertEquals("[RandomErasing] expected one value or one for each of 3 channels, got [1.0, 2.0]",
        assertThrows(IllegalArgumentException.class,
            () -> new ToTensor().then(new RandomErasing(1, 0.1, 0.2, 1, 1, List.of(1.0, 2.0))).apply(small)).getMessage());
    assertEquals(
        "Padding size should be less than the corresponding input dimension, but a blur over 9x9 pixels needs more than the 3x4 of the "
            + "image",
        assertThrows(ImageException.class, () -> new GaussianBlur(9).apply(small)).getMessage());
  }
}
