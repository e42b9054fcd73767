#include "hub/web.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codec/json_text.h"

namespace parley::hub {

static char small(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter; }

std::string media_type(std::string_view text) {
  text = text.substr(0, text.find(';'));
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  std::string type(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
  std::ranges::transform(type, type.begin(), small);
  return type;
}

bool is_json_request(const io::HttpRequest& request) {
  const std::string* const type = request.find("Content-Type");
  return type && media_type(*type) == "application/json";
}

io::HttpResponse json_response(unsigned status, std::string json) {
  return {status, {{"Content-Type", "application/json"}}, std::move(json)};
}

io::HttpResponse error_response(unsigned status, std::string_view why) {
  std::string text = "{\"error\":";
  codec::put_quoted(text, why);
  return json_response(status, text + "}\n");
}

std::optional<std::string_view> bearer_of(const io::HttpRequest& request) {
  const std::string* const field = request.find("Authorization");
  constexpr std::string_view scheme = "bearer ";
  if (!field || field->size() <= scheme.size()) return std::nullopt;
  const bool is_bearer = std::ranges::equal(std::string_view(*field).substr(0, scheme.size()), scheme, {}, small);
  if (!is_bearer) return std::nullopt;
  return std::string_view(*field).substr(scheme.size());
}

// One connection: its requests come one after another.
class Web::Visit final : public Mortal, public io::HttpHandler {
 public:
  Visit(Web& web, std::optional<core::Principal> seen, Instant until, std::uint64_t newcomer)
      : web_(web), seen_(std::move(seen)), until_(until), newcomer_(newcomer) {}

  void begin(std::unique_ptr<io::HttpConnection> with) {
    connection_ = std::move(with);
    if (newcomer_ != 0) web_.newcomers_.emplace(newcomer_, this);
    if (!until_.is_never()) web_.loop_.executor().arm(late_, until_);
  }
  // Was let in, or goes.
  void leave_door() {
    late_.disarm();
    const std::uint64_t newcomer = std::exchange(newcomer_, 0);
    if (newcomer == 0) return;
    web_.newcomers_.erase(newcomer);
    web_.events_.on_web_newcomer_over(newcomer);
  }

 private:
  struct Late final : Timer {
    explicit Late(Visit& owner) : Timer(&Late::fire), visit(owner) {}
    static void fire(Timer& timer) {
      Visit& visit = static_cast<Late&>(timer).visit;
      visit.web_.end(visit);
    }
    Visit& visit;
  };
  std::optional<io::HttpResponse> on_head(const io::HttpRequest& head, const io::Peer& peer) override {
    if (auto open = web_.answer_open(head)) return open;
    auto entered = web_.enter(head, peer, seen());
    if (!entered) return std::move(entered).error();
    principal_ = *std::move(entered);
    leave_door();
    return std::nullopt;
  }
  void on_request(std::unique_ptr<io::HttpExchange> exchange) override {
    PARLEY_ASSERT(principal_, "whose request comes was let in");
    web_.serve(std::move(exchange), *principal_);
  }
  bool takes_upgrade(const io::HttpRequest& request) override {
    return std::ranges::find(web_.upgrades_, request.path()) != web_.upgrades_.end();
  }
  void on_upgrade(io::HttpConnection&, const io::HttpRequest& request, std::unique_ptr<io::Stream> stream) override {
    leave_door();
    web_.events_.on_web_upgrade(std::move(stream), request, seen(), until_);
    web_.end(*this);
  }
  void on_http_over(io::HttpConnection&) override { web_.end(*this); }

  // The handshake of TLS may have said more than was seen when it came.
  std::optional<core::Principal> seen() const {
    if (connection_ && !connection_->peer().certificate.empty()) return Gate::seen(connection_->peer(), false);
    return seen_;
  }

  Web& web_;
  std::unique_ptr<io::HttpConnection> connection_;
  std::optional<core::Principal> seen_;
  std::optional<core::Principal> principal_;  // of the request whose head came last
  const Instant until_;
  std::uint64_t newcomer_;  // 0: no more
  Late late_{*this};
};

// One request, from its coming in to its answer; where the peer goes first, the page's task goes, too.
class Web::Answering final : public Mortal, private io::HttpExchangeEvents {
 public:
  Answering(Web& web, std::unique_ptr<io::HttpExchange> exchange) : web_(web), exchange_(std::move(exchange)) {}
  ~Answering() override {
    if (exchange_) exchange_->set_events(nullptr);
  }

  io::HttpExchange& exchange() { return *exchange_; }
  void run(const WebPage& page, WebCaller caller) {
    exchange_->set_events(static_cast<io::HttpExchangeEvents*>(this));
    task_.emplace(page(*exchange_, std::move(caller)));
    task_->bind(web_.loop_.executor());
    if (task_->start()) return web_.end(*this);
    task_->promise().set_continuation(ended_);
  }

 private:
  struct Ended final : Ready {
    explicit Ended(Answering& owner) : Ready(&Ended::run), answering(owner) {}
    static void run(Ready& node) {
      Answering& answering = static_cast<Ended&>(node).answering;
      answering.web_.end(answering);
    }
    Answering& answering;
  };
  void on_peer_gone() override { web_.end(*this); }

  Web& web_;
  std::unique_ptr<io::HttpExchange> exchange_;
  Ended ended_{*this};
  std::optional<Task<void>> task_;
};

Web::Web(io::Loop& loop, WebEvents& events, io::HttpLimits limits, std::size_t connections_max)
    : loop_(loop), events_(events), limits_(limits), connections_max_(connections_max) {}
Web::~Web() = default;

void Web::add(std::string method, std::string path, WebPage page) {
  pages_[std::move(path)].emplace(std::move(method), std::move(page));
}

bool Web::accept(std::unique_ptr<io::Stream>& stream, std::optional<core::Principal> seen, Instant until,
                 std::uint64_t newcomer) {
  if (visits_.size() - newcomers_.size() >= connections_max_) return false;
  auto visit = std::make_unique<Visit>(*this, std::move(seen), until, newcomer);
  auto connection = loop_.accept_http(stream, static_cast<io::HttpHandler&>(*visit), limits_);
  if (!connection) return false;
  Visit& kept = *visit;
  visits_.emplace(&kept, std::move(visit));
  kept.begin(*std::move(connection));
  return true;
}

void Web::push_out(std::uint64_t newcomer) {
  const auto found = newcomers_.find(newcomer);
  if (found != newcomers_.end()) end(*found->second);
}

void Web::end(Visit& visit) {
  auto over = visits_.extract(&visit);
  if (over.empty()) return;
  visit.leave_door();
  loop_.executor().bury(std::move(over.mapped()));
}
void Web::end(Answering& answering) {
  auto over = answering_.extract(&answering);
  if (!over.empty()) loop_.executor().bury(std::move(over.mapped()));
}

void Web::close() {
  answering_.clear();
  newcomers_.clear();
  visits_.clear();
}

// Null: it was answered, with what there is instead.
const WebPage* Web::find(io::HttpExchange& exchange) {
  const io::HttpRequest& request = exchange.request();
  const auto page = pages_.find(request.path());
  if (page == pages_.end()) {
    ++counters_.not_found;
    if (std::ranges::find(upgrades_, request.path()) != upgrades_.end()) {
      auto response = error_response(426, "a WebSocket is opened here, with Upgrade: websocket");
      response.fields.push_back({"Upgrade", "websocket"});
      exchange.respond(std::move(response));
      return nullptr;
    }
    std::string all;
    for (const auto& [path, methods] : pages_) all += fmt::format("{}{}", all.empty() ? "" : ", ", path);
    exchange.respond(error_response(404, fmt::format("there is nothing here; there is {}", all)));
    return nullptr;
  }
  const auto method = page->second.find(request.method);
  if (method != page->second.end()) return &method->second;
  std::string allowed;
  for (const auto& [name, each] : page->second) allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", name);
  auto response = error_response(405, fmt::format("{} takes {}", page->first, allowed));
  response.fields.push_back({"Allow", allowed});
  exchange.respond(std::move(response));
  return nullptr;
}

std::optional<io::HttpResponse> Web::answer_open(const io::HttpRequest& head) {
  const auto page = open_pages_.find(head.path());
  if (page == open_pages_.end()) return std::nullopt;
  ++counters_.probes;
  if (head.method == "GET") return page->second();
  auto response = error_response(405, fmt::format("{} takes GET", page->first));
  response.fields.push_back({"Allow", "GET"});
  return response;
}

// As whom he asks, or what he is told instead.
std::expected<core::Principal, io::HttpResponse> Web::enter(const io::HttpRequest& head, const io::Peer& peer,
                                                            const std::optional<core::Principal>& seen) {
  ++counters_.requests;
  Gate::Entry entered = events_.gate().enter_by(bearer_of(head), seen);
  if (entered.principal) return *std::move(entered.principal);
  ++counters_.refused;
  events_.on_web_refused(seen, peer, entered.refusal);
  auto response = error_response(401, entered.refusal.note);
  response.fields.push_back({"WWW-Authenticate", "Bearer"});
  return std::unexpected(std::move(response));
}

void Web::serve(std::unique_ptr<io::HttpExchange> exchange, core::Principal principal) {
  const WebPage* const page = find(*exchange);
  if (!page) return;
  auto rights = std::make_shared<const core::Rights>(events_.gate().policy(), principal);
  WebCaller caller{std::move(principal), std::move(rights)};
  auto made = std::make_unique<Answering>(*this, std::move(exchange));
  Answering& answering = *made;
  answering_.emplace(&answering, std::move(made));
  answering.run(*page, std::move(caller));
}

}  // namespace parley::hub
