#include "os/spawn.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace parley::os {

namespace {

io::Descriptor own(int number) {
  return io::Descriptor(number, [](int closed) { ::close(closed); });
}

Error error_of(const std::string& what, int number) {
  Code code = Code::refused;
  if (number == ENOENT) code = Code::not_found;
  if (number == EACCES || number == EPERM) code = Code::permission;
  if (number == EMFILE || number == ENFILE || number == EAGAIN || number == ENOMEM) code = Code::overloaded;
  return {code, fmt::format("{}: {}", what, std::generic_category().message(number))};
}

// What the child begins with: its streams, its group, and signals as a program expects them.
class Beginning {
 public:
  explicit Beginning(int streams) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, streams, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, streams, STDOUT_FILENO);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    for (const int each : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&signals, each);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  ~Beginning() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Beginning(const Beginning&) = delete;
  Beginning& operator=(const Beginning&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& words, io::Descriptor& streams) {
  if (words.empty() || words.front().empty()) return fail(Code::invalid, "there is no program to start");
  int ends[2] = {};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail(error_of("a socket for its streams", errno));
  }
  io::Descriptor ours = own(ends[0]);
  const io::Descriptor theirs = own(ends[1]);
  std::vector<std::string> own_words = words;
  std::vector<char*> arguments;
  for (std::string& each : own_words) arguments.push_back(each.data());
  arguments.push_back(nullptr);
  const Beginning beginning(theirs.number());
  pid_t pid = 0;
  const int number =
      ::posix_spawnp(&pid, arguments.front(), beginning.actions(), beginning.attributes(), arguments.data(), environ);
  if (number != 0) return fail(error_of(words.front(), number));
  streams = std::move(ours);
  return Child(pid);
}

Result<Child> Child::start_line(const std::string& line, io::Descriptor& streams) {
  return start({"/bin/sh", "-c", line}, streams);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)), is_reaped_(other.is_reaped_) {}

Child::~Child() {
  if (pid_ == 0) return;
  // The group outlives its first process, as long as that is not reaped or another one is in it.
  ::kill(static_cast<pid_t>(-pid_), SIGKILL);
  if (is_reaped_) return;
  // It may have left the group, and is waited for.
  ::kill(static_cast<pid_t>(pid_), SIGKILL);
  while (::waitpid(static_cast<pid_t>(pid_), nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Child::terminate() {
  if (pid_ == 0) return;
  const pid_t pid = static_cast<pid_t>(pid_);
  ::kill(-pid, SIGTERM);
  // Who has left the group is asked by itself; nobody is asked twice.
  if (!is_reaped_ && ::getpgid(pid) != pid) ::kill(pid, SIGTERM);
}

std::optional<std::string> Child::outcome() {
  if (is_reaped_) return std::string();
  siginfo_t found{};
  // It is left as it is, so that its number stays its own until the end.
  if (::waitid(P_PID, static_cast<id_t>(pid_), &found, WEXITED | WNOHANG | WNOWAIT) != 0) {
    is_reaped_ = true;
    return std::string();
  }
  if (found.si_pid == 0) return std::nullopt;
  return fmt::format("{} {}", found.si_code == CLD_EXITED ? "exit code" : "signal", found.si_status);
}

}  // namespace parley::os
