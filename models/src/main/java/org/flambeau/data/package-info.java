/// Datasets, the order in which they are read, and the loader.
package org.flambeau.data;
