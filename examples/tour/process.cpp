#include "process.h"

#include <fcntl.h>
#include <poll.h>
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

// For the signal handler, which may do little: three names and no memory.
std::array<char, 256> directory_name;
std::array<char, 256> socket_name;
std::array<char, 256> lock_name;

void clean_up_and_end(int number) {
  ::unlink(socket_name.data());
  ::unlink(lock_name.data());
  ::rmdir(directory_name.data());
  ::_exit(128 + number);
}

void remember(std::array<char, 256>& name, const std::string& path) {
  if (path.size() < name.size()) std::memcpy(name.data(), path.c_str(), path.size() + 1);
}

std::string what(const char* call, int number) { return std::string(call) + ": " + std::strerror(number); }

// The child's side. Only what may follow a fork.
[[noreturn]] void become(const char* program, const char* uri, const char* parent, int out) {
  ::dup2(out, STDOUT_FILENO);
  ::signal(SIGINT, SIG_DFL);
  ::execl(program, program, uri, "--parent", parent, static_cast<char*>(nullptr));
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
    if (got <= 0) return fail(Code::not_found, "it ended instead of saying that it listens");
    if (c == '\n') return line;
    line += c;
  }
  return fail(Code::timed_out, "it did not say that it listens");
}

}  // namespace

Result<Directory> Directory::make() {
  std::string path = std::filesystem::temp_directory_path() / "parley-tour-XXXXXX";
  if (!::mkdtemp(path.data())) return fail(Code::permission, what("mkdtemp", errno));
  remember(directory_name, path);
  remember(socket_name, path + "/station.sock");
  remember(lock_name, path + "/station.sock.lock");
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, &clean_up_and_end);
  return Directory(std::move(path));
}

Directory::~Directory() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<ServiceProcess> ServiceProcess::start(const std::string& program, const std::string& uri,
                                             std::chrono::milliseconds patience) {
  if (::access(program.c_str(), X_OK) != 0) return fail(Code::not_found, what(program.c_str(), errno));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Code::bug, what("pipe2", errno));
  const std::string parent = std::to_string(::getpid());
  const int pid = ::fork();
  if (pid == 0) become(program.c_str(), uri.c_str(), parent.c_str(), ends[1]);
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return fail(Code::overloaded, what("fork", errno));
  }
  ServiceProcess process(pid, ends[0]);
  const Result<std::string> line = first_line(ends[0], patience);
  if (!line) return fail(line.error().code, program + ": " + line.error().note);
  if (*line != "ready " + uri) return fail(Code::unsupported, program + " says `" + *line + "`");
  return process;
}

ServiceProcess::~ServiceProcess() {
  if (pid_ != 0) {
    kill();
    wait({});
  }
  if (out_ >= 0) ::close(out_);
}

void ServiceProcess::kill() {
  if (pid_ != 0) ::kill(pid_, SIGKILL);
}

ServiceProcess::End ServiceProcess::wait(std::chrono::milliseconds patience) {
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
