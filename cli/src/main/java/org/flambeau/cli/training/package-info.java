/// Training a classifier: steps, evaluation, checkpoints from which a run continues to the bit, and the logs of it.
package org.flambeau.cli.training;
