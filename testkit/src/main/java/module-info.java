/// The op table and the conformance suite that every backend must pass.
module org.flambeau.testkit {
  requires transitive org.flambeau.nn;
  requires transitive org.junit.jupiter.api;
  requires transitive org.junit.jupiter.params;
}
