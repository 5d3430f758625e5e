/// Everything a script imports: `import module org.flambeau;`.
module org.flambeau {
  requires transitive org.flambeau.core;
  requires transitive org.flambeau.nn;
  requires transitive org.flambeau.models;
}
