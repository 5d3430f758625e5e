package org.flambeau.internal.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ShapesTest {
  @Test
  void tuplesReadAsInPython() {
    assertEquals("(8, 3)", Shapes.tuple(8, 3));
    assertEquals("(8,)", Shapes.tuple(8));
    assertEquals("()", Shapes.tuple());
  }

  @Test
  void listsReadAsInPyTorchsMessages() {
    assertEquals("[2, 3]", Shapes.list(2, 3));
    assertEquals("[2]", Shapes.list(2));
    assertEquals("[]", Shapes.list());
  }
}
