/// Checkpoint files.
@NullMarked
package org.flambeau.io;

import org.jspecify.annotations.NullMarked;
