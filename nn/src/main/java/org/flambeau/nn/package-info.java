/// Neural networks: functions of tensors, with and without parameters.
package org.flambeau.nn;
