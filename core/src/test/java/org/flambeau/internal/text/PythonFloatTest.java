package org.flambeau.internal.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PythonFloatTest {
  @ParameterizedTest
  @CsvSource({"0.00005, 4, 0.0001", "2.5e-5, 4, 0.0000", "0.125, 2, 0.12", "0.375, 2, 0.38", "1e16, 4, 10000000000000000.0000",
    "123456.789, 4, 123456.7890", "-0.00001, 4, -0.0000", "-0.0, 1, -0.0", "0.5, 0, 0", "1.5, 0, 2", "2.675, 2, 2.67",
    "1e22, 1, 10000000000000000000000.0", "1e23, 0, 99999999999999991611392", "NaN, 4, nan", "-Infinity, 4, -inf"})
  void fixedRoundsTheExactValueHalfToEven(double value, int precision, String expected) {
    assertEquals(expected, PythonFloat.fixed(value, precision));
  }

  @ParameterizedTest
  @CsvSource({"0.00005, 4, 5.0000e-05", "2.5e-5, 0, 3e-05", "1e16, 4, 1.0000e+16", "123456.789, 4, 1.2346e+05", "9.99995e5, 4, 1.0000e+06",
    "999999.0, 4, 1.0000e+06", "0.0, 4, 0.0000e+00", "-0.0, 2, -0.00e+00", "4.9e-324, 4, 4.9407e-324",
    "1.7976931348623157e308, 4, 1.7977e+308",
    "1, 0, 1e+00", "8.5, 0, 8e+00", "9.5, 0, 1e+01", "1e100, 20, 1.00000000000000001590e+100", "Infinity, 4, inf"})
  void scientificHasAnExponentOfTwoDigitsOrMore(double value, int precision, String expected) {
    assertEquals(expected, PythonFloat.scientific(value, precision));
  }

  @ParameterizedTest
  @CsvSource({"1, 1.0", "0.1, 0.1", "0.0001, 0.0001", "0.00001, 1e-05", "123456.789, 123456.789", "9999999999999998, 9999999999999998.0",
    "1e16, 1e+16", "1.5e16, 1.5e+16", "1e22, 1e+22", "2e23, 2e+23", "4.9e-324, 5e-324", "2.2250738585072014e-308, 2.2250738585072014e-308",
    "-0.0, -0.0", "0.10000000149011612, 0.10000000149011612", "NaN, nan", "-Infinity, -inf", "1e-323, 1e-323", "1.5e-323, 1.5e-323"})
  void reprIsTheShortestThatReadsBack(double value, String expected) {
    assertEquals(expected, PythonFloat.repr(value));
  }

  @Test
  void reprReadsBack() {
    var random = RandomGenerator.of("L64X128MixRandom");
    for (int i = 0; i < 10_000; i++) {
      double value = Double.longBitsToDouble(random.nextLong());
      if (Double.isFinite(value)) {
        assertEquals(value, Double.parseDouble(PythonFloat.repr(value)));
      }
    }
  }
}
