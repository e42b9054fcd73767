#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace tour {

using parley::Code;
using parley::fail;
using parley::Result;

namespace {

// For the signal handler, which may do little: names and no memory.
using Name = std::array<char, 256>;
Name directory_name;
constexpr std::array own_files = {"/hub.sock", "/hub.sock.lock", "/launcher.sock", "/launcher.sock.lock", "/ledger"};
std::array<Name, own_files.size()> file_names;
volatile std::sig_atomic_t has_ended_well = 0;

void clean_up_and_end(int number) {
  for (const Name& name : file_names) ::unlink(name.data());
  ::rmdir(directory_name.data());
  ::_exit(has_ended_well ? 0 : 128 + number);
}

void remember(Name& name, const std::string& path) {
  if (path.size() < name.size()) std::memcpy(name.data(), path.c_str(), path.size() + 1);
}

std::string what(const char* call, int number) { return std::string(call) + ": " + std::strerror(number); }

// The child's side. Only what may follow a fork. It ends with us, however we end.
[[noreturn]] void become(char* const* command, int parent, int out) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it was gone before we could say so
  ::dup2(out, STDOUT_FILENO);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_DFL);
  ::execv(command[0], command);
  ::_exit(127);
}

// Waits until there is something to read, or the end.
bool has_news(int from, std::chrono::steady_clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd news{.fd = from, .events = POLLIN, .revents = 0};
    if (::poll(&news, 1, static_cast<int>(left.count())) > 0) return true;
  }
}

Result<std::string> first_line(int from, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  std::string line;
  while (has_news(from, until)) {
    char c = 0;
    const ssize_t got = ::read(from, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Code::not_found, "it ended instead of saying that it is ready");
    if (c == '\n') return line;
    line += c;
  }
  return fail(Code::timed_out, "it did not say that it is ready");
}

}  // namespace

Result<Directory> Directory::make() {
  std::string path = std::filesystem::temp_directory_path() / "parley-tour-XXXXXX";
  if (!::mkdtemp(path.data())) return fail(Code::permission, what("mkdtemp", errno));
  remember(directory_name, path);
  for (std::size_t at = 0; at < own_files.size(); ++at) remember(file_names[at], path + own_files[at]);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, &clean_up_and_end);
  return Directory(std::move(path));
}

Directory::~Directory() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Directory::end_well() { has_ended_well = 1; }

Result<ChildProcess> ChildProcess::start(const std::string& program, std::vector<std::string> arguments,
                                         std::string_view ready, std::chrono::milliseconds patience) {
  if (::access(program.c_str(), X_OK) != 0) return fail(Code::not_found, what(program.c_str(), errno));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Code::bug, what("pipe2", errno));
  arguments.insert(arguments.begin(), program);
  std::vector<char*> command;
  for (std::string& argument : arguments) command.push_back(argument.data());
  command.push_back(nullptr);
  const int parent = ::getpid();
  const int pid = ::fork();
  if (pid == 0) become(command.data(), parent, ends[1]);
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return fail(Code::overloaded, what("fork", errno));
  }
  ChildProcess process(pid, ends[0]);
  const Result<std::string> line = first_line(ends[0], patience);
  if (!line) return fail(line.error().code, program + ": " + line.error().note);
  if (!line->starts_with(ready)) return fail(Code::unsupported, program + " says `" + *line + "`");
  return process;
}

ChildProcess::~ChildProcess() {
  if (pid_ != 0) {
    kill();
    wait({});
  }
  if (out_ >= 0) ::close(out_);
}

void ChildProcess::kill() {
  if (pid_ != 0) ::kill(pid_, SIGKILL);
}

void ChildProcess::ask_to_end() {
  if (pid_ != 0) ::kill(pid_, SIGTERM);
}

ChildProcess::End ChildProcess::wait(std::chrono::milliseconds patience) {
  if (!has_news(out_, std::chrono::steady_clock::now() + patience)) kill();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  End end;
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

std::string own_folder() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

}  // namespace tour
