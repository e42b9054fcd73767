// Shared harness for the peer benchmarks.
//
// One executable per peer.  The executable is the client; it starts itself again
// (fork + exec, "role=server") as the server process, pins both, waits until the
// server is ready, runs one scenario and prints one JSON line.
//
//   peer_x unary|stream|idle key=value...
//
// CPU time is read from the process CPU clocks (all threads, ns), context switches
// from getrusage (client) and the per-task status files (server, broker).
#pragma once
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

namespace bench {

inline uint64_t now_ns(clockid_t c = CLOCK_MONOTONIC) {
  timespec t;
  clock_gettime(c, &t);
  return uint64_t(t.tv_sec) * 1000000000ull + uint64_t(t.tv_nsec);
}

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "fatal: %s (errno %d: %s)\n", what.c_str(), errno, std::strerror(errno));
  std::_Exit(2);
}
inline void check(bool ok, const char* what) {
  if (!ok) die(what);
}

// ---------------------------------------------------------------- options
struct Options {
  std::string scenario;
  std::map<std::string, std::string> kv;
  std::string str(const std::string& k, const std::string& d = "") const {
    auto i = kv.find(k);
    return i == kv.end() ? d : i->second;
  }
  double num(const std::string& k, double d) const {
    auto i = kv.find(k);
    return i == kv.end() ? d : std::atof(i->second.c_str());
  }
  bool tcp() const { return transport() == "tcp"; }
  std::string transport() const { return str("transport", "unix"); }
  std::string variant() const { return str("variant"); }
  int inflight() const { return int(num("inflight", 1)); }
  int window() const { return int(num("window", 0)); }  // items of a stream under way; 0: the peer's default
  double secs() const { return num("secs", 0.8); }
  double warm() const { return num("warm", 0.2); }
  size_t item() const { return size_t(num("item", 64)); }
  uint64_t bytes() const { return uint64_t(num("bytes", double(1ull << 30))); }
  int conns() const { return int(num("conns", 1000)); }
  std::string path() const { return str("path"); }
  int port() const { return int(num("port", 0)); }
  // "unix:PATH" / "127.0.0.1:PORT" in the spelling that most libraries accept
  std::string address(const char* unix_prefix, const char* tcp_prefix, const char* suffix = "") const {
    return tcp() ? tcp_prefix + std::string("127.0.0.1:") + std::to_string(port()) : unix_prefix + path() + suffix;
  }
};

inline void pin(const std::string& cpus) {
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  std::stringstream ss(cpus);
  for (std::string c; std::getline(ss, c, ',');) CPU_SET(std::atoi(c.c_str()), &set);
  sched_setaffinity(0, sizeof set, &set);
}

// ---------------------------------------------------------------- latency histogram (log-linear, <0.8% error)
class Histogram {
  static constexpr int kSub = 128;
  std::vector<uint64_t> c_ = std::vector<uint64_t>(64 * kSub);
  uint64_t n_ = 0;
  static size_t index(uint64_t v) {
    if (v < kSub) return v;
    int e = 63 - __builtin_clzll(v) - 7;  // v >> e lies in [128, 256)
    return size_t(e) * kSub + size_t(v >> e);
  }
  static uint64_t value(size_t i) {
    if (i < 2 * kSub) return i;
    size_t e = i / kSub - 1;
    return (uint64_t(i - e * kSub) << e) + (uint64_t(1) << e) / 2;
  }

 public:
  void add(uint64_t v) { ++c_[index(v)], ++n_; }
  uint64_t count() const { return n_; }
  double quantile_us(double q) const {
    uint64_t want = uint64_t(q * double(n_)), seen = 0;
    for (size_t i = 0; i < c_.size(); ++i)
      if ((seen += c_[i]) > want) return double(value(i)) / 1e3;
    return 0;
  }
};

// ---------------------------------------------------------------- resource accounting
inline uint64_t ctxsw_of(pid_t pid) {
  uint64_t total = 0;
  std::string dir = "/proc/" + std::to_string(pid) + "/task";
  DIR* d = opendir(dir.c_str());
  if (!d) return 0;
  while (dirent* e = readdir(d)) {
    if (e->d_name[0] == '.') continue;
    std::ifstream f(dir + "/" + e->d_name + "/status");
    for (std::string l; std::getline(f, l);)
      if (l.find("ctxt_switches:") != std::string::npos) total += std::strtoull(l.c_str() + l.find(':') + 1, nullptr, 10);
  }
  closedir(d);
  return total;
}
inline uint64_t cpu_ns_of(pid_t pid) {
  clockid_t c;
  return clock_getcpuclockid(pid, &c) == 0 ? now_ns(c) : 0;
}
// idle + iowait of all CPUs: what was neither idle nor ours is noise from other programs
inline uint64_t idle_ticks() {
  std::ifstream f("/proc/stat");
  std::string cpu;
  uint64_t v[5] = {};
  f >> cpu;
  for (auto& x : v) f >> x;
  return v[3] + v[4];
}
inline long rss_kib(pid_t pid, const char* key = "VmRSS:") {
  std::ifstream f("/proc/" + std::to_string(pid) + "/status");
  for (std::string l; std::getline(f, l);)
    if (l.rfind(key, 0) == 0) return std::atol(l.c_str() + std::strlen(key));
  return 0;
}

struct Usage {
  uint64_t wall = 0, self_cpu = 0, peer_cpu = 0, ctx = 0, idle = 0;
};
inline Usage usage(const std::vector<pid_t>& pids) {
  Usage u;
  rusage r;
  getrusage(RUSAGE_SELF, &r);
  u.ctx = uint64_t(r.ru_nvcsw + r.ru_nivcsw);
  for (pid_t p : pids) u.ctx += ctxsw_of(p), u.peer_cpu += cpu_ns_of(p);
  u.idle = idle_ticks();
  u.self_cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  return u;
}

// CPU used by anything but the measured processes, in percent of one core (+-2 at 0.8 s)
inline double other_pct(const Usage& d) {
  double wall = double(d.wall) / 1e9, idle = double(d.idle) / double(sysconf(_SC_CLK_TCK));
  return std::max(0.0, (wall * double(sysconf(_SC_NPROCESSORS_ONLN)) - idle - double(d.self_cpu + d.peer_cpu) / 1e9) / wall * 100);
}

// How fast is this CPU right now?  On a shared host the same code can run at half speed
// without any trace in /proc.  cpu: four independent integer chains; mem: pointer chase
// through 512 KiB (L2).  ns per step, best of five.
struct Calibration {
  double cpu, mem;
};
inline Calibration calibrate() {
  constexpr size_t kLines = (512 << 10) / 64;
  void* raw = mmap(nullptr, kLines * 64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  check(raw != MAP_FAILED, "mmap");
  auto* line = static_cast<uint64_t(*)[8]>(raw);
  for (size_t i = 0, at = 0; i < kLines; ++i) {  // full-period generator: visits every line once
    size_t next = (at * 40501 + 12345) % kLines;
    line[at][0] = next, at = next;
  }
  Calibration c{1e9, 1e9};
  for (int r = 0; r < 5; ++r) {
    uint64_t t = now_ns(), a = 1, b = 2, d = 3, e = 4, at = 0;
    constexpr int kN = 200000, kM = 20000;
    for (int i = 0; i < kN; ++i) {
      a = a * 6364136223846793005u + 1, b = (b ^ (b << 13)) + 7, d = (d ^ (d >> 7)) * 5, e = (e + a) ^ (e << 3);
      asm volatile("" : "+r"(a), "+r"(b), "+r"(d), "+r"(e));
    }
    c.cpu = std::min(c.cpu, double(now_ns() - t) / kN);
    t = now_ns();
    for (int i = 0; i < kM; ++i) at = line[at][0];
    asm volatile("" ::"r"(at));
    c.mem = std::min(c.mem, double(now_ns() - t) / kM);
  }
  munmap(raw, kLines * 64);
  return c;
}

// Counts completions: warm-up window, then the measured window.
class Meter {
 public:
  Meter(const Options& o, std::vector<pid_t> pids) : pids_(std::move(pids)), warm_(uint64_t(o.warm() * 1e9)), run_(uint64_t(o.secs() * 1e9)) {}
  void start() { warm_end_ = now_ns() + warm_; }
  uint64_t last() const { return last_; }
  // One call that was issued at t0 completed.  False: the window is over, issue no more.
  bool complete(uint64_t t0) {
    uint64_t t = last_ = now_ns();
    if (state_ == 1) {
      if (t0 >= a_.wall) h_.add(t - t0);
      ++calls_;
      if (t - a_.wall >= run_) {
        b_ = usage(pids_);
        b_.wall = t;
        state_ = 2;
      }
    } else if (state_ == 0 && t >= warm_end_) {
      a_ = usage(pids_);
      a_.wall = last_ = now_ns();
      state_ = 1;
    }
    return state_ != 2;
  }
  bool finished() const { return state_ == 2; }
  // bulk form, for streams: the caller brackets the measured part
  void begin() { a_ = usage(pids_), a_.wall = now_ns(); }
  void end(uint64_t n) { uint64_t t = now_ns(); b_ = usage(pids_), b_.wall = t, calls_ = n; }
  void sample(uint64_t ns) { h_.add(ns); }
  const Histogram& hist() const { return h_; }
  uint64_t calls() const { return calls_; }
  Usage delta() const {
    return {b_.wall - a_.wall, b_.self_cpu - a_.self_cpu, b_.peer_cpu - a_.peer_cpu, b_.ctx - a_.ctx, b_.idle - a_.idle};
  }
  std::vector<pid_t>& pids() { return pids_; }

 private:
  std::vector<pid_t> pids_;
  uint64_t warm_, run_, warm_end_ = 0, last_ = 0, calls_ = 0;
  int state_ = 0;
  Usage a_, b_;
  Histogram h_;
};

// Ends the JSON line that starts with "head".
inline void print(const std::string& head, const Options& o, const Meter& m) {
  Usage d = m.delta();
  double n = double(m.calls()), s = double(d.wall) / 1e9;
  std::printf("%s,\"inflight\":%d,\"n\":%" PRIu64 ",\"secs\":%.4f,\"rate\":%.1f", head.c_str(), o.inflight(), m.calls(), s, n / s);
  if (m.hist().count())
    std::printf(",\"p50_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f", m.hist().quantile_us(.5), m.hist().quantile_us(.99), m.hist().quantile_us(.999));
  if (o.scenario == "stream") std::printf(",\"item\":%zu,\"window\":%d,\"mb_s\":%.2f", o.item(), o.window(), n * double(o.item()) / s / 1e6);
  std::printf(",\"cpu_us\":%.4f,\"cpu_client_us\":%.4f,\"cpu_server_us\":%.4f,\"ctxsw\":%.5f,\"other_cpu_pct\":%.1f}\n",
              double(d.self_cpu + d.peer_cpu) / n / 1e3, double(d.self_cpu) / n / 1e3, double(d.peer_cpu) / n / 1e3, double(d.ctx) / n, other_pct(d));
  std::fflush(stdout);
}

// 1 in flight: call after call, one clock read per call; with gap_us= the client sleeps
// between calls (sparse traffic: both sides are asleep when a call starts)
template <class F>
void closed_loop(const Options& o, Meter& m, F&& call) {
  const useconds_t gap = useconds_t(o.num("gap_us", 0));
  m.start();
  for (uint64_t t = now_ns();; t = m.last()) {
    if (gap) usleep(gap), t = now_ns();
    call();
    if (!m.complete(t)) return;
  }
}

// A sender stops after opts.bytes or opts.secs, whichever comes first.
class Limit {
  uint64_t left_, end_;
  uint32_t n_ = 0;

 public:
  Limit(uint64_t bytes, double secs, size_t item) : left_(std::max<uint64_t>(1, bytes / item)), end_(now_ns() + uint64_t(secs * 1e9)) {}
  bool more() {
    if (left_ == 0) return false;
    --left_;
    if ((++n_ & 63) == 0 && now_ns() >= end_) left_ = 0;
    return true;
  }
};
struct StreamRequest {  // sent by the client to start one stream
  uint64_t bytes;
  double secs;
  uint64_t item;
};

// ---------------------------------------------------------------- sockets
inline int make_socket(const Options& o, sockaddr_storage& ss, socklen_t& len) {
  std::memset(&ss, 0, sizeof ss);
  int fd;
  if (o.tcp()) {
    auto& a = reinterpret_cast<sockaddr_in&>(ss);
    a.sin_family = AF_INET, a.sin_port = htons(uint16_t(o.port())), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof a;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  } else {
    auto& a = reinterpret_cast<sockaddr_un&>(ss);
    a.sun_family = AF_UNIX;
    std::strncpy(a.sun_path, o.path().c_str(), sizeof a.sun_path - 1);
    len = sizeof a;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  }
  check(fd >= 0, "socket");
  return fd;
}
inline void nodelay(const Options& o, int fd) {
  int one = 1;
  if (o.tcp()) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}
inline int listen_socket(const Options& o) {
  sockaddr_storage ss;
  socklen_t len;
  int fd = make_socket(o, ss, len);
  check(bind(fd, reinterpret_cast<sockaddr*>(&ss), len) == 0, "bind");
  check(listen(fd, 1024) == 0, "listen");
  return fd;
}
inline std::string free_port() {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET, a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check(bind(s, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0, "bind");
  socklen_t l = sizeof a;
  getsockname(s, reinterpret_cast<sockaddr*>(&a), &l);
  close(s);
  return std::to_string(ntohs(a.sin_port));
}
inline int connect_socket(const Options& o) {
  sockaddr_storage ss;
  socklen_t len;
  int fd = make_socket(o, ss, len);
  check(connect(fd, reinterpret_cast<sockaddr*>(&ss), len) == 0, "connect");
  nodelay(o, fd);
  return fd;
}
inline int accept_socket(const Options& o, int lfd) {
  int fd = accept4(lfd, nullptr, nullptr, SOCK_CLOEXEC);
  check(fd >= 0, "accept");
  nodelay(o, fd);
  return fd;
}
inline void write_all(int fd, const void* p, size_t n) {
  auto* c = static_cast<const char*>(p);
  while (n) {
    ssize_t k = write(fd, c, n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) std::_Exit(0);
    c += k, n -= size_t(k);
  }
}
inline bool read_all(int fd, void* p, size_t n) {
  auto* c = static_cast<char*>(p);
  while (n) {
    ssize_t k = read(fd, c, n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) return false;
    c += k, n -= size_t(k);
  }
  return true;
}

// ---------------------------------------------------------------- one peer
struct Peer {
  std::string name;
  std::function<void(const Options&, std::function<void()> ready)> serve;
  std::function<void(const Options&, Meter&)> unary;                       // drives Meter::complete
  std::function<std::function<uint64_t(double secs)>(const Options&)> stream;  // returns "run one stream, give item count"
  std::function<std::function<void()>(const Options&)> idle;               // opens conns; returned closure keeps them alive
  std::function<void(Options&)> prepare;                                   // before the fork (inherit descriptors)
  std::function<std::vector<std::string>(const Options&)> broker;          // extra process to start first
};

inline pid_t spawn(const std::vector<std::string>& args, const std::string& cpus, bool quiet = false) {
  std::fflush(nullptr);
  pid_t pid = fork();
  check(pid >= 0, "fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(cpus);
    if (quiet) {
      int n = open("/dev/null", O_WRONLY);
      dup2(n, 1), dup2(n, 2);
    }
    std::vector<char*> v;
    for (auto& a : args) v.push_back(const_cast<char*>(a.c_str()));
    v.push_back(nullptr);
    execvp(v[0], v.data());
    die("exec " + args[0]);
  }
  return pid;
}

inline Options parse(int argc, char** argv) {
  Options o;
  check(argc >= 2, "usage: peer unary|stream|idle key=value...");
  o.scenario = argv[1];
  for (int i = 2; i < argc; ++i) {
    std::string a = argv[i];
    size_t e = a.find('=');
    check(e != std::string::npos, "arguments are key=value");
    o.kv[a.substr(0, e)] = a.substr(e + 1);
  }
  return o;
}

inline int run(int argc, char** argv, const Peer& peer) {
  signal(SIGPIPE, SIG_IGN);
  rlimit rl;
  getrlimit(RLIMIT_NOFILE, &rl);
  rl.rlim_cur = rl.rlim_max;
  setrlimit(RLIMIT_NOFILE, &rl);
  Options o = parse(argc, argv);
  if (o.str("role") == "server") {
    int rfd = int(o.num("ready_fd", -1));
    peer.serve(o, [rfd] { check(write(rfd, "r", 1) == 1, "ready"); });
    return 0;
  }

  // client
  std::string tmp = (std::filesystem::temp_directory_path() / "peerbench-XXXXXX").string();
  check(mkdtemp(tmp.data()) != nullptr, "mkdtemp");
  o.kv["path"] = tmp + "/s";
  o.kv["port"] = free_port();
  if (peer.prepare) peer.prepare(o);
  std::string cpuc = o.str("cpuc", "0"), cpus = o.str("cpus", "1");
  std::vector<pid_t> pids;
  if (peer.broker) {
    pids.push_back(spawn(peer.broker(o), o.str("cpub", cpus), true));
    for (int i = 0; i < 500; ++i) {  // wait until it listens
      sockaddr_storage ss;
      socklen_t len;
      int fd = make_socket(o, ss, len);
      bool ok = connect(fd, reinterpret_cast<sockaddr*>(&ss), len) == 0;
      close(fd);
      if (ok) break;
      usleep(10000);
    }
  }
  int rp[2];
  check(pipe(rp) == 0, "pipe");
  std::vector<std::string> args = {"/proc/self/exe", o.scenario, "role=server", "ready_fd=" + std::to_string(rp[1])};
  for (auto& [k, v] : o.kv) args.push_back(k + "=" + v);
  pid_t server = spawn(args, cpus);
  pids.insert(pids.begin(), server);
  close(rp[1]);
  pin(cpuc);
  char c;
  check(read(rp[0], &c, 1) == 1, "server did not become ready");

  Calibration before = calibrate();
  auto head = [&] {  // start of the JSON line; the worse of two calibrations around the run
    Calibration after = calibrate();
    char cals[80];
    std::snprintf(cals, sizeof cals, ",\"cal_cpu_ns\":%.3f,\"cal_mem_ns\":%.2f", std::max(before.cpu, after.cpu), std::max(before.mem, after.mem));
    return "{\"case\":\"" + o.str("case", o.scenario) + "\",\"peer\":\"" + peer.name + (o.variant().empty() ? "" : "-" + o.variant()) + "\",\"transport\":\"" + o.transport() +
           "\",\"place\":\"" + o.str("place", "split") + "\",\"rep\":" + o.str("rep", "0") + cals;
  };
  if (o.scenario == "unary" || o.scenario == "stream") {
    Meter m(o, pids);
    if (o.scenario == "unary") {
      peer.unary(o, m);
    } else {
      auto once = peer.stream(o);
      once(o.warm());
      m.begin();
      uint64_t n = once(o.secs());
      m.end(n);
    }
    print(head(), o, m);
  } else if (o.scenario == "idle") {
    usleep(300000);
    long s0 = rss_kib(server), c0 = rss_kib(getpid());
    auto hold = peer.idle(o);
    usleep(500000);
    long s1 = rss_kib(server), c1 = rss_kib(getpid());
    // what an established but quiet connection costs in CPU (heartbeats, timers)
    uint64_t q0 = cpu_ns_of(server) + now_ns(CLOCK_PROCESS_CPUTIME_ID), w0 = ctxsw_of(server);
    usleep(500000);
    uint64_t q1 = cpu_ns_of(server) + now_ns(CLOCK_PROCESS_CPUTIME_ID), w1 = ctxsw_of(server);
    std::printf("%s,\"idle_wakeups\":%" PRIu64 ",\"conns\":%d,\"server_rss0_kib\":%ld,\"server_rss_kib\":%ld,\"server_kib_per_conn\":%.3f,\"client_kib_per_conn\":%.3f,\"server_threads\":%ld,\"idle_cpu_ms_per_s\":%.3f}\n",
                head().c_str(), w1 - w0, o.conns(), s0, s1, double(s1 - s0) / o.conns(), double(c1 - c0) / o.conns(), rss_kib(server, "Threads:"), double(q1 - q0) / 0.5 / 1e6);
    if (hold) hold();
  }
  std::fflush(stdout);
  for (pid_t p : pids) kill(p, SIGKILL), waitpid(p, nullptr, 0);
  std::error_code ec;
  std::filesystem::remove_all(tmp, ec);
  std::_Exit(0);
}

struct AddRequest {
  int32_t a, b;
};
}  // namespace bench
