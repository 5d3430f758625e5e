/// Images: decoding, and the transforms that models were trained with.
package org.flambeau.vision;
