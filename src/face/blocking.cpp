#include "face/blocking.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "async/scope.h"

namespace parley::blocking {

namespace {

void close_session(face::Desk& desk) { desk.session().close({Code::closed, "the session was closed here"}); }

// --- a loop of its own

class OwnLoop final : public face::BlockingRunner {
 public:
  explicit OwnLoop(const LoopOptions& options) : loop_(options) {}
  ~OwnLoop() override {
    if (!desk_) return;
    const Instant limit = loop_.now() + desk_->session().options().limits.handshake_max;
    loop_.poll_once();  // what was posted last
    close_session(*desk_);
    while (has_unsent() && loop_.now() < limit) loop_.poll_once(limit);
  }

  Result<void> connect(std::string uri, Options options) {
    PARLEY_TRY(const auto session, loop_.run_until(parley::connect(loop_, std::move(uri), std::move(options))));
    desk_.emplace(session->runtime());
    return {};
  }

  Result<void> run(Make make) override {
    {
      const Turn turn(*this, Turned::by_waiter);
      if (!turn.is_ours()) {
        return fail(Code::wrong_thread,
                    "the loop is being turned: around this handler, or by another thread that waits");
      }
      run_posted();
      loop_.run_until(make(*desk_));
      if (has_unsent()) loop_.poll_once();  // who knows when somebody waits again
    }
    catch_up();
    return {};
  }
  void post(Work work) override {
    loop_.post([this, work = std::move(work)]() mutable { work(*desk_); });
    has_posted_.store(true);
    catch_up();
  }

 private:
  // In passing: for a moment, by a thread that drops a handle, say.
  enum class Turned : std::uint8_t { by_nobody, in_passing, by_waiter };

  // One operation turns the loop at a time. Whoever would wait on the loop lets one pass that is another thread's.
  class Turn {
   public:
    Turn(OwnLoop& own, Turned how) : own_(own), is_ours_(take(how)) {
      if (is_ours_) own_.turner_.store(std::this_thread::get_id());
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (!is_ours_) return;
      own_.turner_.store({});
      own_.turned_.store(Turned::by_nobody);
      own_.turned_.notify_all();
    }
    bool is_ours() const { return is_ours_; }

   private:
    bool take(Turned how) {
      for (;;) {
        Turned seen = Turned::by_nobody;
        if (own_.turned_.compare_exchange_strong(seen, how)) return true;
        const bool may_pass = how == Turned::by_waiter && seen == Turned::in_passing;
        if (!may_pass || own_.turner_.load() == std::this_thread::get_id()) return false;
        own_.turned_.wait(seen);
      }
    }
    OwnLoop& own_;
    const bool is_ours_;
  };

  void run_posted() {
    if (has_posted_.exchange(false)) loop_.poll_once();
  }
  // What was posted while somebody turned the loop for the last time is not left for the next operation.
  void catch_up() {
    while (has_posted_.load()) {
      const Turn turn(*this, Turned::in_passing);
      if (!turn.is_ours()) return;
      run_posted();
    }
  }
  bool has_unsent() {
    io::Link& link = desk_->session().link();
    return !link.out().empty() || !link.control().empty();
  }

  Loop loop_;
  std::optional<face::Desk> desk_;
  std::atomic<Turned> turned_ = Turned::by_nobody;
  std::atomic<std::thread::id> turner_{};  // while it is turned
  std::atomic<bool> has_posted_ = false;
};

// --- a loop of another thread

// Where a thread waits for something on another. The release travels with it: when that is gone, the wait is over.
class Wait {
 public:
  class Release {
   public:
    explicit Release(Wait& wait) : wait_(&wait) {}
    Release(Release&& other) noexcept : wait_(std::exchange(other.wait_, nullptr)) {}
    Release& operator=(Release&&) = delete;
    ~Release() {
      if (wait_) wait_->end(false);
    }
    void done() { std::exchange(wait_, nullptr)->end(true); }

   private:
    Wait* wait_;
  };

  // False: it was dropped.
  bool wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_over_; });
    return is_done_;
  }

 private:
  void end(bool is_done) {
    const std::lock_guard lock(mutex_);  // also while notifying: the waiter destroys this as soon as it can
    is_over_ = true;
    is_done_ = is_done;
    changed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;
  bool is_done_ = false;
};

// The way to a loop that may be gone.
class Way {
 public:
  explicit Way(io::Loop& loop) : loop_(&loop) {}

  bool is_own_thread() {
    const std::lock_guard lock(mutex_);
    return loop_ && loop_->is_own_thread();
  }
  // Drops the work where the loop is gone.
  void post(std::move_only_function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (loop_) loop_->post(std::move(work));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;
  io::Loop* loop_;
};

// Owned by the executor, so that it is destroyed on the loop whatever happens.
class PostedDesk final : public face::Desk, public Mortal, private io::Loop::AtEnd {
 public:
  PostedDesk(runtime::Session& session, std::shared_ptr<Way> way)
      : Desk(session), executor_(session.loop().executor()), way_(std::move(way)), scope_(executor_) {
    session.loop().tell_at_end(*this);
  }

  void start(Task<void> task, Wait::Release release) { scope_.spawn(see_through(std::move(release), std::move(task))); }
  void retire() { executor_.bury_ward(*this); }

 private:
  // The release is what the frame destroys last.
  static Task<void> see_through(Wait::Release release, Task<void> task) {
    co_await std::move(task);
    release.done();
  }
  void on_loop_end() override {
    way_->close();
    scope_.cancel_all();
    clear();
  }

  Executor& executor_;
  const std::shared_ptr<Way> way_;
  Scope scope_;
};

class OtherLoop final : public face::BlockingRunner {
 public:
  explicit OtherLoop(io::Loop& loop) : way_(std::make_shared<Way>(loop)) {}
  ~OtherLoop() override {
    if (desk_) way_->post([desk = desk_] { desk->retire(); });
  }

  Result<void> open(runtime::Session& session) {
    if (way_->is_own_thread()) {
      make_desk(session);
      return {};
    }
    return wait_for([this, &session](Wait::Release release) {
      make_desk(session);
      release.done();
    });
  }

  Result<void> run(Make make) override {
    if (way_->is_own_thread()) return fail(Code::wrong_thread, "this is the thread of the session's own loop");
    return wait_for([this, &make](Wait::Release release) { desk_->start(make(*desk_), std::move(release)); });
  }
  void post(Work work) override {
    way_->post([desk = desk_, work = std::move(work)]() mutable { work(*desk); });
  }

 private:
  void make_desk(runtime::Session& session) {
    auto desk = std::make_unique<PostedDesk>(session, way_);
    desk_ = desk.get();
    session.loop().executor().adopt(std::move(desk));
  }
  template <class Work>
  Result<void> wait_for(Work work) {
    Wait wait;
    way_->post([&work, release = Wait::Release(wait)]() mutable { work(std::move(release)); });
    if (!wait.wait()) return fail(Code::closed, "the loop is gone");
    return {};
  }

  const std::shared_ptr<Way> way_;
  PostedDesk* desk_ = nullptr;  // on the loop, while that lives
};

Task<void> wait_for_end(runtime::Session& session, std::optional<Error>& reason) {
  co_await session.ended().wait();
  reason = session.end_reason();
}

}  // namespace

void Session::close() { runner_->post(&close_session); }

Result<void> Session::closed() {
  std::optional<Error> reason;
  PARLEY_TRY(runner_->run([&](face::Desk& desk) { return wait_for_end(desk.session(), reason); }));
  if (reason) return fail(*reason);
  return {};
}

Result<io::Peer> Session::peer() {
  io::Peer peer;
  PARLEY_TRY(runner_->run([&](face::Desk& desk) {
    peer = desk.session().peer();
    return detail::done();
  }));
  return peer;
}

Result<Session> connect(std::string uri, Options options, const LoopOptions& loop_options) {
  auto own = std::make_shared<OwnLoop>(loop_options);
  PARLEY_TRY(own->connect(std::move(uri), std::move(options)));
  return Session(std::move(own));
}

Result<Session> on(parley::Session& session) {
  auto other = std::make_shared<OtherLoop>(session.runtime().loop());
  PARLEY_TRY(other->open(session.runtime()));
  return Session(std::move(other));
}

}  // namespace parley::blocking
