/// How values read: tensors, numbers and shapes, as PyTorch and Python write them.
@NullMarked
package org.flambeau.internal.text;

import org.jspecify.annotations.NullMarked;
