/// The op table and the conformance suite that every backend must pass.
@NullMarked
package org.flambeau.testkit;

import org.jspecify.annotations.NullMarked;
