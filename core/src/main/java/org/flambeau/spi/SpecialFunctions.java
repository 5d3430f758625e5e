package org.flambeau.spi;

/// The functions that the JDK lacks, in float64: the formulas behind [UnaryOp] and [BinaryOp].
///
/// The rational approximations of `erf`, `erfc` and `lgamma` are fdlibm's: "Copyright (C) 1993 by Sun Microsystems, Inc. All rights
/// reserved. Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and distribute this software is
/// freely granted, provided that this notice is preserved."
public final class SpecialFunctions {
  public static final double LN_2 = 0.6931471805599453;
  private static final double SQRT_HALF = 0.7071067811865476;
  private static final double SQRT_2_BY_PI = 0.7978845608028654;
  private static final double INV_SQRT_2PI = 0.3989422804014327;
  private static final double TWO_BY_SQRT_PI = 1.1283791670955126;
  private static final double GELU_CUBIC = 0.044715;

  // erf on [0, 0.84375]: x + x·P(x²)/Q(x²)
  private static final double[] ERF_P = {1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02,
    -5.77027029648944159157e-03, -2.37630166566501626084e-05};
  private static final double[] ERF_Q = {1.0, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03,
    1.32494738004321644526e-04, -3.96022827877536812320e-06};
  // erf on [0.84375, 1.25]: 0.845… + P(|x| − 1)/Q(|x| − 1)
  private static final double ERF_AT_ONE = 8.45062911510467529297e-01;
  private static final double[] ERF_MIDDLE_P = {-2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01,
    3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02, -2.16637559486879084300e-03};
  private static final double[] ERF_MIDDLE_Q = {1.0, 1.06420880400844228286e-01, 5.40397917702171048937e-01,
    7.18286544141962662868e-02, 1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02};
  // erfc on [1.25, 1/0.35]: exp(−x² − 0.5625 + R(1/x²)/S(1/x²))/x
  private static final double[] ERFC_NEAR_R = {-9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01,
    -6.23753324503260060396e+01, -1.62396669462573470355e+02, -1.84605092906711035994e+02, -8.12874355063065934246e+01,
    -9.81432934416914548592e+00};
  private static final double[] ERFC_NEAR_S = {1.0, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02,
    6.45387271733267880336e+02, 4.29008140027567833386e+02, 1.08635005541779435134e+02, 6.57024977031928170135e+00,
    -6.04244152148580987438e-02};
  // … and on [1/0.35, 28]
  private static final double[] ERFC_FAR_R = {-9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01,
    -1.60636384855821916062e+02, -6.37566443368389627722e+02, -1.02509513161107724954e+03, -4.83519191608651397019e+02};
  private static final double[] ERFC_FAR_S = {1.0, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03,
    3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02, -2.24409524465858183362e+01};

  // Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011): a start that Halley's steps refine
  private static final double[] ERFINV_CENTRE = {1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-06,
    -3.5233877e-06, 3.43273939e-07, 2.81022636e-08};
  private static final double[] ERFINV_TAIL = {2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844,
    0.00134934322, 0.000100950558, -0.000200214257};

  // lgamma near 2, near its minimum, and on [2, 3]
  private static final double[] LGAMMA_AT_TWO = {7.72156649015328655494e-02, 3.22467033424113591611e-01, 6.73523010531292681824e-02,
    2.05808084325167332806e-02, 7.38555086081402883957e-03, 2.89051383673415629091e-03, 1.19270763183362067845e-03,
    5.10069792153511336608e-04, 2.20862790713908385557e-04, 1.08011567247583939954e-04, 2.52144565451257326939e-05,
    4.48640949618915160150e-05};
  private static final double LGAMMA_MINIMUM_AT = 1.46163214496836224576e+00;
  private static final double LGAMMA_MINIMUM = -1.21486290535849611461e-01;
  private static final double LGAMMA_MINIMUM_TAIL = -3.63867699703950536541e-18;
  private static final double[] LGAMMA_AT_MINIMUM = {0.0, 0.0, 4.83836122723810047042e-01, -1.47587722994593911752e-01,
    6.46249402391333854778e-02, -3.27885410759859649565e-02, 1.79706750811820387126e-02, -1.03142241298341437450e-02,
    6.10053870246291332635e-03, -3.68452016781138256760e-03, 2.25964780900612472250e-03, -1.40346469989232843813e-03,
    8.81081882437654011382e-04, -5.38595305356740546715e-04, 3.15632070903625950361e-04, -3.12754168375120860518e-04,
    3.35529192635519073543e-04};
  private static final double[] LGAMMA_AT_ONE_U = {0.0, -7.72156649015328655494e-02, 6.32827064025093366517e-01,
    1.45492250137234768737e+00, 9.77717527963372745603e-01, 2.28963728064692451092e-01, 1.33810918536787660377e-02};
  private static final double[] LGAMMA_AT_ONE_V = {1.0, 2.45597793713041134822e+00, 2.12848976379893395361e+00,
    7.69285150456672783825e-01, 1.04222645593369134254e-01, 3.21709242282423911810e-03};
  private static final double[] LGAMMA_MIDDLE_S = {0.0, -7.72156649015328655494e-02, 2.14982415960608852501e-01,
    3.25778796408930981787e-01, 1.46350472652464452805e-01, 2.66422703033638609560e-02, 1.84028451407337715652e-03,
    3.19475326584100867617e-05};
  private static final double[] LGAMMA_MIDDLE_R = {1.0, 1.39200533467621045958e+00, 7.21935547567138069525e-01,
    1.71933865632803078993e-01, 1.86459191715652901344e-02, 7.77942496381893596434e-04, 7.32668430744625636189e-06};
  private static final double LGAMMA_STIRLING_0 = 4.18938533204672725052e-01;
  private static final double[] LGAMMA_STIRLING = {8.33333333333329678849e-02, -2.77777777728775536470e-03, 7.93650558643019558500e-04,
    -5.95187557450339963135e-04, 8.36339918996282139126e-04, -1.63092934096575273989e-03};

  private static final double HALF_ULP = 0x1p-53;
  // (2k)!/B₂ₖ, of zeta's asymptotic series
  private static final double[] ZETA_SERIES = {12, -720, 30240, -1209600, 47900160, -1.8924375803183791606e9, 7.47242496e10,
    -2.950130727918164224e12, 1.1646782814350067249e14, -4.5979787224074726105e15, 1.8152105401943546773e17, -7.1661652561756670113e18};
  // B₂ₖ/2k, of digamma's asymptotic series
  private static final double[] DIGAMMA_SERIES = {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12,
    -3617.0 / 8160};

  private SpecialFunctions() {}

  // ---- inverse hyperbolic functions ----

  public static double asinh(double x) {
    double a = Math.abs(x);
    double y = a < 1e8 ? Math.log1p(a + a * a / (1 + Math.sqrt(a * a + 1))) : Math.log(a) + LN_2;
    return Math.copySign(y, x);
  }

  public static double acosh(double x) {
    double t = x - 1;
    return x < 1 ? Double.NaN : x < 1e8 ? Math.log1p(t + Math.sqrt(2 * t + t * t)) : Math.log(x) + LN_2;
  }

  public static double atanh(double x) {
    double a = Math.abs(x);
    return Math.copySign(0.5 * Math.log1p(2 * a / (1 - a)), x);
  }

  // ---- the error function and its kin ----

  /// 2/√π ∫₀ˣ exp(−t²) dt.
  public static double erf(double x) {
    double a = Math.abs(x);
    if (a < 0.84375) {
      return x + x * ratio(ERF_P, ERF_Q, x * x);
    }
    if (a < 1.25) {
      return Math.copySign(ERF_AT_ONE + ratio(ERF_MIDDLE_P, ERF_MIDDLE_Q, a - 1), x);
    }
    return a < 6 ? Math.copySign(1 - erfcTail(a), x) : Double.isNaN(x) ? x : Math.copySign(1.0, x);
  }

  /// 1 − erf(x), without the loss of digits where erf is near one.
  public static double erfc(double x) {
    double a = Math.abs(x);
    if (a < 0.84375) {
      double y = ratio(ERF_P, ERF_Q, x * x);
      return x < 0.25 ? 1 - (x + x * y) : 0.5 - (x - 0.5 + x * y);
    }
    if (a < 1.25) {
      double y = ratio(ERF_MIDDLE_P, ERF_MIDDLE_Q, a - 1);
      return x > 0 ? 1 - ERF_AT_ONE - y : 1 + (ERF_AT_ONE + y);
    }
    if (a < 28) {
      return x > 0 ? erfcTail(x) : x < -6 ? 2 : 2 - erfcTail(a);
    }
    return Double.isNaN(x) ? x : x > 0 ? 0 : 2;
  }

  /// erfc(a) for a in [1.25, 28); splits a so that exp(−a²) keeps its digits.
  private static double erfcTail(double a) {
    double s = 1 / (a * a);
    double r = a < 1 / 0.35 ? ratio(ERFC_NEAR_R, ERFC_NEAR_S, s) : ratio(ERFC_FAR_R, ERFC_FAR_S, s);
    double z = Double.longBitsToDouble(Double.doubleToRawLongBits(a) & 0xffffffff00000000L);
    return Math.exp(-z * z - 0.5625) * Math.exp((z - a) * (z + a) + r) / a;
  }

  /// The inverse of [#erf]; ±∞ at ±1, NaN beyond.
  public static double erfinv(double y) {
    double a = Math.abs(y);
    if (!(a < 1)) {
      return a == 1 ? Math.copySign(Double.POSITIVE_INFINITY, y) : Double.NaN;
    }
    double w = -Math.log1p(-a * a);
    double x = a * (w < 5 ? polynomial(ERFINV_CENTRE, w - 2.5) : polynomial(ERFINV_TAIL, Math.sqrt(w) - 3));
    double step;
    do { // Halley's, on erfc where erf has lost its digits
      double error = a < 0.5 ? erf(x) - a : 1 - a - erfc(x);
      double newton = error / (TWO_BY_SQRT_PI * Math.exp(-x * x));
      step = newton / (1 + x * newton);
      x -= step;
    } while (Math.abs(step) > 1e-8 * x);
    return Math.copySign(x, y);
  }

  // ---- the gamma function's ----

  /// log |Γ(x)|; +∞ at 0, −1, −2, ….
  public static double lgamma(double x) {
    if (Double.isNaN(x) || Double.isInfinite(x)) {
      return x * x;
    }
    if (x > 0) {
      return lgammaPositive(x);
    }
    if (x == Math.floor(x)) {
      return Double.POSITIVE_INFINITY;
    }
    if (x > -1e-20) {
      return -Math.log(-x);
    }
    return Math.log(Math.PI / Math.abs(sinPi(x) * x)) - lgammaPositive(-x);
  }

  private static double lgammaPositive(double x) {
    if (x < 1e-20) {
      return -Math.log(x);
    }
    if (x < 2) {
      return lgammaBelowTwo(x);
    }
    if (x < 8) {
      double whole = Math.floor(x);
      double y = x - whole;
      double product = 1;
      for (double z = y + whole - 1; z >= y + 2; z--) {
        product *= z;
      }
      double r = y * 0.5 + ratio(LGAMMA_MIDDLE_S, LGAMMA_MIDDLE_R, y);
      return whole == 2 ? r : r + Math.log(product);
    }
    double log = Math.log(x);
    if (x >= 0x1p58) {
      return x * (log - 1);
    }
    double z = 1 / x;
    return (x - 0.5) * (log - 1) + LGAMMA_STIRLING_0 + z * polynomial(LGAMMA_STIRLING, z * z);
  }

  private static double lgammaBelowTwo(double x) {
    double shift = 0;
    double from = x;
    if (x <= 0.9) { // lgamma(x) = lgamma(x + 1) − log x
      shift = -Math.log(x);
      from = x + 1;
    }
    if (from >= 1.7316321) {
      double y = x <= 0.9 ? 1 - x : 2 - x;
      return shift + y * polynomial(LGAMMA_AT_TWO, y) - 0.5 * y;
    }
    if (from >= 1.2316321) {
      double y = x <= 0.9 ? x - (LGAMMA_MINIMUM_AT - 1) : x - LGAMMA_MINIMUM_AT;
      return shift + (LGAMMA_MINIMUM + (polynomial(LGAMMA_AT_MINIMUM, y) - LGAMMA_MINIMUM_TAIL));
    }
    double y = x <= 0.9 ? x : x - 1;
    return shift + (-0.5 * y + ratio(LGAMMA_AT_ONE_U, LGAMMA_AT_ONE_V, y));
  }

  /// The derivative of log Γ; ∓∞ at ±0, NaN at the negative whole numbers.
  public static double digamma(double x) {
    if (x == 0) {
      return Math.copySign(Double.POSITIVE_INFINITY, -x);
    }
    if (x < 0) {
      return x == Math.floor(x) ? Double.NaN : digamma(1 - x) - Math.PI * cosPi(x) / sinPi(x);
    }
    double sum = 0;
    double y = x;
    for (; y < 10; y++) {
      sum += 1 / y;
    }
    if (y == Double.POSITIVE_INFINITY) {
      return y;
    }
    double z = 1 / (y * y);
    return Math.log(y) - 0.5 / y - z * polynomial(DIGAMMA_SERIES, z) - sum;
  }

  /// The derivative of [#digamma]; by reflection where x is less than ½.
  public static double trigamma(double x) {
    double sum = 0;
    double y = x;
    if (x < 0.5) {
      double sine = sinPi(x);
      sum = -Math.PI * Math.PI / (sine * sine);
      y = 1 - x;
    }
    for (int i = 0; i < 6; i++, y++) {
      sum += 1 / (y * y);
    }
    double z = 1 / (y * y);
    sum += (1 + 1 / (2 * y) + z * (1.0 / 6 - z * (1.0 / 30 - z / 42))) / y;
    return x < 0.5 ? -sum : sum;
  }

  /// Hurwitz' zeta function Σ (q + k)⁻ˣ over k ≥ 0, by the Euler-Maclaurin formula.
  ///
  /// Reference: Moshier, "Methods and Programs for Mathematical Functions", 1989 (Cephes).
  public static double zeta(double x, double q) {
    if (x == 1) {
      return Double.POSITIVE_INFINITY;
    }
    if (x < 1) {
      return Double.NaN;
    }
    if (q <= 0) {
      if (q == Math.floor(q)) {
        return Double.POSITIVE_INFINITY;
      }
      if (x != Math.floor(x)) {
        return Double.NaN;
      }
    }
    double sum = Math.pow(q, -x);
    double a = q;
    double power = 0;
    for (int i = 0; i < 9 || a <= 9; i++) {
      a++;
      power = Math.pow(a, -x);
      sum += power;
      if (Math.abs(power) < HALF_ULP * sum) {
        return sum;
      }
    }
    sum += power * a / (x - 1) - 0.5 * power;
    double factor = 1;
    for (int i = 0; i < ZETA_SERIES.length; i++) {
      factor *= x + 2 * i;
      power /= a;
      double term = factor * power / ZETA_SERIES[i];
      sum += term;
      if (Math.abs(term / sum) < HALF_ULP) {
        return sum;
      }
      factor *= x + 2 * i + 1;
      power /= a;
    }
    return sum;
  }

  /// sin πx, with x reduced before π rounds it.
  private static double sinPi(double x) {
    double r = x - 2 * Math.rint(x / 2);
    return Math.abs(r) <= 0.5 ? Math.sin(Math.PI * r) : Math.sin(Math.PI * (Math.copySign(1, r) - r));
  }

  private static double cosPi(double x) {
    double r = Math.abs(x - 2 * Math.rint(x / 2));
    return r <= 0.25 ? Math.cos(Math.PI * r) : r < 0.75 ? Math.sin(Math.PI * (0.5 - r)) : -Math.cos(Math.PI * (1 - r));
  }

  // ---- activations ----

  /// x·Φ(x), with Φ the normal distribution function.
  public static double gelu(double x) {
    return 0.5 * x * erfc(-x * SQRT_HALF);
  }

  /// 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
  public static double geluTanh(double x) {
    return 0.5 * x * (1 + Math.tanh(SQRT_2_BY_PI * (x + GELU_CUBIC * x * x * x)));
  }

  /// g·(Φ(x) + x·φ(x)).
  public static double geluBackward(double g, double x) {
    return g * (0.5 * erfc(-x * SQRT_HALF) + x * INV_SQRT_2PI * Math.exp(-0.5 * x * x));
  }

  /// g times the derivative of [#geluTanh].
  public static double geluTanhBackward(double g, double x) {
    double t = Math.tanh(SQRT_2_BY_PI * (x + GELU_CUBIC * x * x * x));
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * SQRT_2_BY_PI * (1 + 3 * GELU_CUBIC * x * x));
  }

  /// g·σ(x)·(1 + x·(1 − σ(x))).
  public static double siluBackward(double g, double x) {
    double s = 1 / (1 + Math.exp(-x));
    return g * s * (1 + x * (1 - s));
  }

  // ---- arithmetic with PyTorch's edge cases ----

  /// ⌊a/b⌋, exact where a/b rounds up to a whole number; ±∞ or NaN where b is 0.
  public static double floorDivide(double a, double b) {
    if (b == 0) {
      return a / b;
    }
    double mod = a % b;
    double quotient = (a - mod) / b;
    if (mod != 0 && b < 0 != mod < 0) {
      quotient--;
    }
    if (quotient == 0) {
      return Math.copySign(0.0, a / b);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  /// a − b·⌊a/b⌋, with b's sign.
  public static double remainder(double a, double b) {
    double mod = a % b;
    return mod != 0 && b < 0 != mod < 0 ? mod + b : mod;
  }

  /// aᵇ as C defines it: 1 to any power and anything to the power 0 are 1, also where the other is NaN; (−1)^±∞ is 1.
  public static double pow(double a, double b) {
    return a == 1 || a == -1 && Double.isInfinite(b) ? 1 : Math.pow(a, b);
  }

  /// aᵇ, wrapping; a negative power is the truncated reciprocal: 0 but for ±1.
  public static long pow(long a, long b) {
    if (b < 0) {
      return a == 1 ? 1 : a == -1 ? (b & 1) == 0 ? 1 : -1 : 0;
    }
    long result = 1;
    for (long square = a, left = b; left != 0; left >>>= 1, square *= square) {
      if ((left & 1) != 0) {
        result *= square;
      }
    }
    return result;
  }

  /// log(eᵃ + eᵇ), computed without overflow.
  public static double logAddExp(double a, double b) {
    return a == b && Double.isInfinite(a) ? a : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
  }

  private static double ratio(double[] p, double[] q, double x) {
    return polynomial(p, x) / polynomial(q, x);
  }

  /// Horner's scheme, constant first.
  private static double polynomial(double[] c, double x) {
    double sum = c[c.length - 1];
    for (int i = c.length - 2; i >= 0; i--) {
      sum = sum * x + c[i];
    }
    return sum;
  }
}
