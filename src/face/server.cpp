#include "face/server.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "async/scope.h"
#include "async/wait.h"
#include "face/accepted_session.h"
#include "face/session_options.h"
#include "runtime/framed_link.h"
#include "runtime/stable_sessions.h"

namespace parley {

class Server::Impl final : private io::ListenerEvents {
 public:
  // What whoever waits for the end of listening holds, also beyond the server.
  struct End {
    Event event;
    std::optional<Error> reason;
  };

  Impl(io::Loop& loop, Options options)
      : loop_(loop), options_(std::move(options)), stable_(loop, options_.limits), scope_(loop.executor()) {
    options_.offer = false;  // which is for connect()
  }
  ~Impl() { stop(std::nullopt); }

  Result<void> listen(std::string_view uri) {
    PARLEY_TRY(face::session_options(options_));
    PARLEY_TRY(listener_, loop_.listen(uri));
    address_ = listener_->address();
    listener_->start(*this);
    return {};
  }
  void close() {
    stop(std::nullopt);
    stable_.drop_newcomers();
    if (is_telling_) {
      if (!close_later_.is_linked()) loop_.executor().post(close_later_);
    } else {
      scope_.cancel_all();
    }
  }
  std::shared_ptr<End> end() const { return end_; }
  static Task<Result<void>> wait_for(std::shared_ptr<End> end) {
    co_await end->event.wait();
    if (end->reason) co_return fail(*end->reason);
    co_return Result<void>();
  }

  Services services;
  std::move_only_function<void(Session&)> on_new_session;
  const std::string& address() const { return address_; }
  std::size_t session_count() const { return scope_.size(); }

 private:
  void on_stream(std::unique_ptr<io::Stream> stream) override {
    if (options_.statistics) {
      stream = std::make_unique<io::StatisticsStream>(std::move(stream), options_.statistics);
    }
    const Limits& limits = options_.limits;
    while (stable_.newcomer_count() >= std::max(limits.newcomers_max, 1u)) stable_.drop_oldest_newcomer();
    const bool has_room = scope_.size() + stable_.newcomer_count() < limits.sessions_max;
    const Instant until = loop_.now() + limits.handshake_max;
    stable_.admit(std::make_unique<runtime::FramedLink>(loop_, std::move(stream), limits), until, has_room,
                  [this, until](std::unique_ptr<io::Link> link) { scope_.spawn(keep(std::move(link), until)); });
  }
  void on_listener_failed(Error error) override { stop(std::move(error)); }
  void stop(std::optional<Error> reason) {
    if (end_->event.is_set()) return;
    listener_.reset();
    end_->reason = std::move(reason);
    end_->event.set();
  }

  // Of whoever is told of a session, and may not end the task that tells.
  struct CloseLater final : Ready {
    explicit CloseLater(Impl& impl) : Ready(&CloseLater::run), impl(impl) {}
    static void run(Ready& node) { static_cast<CloseLater&>(node).impl.scope_.cancel_all(); }
    Impl& impl;
  };

  // Apart from keep(), whose frame would hold the options as long as the session lasts.
  runtime::Session& begin(std::unique_ptr<io::Link> link, Instant until) {
    runtime::SessionOptions options = face::session_options(options_).value();  // listen() has seen them
    options.handshake_until = until;
    return runtime::Session::start(loop_, std::move(link), runtime::Session::Role::acceptor, std::move(options),
                                   &services.table());
  }
  Task<void> keep(std::unique_ptr<io::Link> link, Instant until) {
    face::AcceptedSession session(begin(std::move(link), until));
    co_await session.runtime().established().wait();
    if (session.is_open() && on_new_session) {
      is_telling_ = true;
      on_new_session(session);
      is_telling_ = false;
    }
    co_await session.runtime().ended().wait();
  }

  io::Loop& loop_;
  Options options_;
  std::string address_;
  std::unique_ptr<io::Listener> listener_;
  std::shared_ptr<End> end_ = std::make_shared<End>();
  bool is_telling_ = false;
  CloseLater close_later_{*this};
  runtime::StableSessions stable_;
  Scope scope_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

Services& Server::services() { return impl_->services; }
void Server::on_session(std::move_only_function<void(Session&)> handler) { impl_->on_new_session = std::move(handler); }
const std::string& Server::address() const { return impl_->address(); }
std::size_t Server::session_count() const { return impl_->session_count(); }
void Server::close() { impl_->close(); }

Task<Result<void>> Server::stopped() { return Impl::wait_for(impl_->end()); }

Result<Server> listen(io::Loop& loop, std::string uri, Options options) {
  auto impl = std::make_unique<Server::Impl>(loop, std::move(options));
  PARLEY_TRY(impl->listen(uri));
  return Server(std::move(impl));
}

}  // namespace parley
