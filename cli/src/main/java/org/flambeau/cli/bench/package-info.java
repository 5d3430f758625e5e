/// `flambeau bench`: what operations and models cost on this machine, beside what the machine allows and beside PyTorch.
package org.flambeau.cli.bench;
