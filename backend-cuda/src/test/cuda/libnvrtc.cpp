// A compiler for the GPU that is not there: NVRTC's functions by way of g++, with gpu.h before the source. A cubin is a library for this
// machine that holds the table of its kernels, see kernel.h. It needs gpu.h, precompiled if possible, and libcuda.so.1 beside itself.

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

namespace fs = std::filesystem;

namespace {

enum Result { SUCCESS, OUT_OF_MEMORY, PROGRAM_CREATION_FAILURE, INVALID_INPUT, INVALID_PROGRAM, INVALID_OPTION, COMPILATION };

const char *const NAMES[] = {"NVRTC_SUCCESS", "NVRTC_ERROR_OUT_OF_MEMORY", "NVRTC_ERROR_PROGRAM_CREATION_FAILURE",
                             "NVRTC_ERROR_INVALID_INPUT", "NVRTC_ERROR_INVALID_PROGRAM", "NVRTC_ERROR_INVALID_OPTION",
                             "NVRTC_ERROR_COMPILATION", "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE"};
const int NO_NAME_EXPRESSIONS_AFTER_COMPILATION = 8, NO_LOWERED_NAMES_BEFORE_COMPILATION = 9, NAME_EXPRESSION_NOT_VALID = 10;
const int ARCHITECTURES[] = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};

struct File {
  std::string name, text;
};

}  // namespace

struct Program {
  File source;
  std::vector<File> headers;
  std::vector<std::string> expressions;
  std::string log, image;
  bool compiled = false;
};

namespace {

// Precompiled headers want the options that they were compiled with.
const std::vector<std::string> COMPILER = {"g++", SIMULATED_KERNEL_OPTIONS};

fs::path home() {
  Dl_info info;
  dladdr(reinterpret_cast<void *>(&home), &info);
  return fs::absolute(info.dli_fname).parent_path();
}

std::string read(const fs::path &file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

void write(const fs::path &file, const std::string &text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

// Dynamic shared memory is declared in gpu.h.
std::string withoutDynamicShared(const std::string &text) {
  static const std::regex DECLARATION("extern\\s+__shared__[^;]*\\bdynamicShared\\s*\\[\\s*\\]\\s*;");
  return std::regex_replace(text, DECLARATION, "");
}

// Kernels that are not asked for by an expression, but have no other name than the one they are declared with.
std::vector<std::string> plainKernels(const std::string &text) {
  static const std::regex KERNEL("extern\\s+\"C\"\\s+__global__\\s+(?:__launch_bounds__\\s*\\([^)]*\\)\\s*)?void\\s+"
                                 "(?:__launch_bounds__\\s*\\([^)]*\\)\\s*)?(\\w+)\\s*\\(");
  std::vector<std::string> names;
  for (std::sregex_iterator found(text.begin(), text.end(), KERNEL), end; found != end; ++found) names.push_back((*found)[1]);
  return names;
}

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

// Threads of a block, at most, of a kernel or an instance of a template: the first of its launch bounds as the source has it.
std::string launchBounds(const std::string &text, const std::string &kernel) {
  std::string name = kernel.substr(0, kernel.find('<'));
  name = name.substr(name.find_last_of(": ") + 1);
  std::regex bounds("__launch_bounds__\\s*\\(([^,()]*)(?:[^()]|\\([^()]*\\))*\\)\\s*(?:void\\s+)?" + name + "\\s*\\(");
  std::smatch found;
  return std::regex_search(text, found, bounds) ? found[1].str() : "simulated::ALWAYS_FIT";
}

// The source, and the table of the kernels that were asked for.
std::string unit(const Program &program) {
  std::string table;
  auto add = [&](const std::string &name) {
    table += "simulated::kernel<(" + name + ")>(" + quoted(name) + ", " + launchBounds(program.source.text, name) + "),\n";
  };
  for (auto &name : program.expressions) add(name);
  for (auto &name : plainKernels(program.source.text)) add(name);
  return "#include " + quoted(program.source.name) + "\n#line 1 \"name expressions\"\nextern \"C\" SIMULATED_EXPORT const simulated::Kernel "
         "simulatedKernels[] = {\n" + table + "{}};\n";
}

int run(std::vector<std::string> command, const fs::path &folder) {
  std::vector<char *> arguments, variables;
  for (auto &argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  for (char **variable = environ; *variable; variable++) {
    if (strncmp(*variable, "LC_", 3) != 0 && strncmp(*variable, "LANG", 4) != 0) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_addopen(&actions, 1, "log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child;
  int status = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (status != 0 || waitpid(child, &status, 0) != child) return -1;
  return status;
}

// `-D` and `-I` are passed on; what else there is has no meaning here.
bool passed(const std::string &option) {
  return option.rfind("-D", 0) == 0 || option.rfind("-I", 0) == 0;
}

std::string inOurWords(const std::string &option) {
  for (auto &[theirs, ours] : {std::pair("--define-macro=", "-D"), std::pair("--include-path=", "-I")}) {
    if (option.rfind(theirs, 0) == 0) return ours + option.substr(strlen(theirs));
  }
  return option;
}

int compile(Program &program, const std::vector<std::string> &options) {
  std::string pattern = fs::temp_directory_path() / "simulated-nvrtc-XXXXXX";
  if (!mkdtemp(pattern.data())) return OUT_OF_MEMORY;
  fs::path folder = pattern;
  for (auto &header : program.headers) write(folder / header.name, withoutDynamicShared(header.text));
  write(folder / program.source.name, withoutDynamicShared(program.source.text));
  write(folder / "unit.cpp", unit(program));
  std::vector<std::string> command = COMPILER;
  for (auto &option : options) {
    std::string ours = inOurWords(option);
    if (passed(ours)) command.push_back(ours);
  }
  for (std::string argument : {std::string("-I."), "-include" + (home() / "gpu.h").string(), std::string("unit.cpp"), std::string("-shared"),
                               std::string("-nostdlib"), (home() / "libcuda.so.1").string(), std::string("-oimage")}) {
    command.push_back(argument);
  }
  int status = run(command, folder);
  program.log = read(folder / "log");
  program.image = status == 0 ? read(folder / "image") : "";
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return status == 0 ? SUCCESS : COMPILATION;
}

int give(const std::string &text, char *out) {
  memcpy(out, text.data(), text.size());
  return SUCCESS;
}

}  // namespace

API const char *nvrtcGetErrorString(int status) {
  return status >= 0 && status < int(sizeof NAMES / sizeof *NAMES) ? NAMES[status]
         : status == NO_NAME_EXPRESSIONS_AFTER_COMPILATION ? "NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION"
         : status == NO_LOWERED_NAMES_BEFORE_COMPILATION   ? "NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION"
         : status == NAME_EXPRESSION_NOT_VALID             ? "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID"
                                                           : "NVRTC_ERROR unknown";
}
API int nvrtcVersion(int *major, int *minor) {
  *major = 13;
  *minor = 0;
  return SUCCESS;
}
API int nvrtcGetNumSupportedArchs(int *count) {
  *count = sizeof ARCHITECTURES / sizeof *ARCHITECTURES;
  return SUCCESS;
}
API int nvrtcGetSupportedArchs(int *out) {
  memcpy(out, ARCHITECTURES, sizeof ARCHITECTURES);
  return SUCCESS;
}
API int nvrtcCreateProgram(Program **out, const char *source, const char *name, int count, const char *const *headers,
                           const char *const *names) {
  if (!out || !source || count < 0) return INVALID_INPUT;
  *out = new Program{{name ? name : "default_program", source}, {}, {}, {}, {}};
  for (int i = 0; i < count; i++) (*out)->headers.push_back({names[i], headers[i]});
  return SUCCESS;
}
API int nvrtcDestroyProgram(Program **program) {
  delete *program;
  *program = nullptr;
  return SUCCESS;
}
API int nvrtcAddNameExpression(Program *program, const char *expression) {
  if (program->compiled) return NO_NAME_EXPRESSIONS_AFTER_COMPILATION;
  program->expressions.push_back(expression);
  return SUCCESS;
}
API int nvrtcCompileProgram(Program *program, int count, const char *const *options) {
  program->compiled = true;
  return compile(*program, {options, options + count});
}
API int nvrtcGetLoweredName(Program *program, const char *expression, const char **out) {
  if (!program->compiled) return NO_LOWERED_NAMES_BEFORE_COMPILATION;
  for (auto &own : program->expressions) {
    if (own != expression) continue;
    *out = own.c_str();
    return SUCCESS;
  }
  return NAME_EXPRESSION_NOT_VALID;
}
API int nvrtcGetProgramLogSize(Program *program, size_t *bytes) {
  *bytes = program->log.size() + 1;
  return SUCCESS;
}
API int nvrtcGetProgramLog(Program *program, char *out) {
  out[program->log.size()] = 0;
  return give(program->log, out);
}
API int nvrtcGetCUBINSize(Program *program, size_t *bytes) {
  *bytes = program->image.size();
  return SUCCESS;
}
API int nvrtcGetCUBIN(Program *program, char *out) { return give(program->image, out); }
API int nvrtcGetPTXSize(Program *program, size_t *bytes) { return nvrtcGetCUBINSize(program, bytes); }
API int nvrtcGetPTX(Program *program, char *out) { return nvrtcGetCUBIN(program, out); }
