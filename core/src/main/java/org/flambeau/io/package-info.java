/// Checkpoint files: safetensors, and PyTorch's `.pth`.
@NullMarked
package org.flambeau.io;

import org.jspecify.annotations.NullMarked;
