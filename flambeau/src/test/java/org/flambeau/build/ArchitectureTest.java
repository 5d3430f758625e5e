package org.flambeau.build;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Requires;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The arrows of the house: who may use whom.
class ArchitectureTest {
  private static final String CORE = "org.flambeau.core", NN = "org.flambeau.nn";
  private static final JavaClasses PRODUCT = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
      .withImportOption(location -> !location.contains("testkit"))
      .importPackages("org.flambeau");

  @Test
  void modulesRequireOnlyWhatStandsAboveThem() {
    var required = ModuleFinder.of(Checkout.LIB).findAll().stream().map(ModuleReference::descriptor)
        .filter(module -> module.name().startsWith("org.flambeau"))
        .collect(toMap(ModuleDescriptor::name, module -> module.requires().stream().map(Requires::name)
            .filter(name -> name.startsWith("org.flambeau")).collect(toSet())));

    assertEquals(Map.of(
        CORE, Set.of(),
        NN, Set.of(CORE),
        "org.flambeau.backend.cpu", Set.of(CORE),
        "org.flambeau", Set.of(CORE, NN)), required);
  }

  @Test
  void nobodyUsesABackend() {
    noClasses().that().resideOutsideOfPackage("org.flambeau.backend..")
        .should().dependOnClassesThat().resideInAPackage("org.flambeau.backend..").check(PRODUCT);
  }

  @Test
  void backendsUseOnlyTheirServiceInterfaceAndTheValuesItNames() {
    noClasses().that().resideInAPackage("org.flambeau.backend..")
        .should().dependOnClassesThat(resideInAnyPackage("org.flambeau.internal..", "org.flambeau.autograd..", "org.flambeau.nn.."))
        .check(PRODUCT);
  }

  @Test
  void nativeMemoryIsReachedByTheForeignFunctionInterfaceAlone() {
    noClasses().should().dependOnClassesThat().resideInAnyPackage("sun..", "jdk.internal..", "org.bytedeco..").check(PRODUCT);
  }

  @Test
  void productCodeLogsInsteadOfPrinting() {
    NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(PRODUCT);
    NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING.check(PRODUCT);
  }
}
