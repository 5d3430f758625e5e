package org.flambeau.build;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toList;
import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Exports;
import java.lang.module.ModuleDescriptor.Requires;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The arrows of the house: who may use whom.
class ArchitectureTest {
  private static final String CORE = "org.flambeau.core", NN = "org.flambeau.nn", MODELS = "org.flambeau.models", CLI = "org.flambeau.cli",
      CPU = "org.flambeau.backend.cpu", CUDA = "org.flambeau.backend.cuda", ALL = "org.flambeau";

  private static final List<ModuleReference> MODULES = ModuleFinder.of(Checkout.LIB).findAll().stream()
      .filter(module -> module.descriptor().name().startsWith(ALL)).toList();

  private static final JavaClasses HOUSE = new ClassFileImporter()
      .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
      .importPackages("org.flambeau");

  private static final JavaClasses PRODUCT = HOUSE.that(resideInAnyPackage("org.flambeau.testkit..").negate());

  @Test
  void modulesRequireOnlyWhatStandsAboveThem() {
    var required = MODULES.stream().map(ModuleReference::descriptor).collect(toMap(ModuleDescriptor::name,
        module -> module.requires().stream().map(Requires::name).filter(name -> name.startsWith(ALL)).collect(toSet())));

    assertEquals(
        Map.of(CORE, Set.of(), NN, Set.of(CORE), MODELS, Set.of(NN), CLI, Set.of(MODELS), CPU, Set.of(CORE), CUDA, Set.of(CORE), ALL,
            Set.of(CORE, NN, MODELS)),
        required);
  }

  @Test
  void internalPackagesAreExportedToOurOwnModulesAlone() {
    for (var module : MODULES) {
      for (var exports : module.descriptor().exports()) {
        if (!exports.source().contains(".internal")) continue;
        assertTrue(exports.isQualified(), () -> module.descriptor().name() + " exports " + exports.source() + " to everybody");
        assertTrue(exports.targets().stream().allMatch(target -> target.startsWith(ALL)), exports::toString);
      }
    }
  }

  /// `import module org.flambeau` brings every exported type; two of one name could not be used without a further import.
  @Test
  void scriptsSeeOneTypeOfEachName() {
    Set<String> exported = MODULES.stream().map(ModuleReference::descriptor)
        .filter(module -> Set.of(CORE, NN, MODELS).contains(module.name()))
        .flatMap(module -> module.exports().stream()).filter(exports -> !exports.isQualified()).map(Exports::source).collect(toSet());
    Map<String, List<String>> byName = PRODUCT.stream()
        .filter(
            type -> type.isTopLevelClass() && type.getModifiers().contains(JavaModifier.PUBLIC) && exported.contains(type.getPackageName()))
        .collect(groupingBy(JavaClass::getSimpleName, mapping(JavaClass::getName, toList())));
    assertTrue(byName.containsKey("Conv2d"));
    byName.values().removeIf(types -> types.size() == 1);
    assertEquals(Map.of(), byName);
  }

  /// The class path knows services by their files, the module path by the descriptor.
  @Test
  void servicesAreTheSameOnTheClassPathAndOnTheModulePath() throws Exception {
    for (var module : MODULES) {
      for (var provides : module.descriptor().provides()) {
        try (var reader = module.open()) {
          String file = "META-INF/services/" + provides.service();
          var providers = new String(reader.open(file).orElseThrow(() -> new AssertionError("no " + file)).readAllBytes(), UTF_8);
          assertEquals(provides.providers(), providers.lines().toList(), file);
        }
      }
    }
  }

  @Test
  void nobodyUsesABackend() {
    noClasses().that().resideOutsideOfPackages("org.flambeau.backend..", "org.flambeau.interop..") // a door of the backend's own module
        .should().dependOnClassesThat().resideInAPackage("org.flambeau.backend..").check(HOUSE);
  }

  @Test
  void backendsDoNotUseEachOther() {
    noClasses().that().resideInAPackage("org.flambeau.backend.cuda..")
        .should().dependOnClassesThat().resideInAPackage("org.flambeau.backend.cpu..").check(HOUSE);
    noClasses().that().resideInAPackage("org.flambeau.backend.cpu..")
        .should().dependOnClassesThat().resideInAPackage("org.flambeau.backend.cuda..").check(HOUSE);
  }

  @Test
  void backendsUseOnlyTheirServiceInterfaceAndTheValuesItNames() {
    noClasses().that().resideInAPackage("org.flambeau.backend..")
        .should().dependOnClassesThat(resideInAnyPackage("org.flambeau.internal..", "org.flambeau.autograd..", "org.flambeau.nn.."))
        .check(PRODUCT);
  }

  /// A storage is core's own.
  @Test
  void whatABackendImplementsOrCallsKnowsNothingOfTheInside() {
    noClasses().that().resideInAPackage("org.flambeau.spi..").and().doNotHaveSimpleName("Storage")
        .should().dependOnClassesThat().resideInAPackage("org.flambeau.internal..").check(HOUSE);
  }

  @Test
  void nativeMemoryIsReachedByTheForeignFunctionInterfaceAlone() {
    noClasses().should().dependOnClassesThat().resideInAnyPackage("sun..", "jdk.internal..", "org.bytedeco..").check(PRODUCT);
  }

  @Test
  void productCodeLogsInsteadOfPrinting() {
    assertFalse(PRODUCT.isEmpty());
    NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(PRODUCT);
    NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING.check(PRODUCT);
  }
}
