/// Optimizers: how parameters follow their gradients.
package org.flambeau.nn.optim;
