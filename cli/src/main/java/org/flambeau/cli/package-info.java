/// The `flambeau` command.
package org.flambeau.cli;
