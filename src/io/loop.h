#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "async/executor.h"
#include "async/task.h"
#include "base/bytes.h"
#include "io/clock.h"
#include "io/http.h"
#include "io/reactor.h"
#include "io/stream.h"
#include "io/websocket_use.h"

namespace parley::io {

class MemoryListener;

// An executor with its reactor and its clock; one per thread, owned by main. Everything made on it is used on the
// thread that turns it and dies before it; only post(), stop() and is_own_thread() may be called from other threads.
class Loop : private Executor::Driver {
 public:
  // Ready nodes that run before the loop looks outside again, so that tasks which keep each other ready stop nobody.
  static constexpr std::size_t share_of_turn = 16384;

  Loop(Clock& clock, Reactor& reactor, Random& random);
  virtual ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Turns until stop(). The thread that calls run(), poll_once() or run_until() is the loop's thread from then on.
  void run();
  // Makes run() return after its current turn. From any thread.
  void stop();
  // One turn for foreign main loops: does what is ready, waits for more until `deadline` at most, and does that too.
  // False if nothing happened. A deadline that has passed does not wait.
  bool poll_once(Instant deadline = Instant());
  // Readable when poll_once() has something to do: news from outside, a timer, or work that began since the last poll
  // (a call, say). Once asked for, the loop keeps it up to date. -1 if the reactor has none.
  int fd();

  // Runs `work` on the loop's thread, in the order of posting. From any thread. What is still queued when the loop dies
  // is dropped.
  void post(std::move_only_function<void()> work);

  // Turns until the task has ended and gives its value. Not from inside the loop, and deaf to stop().
  template <class T>
  T run_until(Task<T> task) {
    const Inside inside(*this);
    task.bind(executor_);
    if (!task.start()) {
      do {
        turn(Instant::never());
      } while (!task.is_done());
    }
    return task.promise().take();
  }

  // Told when the loop is about to die, while everything on it still lives.
  class AtEnd : public ListNode {
   public:
    virtual void on_loop_end() = 0;

   protected:
    ~AtEnd() = default;
  };
  void tell_at_end(AtEnd& who) { at_end_.push_back(who); }

  // What an address of io/uri.h leads to. By itself a loop knows mem: addresses only; one with a network knows more.
  virtual Result<std::unique_ptr<Listener>> listen(std::string_view uri);
  virtual Result<std::unique_ptr<Dialer>> dialer(std::string_view uri);

  // What is spoken inside a stream of somebody who came and opened it with TLS or HTTP. A loop without a network knows
  // neither, and one without a certificate no TLS: `unsupported`, and the stream stays the caller's.
  virtual Result<std::unique_ptr<Stream>> accept_tls(std::unique_ptr<Stream>& stream);
  virtual Result<std::unique_ptr<Stream>> accept_websocket(std::unique_ptr<Stream>& stream, WebSocketUse use);
  Result<std::unique_ptr<Stream>> accept_websocket(std::unique_ptr<Stream>& stream) {
    return accept_websocket(stream, WebSocketUse());
  }
  virtual Result<std::unique_ptr<HttpConnection>> accept_http(std::unique_ptr<Stream>& stream, HttpHandler& handler,
                                                              HttpLimits limits);

  // Asks the server at a URL, http://127.0.0.1:8080/path or https://, or at an address of io/uri.h that leads to a
  // stream: unix:, tcp:, tls:, mem:. Nothing is dialled yet. Errors: uri, unsupported, and those of dialer().
  virtual Result<std::unique_ptr<HttpClient>> http_client(std::string_view url, HttpClientOptions options);
  Result<std::unique_ptr<HttpClient>> http_client(std::string_view url) { return http_client(url, {}); }

  Executor& executor() { return executor_; }
  operator Executor&() { return executor_; }  // for Scope(loop) and Sleep(loop, 50ms)
  BlockPool& blocks() { return blocks_; }
  Clock& clock() { return clock_; }
  Random& random() { return random_; }
  Reactor& reactor() { return reactor_; }
  // What timers and deadlines go by: inside of a turn, the time when it last looked. clock().now() looks anew.
  Instant now() const { return executor_.now(); }
  bool is_own_thread() const { return signs_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id(); }
  // What other threads may know of the loop, also after it has died.
  struct Signs {
    std::atomic<std::thread::id> thread;
    std::atomic<bool> is_asleep = false;  // or left alone by a foreign main loop: it has to be woken
  };
  std::shared_ptr<const Signs> signs() const { return signs_; }
  // From any thread: the wait of this turn, or of the next one, ends.
  void wake() {
    is_woken_.store(true, std::memory_order_release);
    reactor_.wake();
  }

  // Where other threads put things for the loop. It is looked at in every turn and before the loop sleeps: whoever
  // puts the first thing there and then finds the loop asleep wakes it, both in one order for all.
  class Door : public ListNode {
   public:
    virtual bool has_come() const = 0;
    virtual void take_in() = 0;

   protected:
    ~Door() = default;
  };
  void add_door(Door& door) { doors_.push_back(door); }
  // How long it looks at its doors, and outside, again and again before it sleeps; costs a core. Zero is off.
  void spin_at_doors(Duration spin) { spin_ = spin; }

  // Listeners of mem: addresses, by name.
  std::map<std::string, MemoryListener*, std::less<>>& memory_names() { return memory_names_; }

 private:
  // While the loop's thread is inside of it. The time that passed outside is made up for at once.
  class Inside {
   public:
    explicit Inside(Loop& loop) : loop_(loop) { loop_.enter(); }
    ~Inside() { loop_.leave(); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Loop& loop_;
  };

  Instant time() override { return clock_.now(); }
  void on_work_between_turns() override;
  void enter();
  void leave();
  bool turn(Instant deadline) noexcept;
  bool wait(Instant until);
  // What ended it.
  enum class Spin : std::uint8_t { nothing, inside, outside };
  Spin spin(Instant until);
  bool has_come() const {
    return doors_.any_of([](const Door& door) { return door.has_come(); });
  }
  bool take_in();
  bool run_posted();
  Instant next_work() const { return executor_.has_ready() ? Instant() : executor_.next_deadline(); }

  Clock& clock_;
  Reactor& reactor_;
  Random& random_;
  BlockPool blocks_;
  Executor executor_;
  const std::shared_ptr<Signs> signs_ = std::make_shared<Signs>();
  IntrusiveList<Door> doors_;
  Duration spin_{};
  std::uint32_t unlooked_ = 0;  // turns since it last looked outside
  IntrusiveList<AtEnd> at_end_;
  bool is_inside_ = false;
  bool keeps_fd_ = false;
  Instant alarm_ = Instant::never();  // what the reactor was told last
  std::map<std::string, MemoryListener*, std::less<>> memory_names_;

  std::atomic<bool> is_stopping_ = false;
  std::atomic<bool> is_woken_ = false;    // what a look outside took does not say so
  std::atomic<bool> has_posted_ = false;  // saves the lock where nothing was posted
  std::mutex posted_mutex_;
  std::vector<std::move_only_function<void()>> posted_;
  std::vector<std::move_only_function<void()>> running_posted_;
};

}  // namespace parley::io
