package org.flambeau.vision;

import org.flambeau.Generator;

/// What policies of changes are made of, each by a magnitude of a range from weak to strong: all but the last in the order in which [RandAugment] and
/// [TrivialAugmentWide] choose from them, as torchvision's do.
enum PolicyStep {
  IDENTITY,
  SHEAR_X {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return transformed(new AffineMap(1, Math.tan(angle(magnitude)), 0, 0, 1, 0), image, interpolation, fill);
    }
  },
  SHEAR_Y {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      double angle = angle(magnitude);
      return transformed(new AffineMap(1, 0, 0, Math.sin(angle) / Math.cos(angle), 1, 0), image, interpolation, fill);
    }
  },
  TRANSLATE_X {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return moved(image, (int) magnitude, 0, interpolation, fill);
    }
  },
  TRANSLATE_Y {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return moved(image, 0, (int) magnitude, interpolation, fill);
    }
  },
  ROTATE {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return new RandomRotation(magnitude, magnitude, interpolation, false, fill).turn(image, magnitude);
    }
  },
  BRIGHTNESS {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return Colors.brightness(image, 1 + magnitude);
    }
  },
  COLOR {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return Colors.saturation(image, 1 + magnitude);
    }
  },
  CONTRAST {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return Colors.contrast(image, 1 + magnitude);
    }
  },
  SHARPNESS {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return Colors.sharpness(image, 1 + magnitude);
    }
  },
  POSTERIZE {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return Tones.posterize(image, (int) magnitude);
    }
  },
  SOLARIZE {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return Tones.solarize(image, magnitude);
    }
  },
  AUTO_CONTRAST {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return Tones.autoContrast(image);
    }
  },
  EQUALIZE {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return Tones.equalize(image);
    }
  },
  INVERT {
    @Override
    Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
      return Tones.solarize(image, 0);
    }
  };

  private static final PolicyStep[] ALL = values();

  /// `image`, changed by as much as `magnitude` says.
  Image apply(Image image, double magnitude, Interpolation interpolation, int fill) {
    return image;
  }

  /// One of all but [#INVERT].
  static PolicyStep draw(Generator random) {
    return ALL[Draws.below(random, ALL.length - 1)];
  }

  /// Whether its magnitudes are of either sign.
  boolean isSigned() {
    return switch (this) {
      case IDENTITY, POSTERIZE, SOLARIZE, AUTO_CONTRAST, EQUALIZE, INVERT -> false;
      default -> true;
    };
  }

  /// Whether there is more than one way to do it.
  boolean hasMagnitude() {
    return isSigned() || this == POSTERIZE || this == SOLARIZE;
  }

  /// `magnitude`, or where it has either sign and that is drawn, its opposite.
  double signed(double magnitude, Generator random) {
    return isSigned() && Draws.below(random, 2) == 1 ? -magnitude : magnitude;
  }

  /// Number `index` of `count` at equal distances from `from` to `to`, rounded as `torch.linspace` rounds.
  static double magnitude(double from, double to, int count, int index) {
    float step = (float) (to - from) / (count - 1);
    return index < count / 2 ? Math.fma(step, index, (float) from) : Math.fma(-step, count - index - 1, (float) to);
  }

  /// Of 8 bits, how many are left by number `index` of `count` magnitudes, the last of which takes `most`.
  static double bits(int most, int count, int index) {
    return 8 - Math.rint(index / (float) ((count - 1) / (double) most));
  }

  private static double angle(double slope) {
    return Math.toRadians(Math.toDegrees(Math.atan(slope)));
  }

  private static Image moved(Image image, int right, int down, Interpolation interpolation, int fill) {
    double cx = image.width() * 0.5;
    double cy = image.height() * 0.5;
    return transformed(new AffineMap(1, 0, 0, 0, 1, 0).after(-cx - right, -cy - down).then(cx, cy), image, interpolation, fill);
  }

  private static Image transformed(AffineMap map, Image image, Interpolation interpolation, int fill) {
    return map.apply(image, image.width(), image.height(), interpolation, fill);
  }
}
