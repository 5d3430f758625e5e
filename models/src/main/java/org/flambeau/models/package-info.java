/// Vision models with torchvision's structure, names and checkpoints.
package org.flambeau.models;
