#include "hub/mcp_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wire/mcp/jsonrpc.h"
#include "wire/mcp/version.h"

namespace parley::hub {

namespace {

constexpr std::int64_t bad_request = -32000;
constexpr std::int64_t no_session = -32001;

bool accepts(const io::HttpRequest& request, std::string_view type) {
  const std::string* const field = request.find("Accept");
  const std::string range = std::string(type.substr(0, type.find('/'))) + "/*";
  for (std::string_view rest = field ? std::string_view(*field) : std::string_view(); !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string each = media_type(rest.substr(0, comma));
    if (each == type || each == range || each == "*/*") return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

}  // namespace

McpPages::McpPages(Registry& registry, McpPagesOptions options)
    : registry_(registry), loop_(registry.loop()), options_(std::move(options)) {
  core::mcp::Implementation& self = options_.session.session.server.self;
  if (self.name.empty()) self = {.name = "parley", .title = "Parley", .version = PARLEY_VERSION};
}
McpPages::~McpPages() { close(); }

void McpPages::add_to(Web& web, const std::string& path) {
  web.add("POST", path,
          [this](io::HttpExchange& exchange, WebCaller caller) { return post(exchange, std::move(caller)); });
  web.add("GET", path,
          [this](io::HttpExchange& exchange, WebCaller caller) { return get(exchange, std::move(caller)); });
  web.add("DELETE", path,
          [this](io::HttpExchange& exchange, WebCaller caller) { return remove(exchange, std::move(caller)); });
}

Task<void> McpPages::post(io::HttpExchange& exchange, WebCaller caller) {
  const io::HttpRequest& request = exchange.request();
  if (!accepts(request, "application/json") || !accepts(request, "text/event-stream")) {
    co_return exchange.respond(mcp_error_response(
        406, bad_request, "the answer may be either: send Accept: application/json, text/event-stream"));
  }
  if (!is_json_request(request)) {
    co_return exchange.respond(
        mcp_error_response(415, bad_request, "a message is posted with Content-Type: application/json"));
  }
  McpWebSession* const session =
      request.find("Mcp-Session-Id") ? session_of(exchange, caller) : open(exchange, std::move(caller));
  if (!session) co_return;
  McpReader reader(exchange);
  session->post(request.body, reader);
  // Its introduction may have been no good one.
  if (!session->is_initialized()) end(sessions_.find(session->id()));
  arm();
  co_await reader.over.wait();
}

Task<void> McpPages::get(io::HttpExchange& exchange, WebCaller caller) {
  const io::HttpRequest& request = exchange.request();
  if (!accepts(request, "text/event-stream")) {
    co_return exchange.respond(
        mcp_error_response(406, bad_request, "this is a stream of events: send Accept: text/event-stream"));
  }
  McpWebSession* const session = session_of(exchange, caller);
  if (!session) co_return;
  McpReader reader(exchange);
  if (const auto reads = session->read(reader, request.find("Last-Event-ID")); !reads) {
    co_return exchange.respond(mcp_error_response(400, bad_request, reads.error().note));
  }
  co_await reader.over.wait();
}

Task<void> McpPages::remove(io::HttpExchange& exchange, WebCaller caller) {
  McpWebSession* const session = session_of(exchange, caller);
  if (!session) co_return;
  ++counters_.ended;
  end(sessions_.find(session->id()));
  exchange.respond({.status = 200});
}

McpWebSession* McpPages::session_of(io::HttpExchange& exchange, const WebCaller& caller) {
  const io::HttpRequest& request = exchange.request();
  const std::string* const id = request.find("Mcp-Session-Id");
  if (!id) {
    exchange.respond(
        mcp_error_response(400, bad_request, "Mcp-Session-Id is missing: it stands beside the answer to `initialize`"));
    return nullptr;
  }
  const auto found = sessions_.find(*id);
  if (found == sessions_.end() || found->second->principal() != caller.principal) {
    ++counters_.unknown;
    exchange.respond(mcp_error_response(404, no_session, "there is no such session: begin one with `initialize`"));
    return nullptr;
  }
  const std::string* const version = request.find("MCP-Protocol-Version");
  if (version && !wire::mcp::read_version(*version)) {
    exchange.respond(
        mcp_error_response(400, bad_request,
                           fmt::format("this version of MCP is not spoken here, but {} is and those since 2024-11-05",
                                       wire::mcp::to_string(wire::mcp::version_latest))));
    return nullptr;
  }
  return found->second.get();
}

McpWebSession* McpPages::open(io::HttpExchange& exchange, WebCaller caller) {
  const auto message = wire::mcp::parse_message(exchange.request().body, options_.session.session.server.message);
  if (!message) {
    const auto& [id, code, text] = message.error();
    exchange.respond(mcp_error_response(400, code, text, id));
    return nullptr;
  }
  if (message->kind != wire::mcp::Message::Kind::request || message->method != "initialize") {
    return session_of(exchange, caller);
  }
  if (!make_room(caller.principal)) {
    ++counters_.refused;
    exchange.respond(mcp_error_response(503, wire::mcp::overloaded,
                                        "there are too many sessions: end those that nobody needs with DELETE",
                                        message->id));
    return nullptr;
  }
  const std::uint64_t high = loop_.random().next();
  std::string id = fmt::format("{:016x}{:016x}", high, loop_.random().next());
  auto options = options_.session;
  options.session.rights = std::move(caller.rights);
  auto made = std::make_unique<McpWebSession>(registry_, static_cast<McpWebSessionEvents&>(*this), id,
                                              std::move(caller.principal), std::move(options));
  ++counters_.opened;
  return sessions_.emplace(std::move(id), std::move(made)).first->second.get();
}

// A client that forgets its sessions keeps nobody out but itself, and not even itself while it forgets idle ones.
bool McpPages::make_room(const core::Principal& principal) {
  std::size_t own = 0;
  auto idle = sessions_.end();
  for (auto each = sessions_.begin(); each != sessions_.end(); ++each) {
    if (each->second->principal() != principal) continue;
    ++own;
    if (!each->second->is_idle()) continue;
    if (idle == sessions_.end() || each->second->used_at() < idle->second->used_at()) idle = each;
  }
  if (own < options_.sessions_of_one_max && sessions_.size() < options_.sessions_max) return true;
  if (idle == sessions_.end()) return false;
  ++counters_.pushed_out;
  end(idle);
  return true;
}

void McpPages::end(Sessions::iterator session) {
  std::unique_ptr<McpWebSession> over = std::move(session->second);
  sessions_.erase(session);
  over->end();
  loop_.executor().bury(std::move(over));
  arm();
}

void McpPages::on_mcp_readers(McpWebSession&) { arm(); }

void McpPages::on_time() {
  const Instant now = loop_.now();
  if (next_beat_ <= now) {
    next_beat_ = Instant::never();
    for (const auto& [id, session] : sessions_) session->beat();
  }
  for (auto each = sessions_.begin(); each != sessions_.end();) {
    const auto session = each++;
    if (session->second->is_read() || session->second->used_at() + options_.idle_max > now) continue;
    ++counters_.expired;
    end(session);
  }
  arm();
}

void McpPages::arm() {
  Instant next = Instant::never();
  bool is_read = false;
  for (const auto& [id, session] : sessions_) {
    is_read |= session->is_read();
    if (!session->is_read()) next = std::min(next, session->used_at() + options_.idle_max);
  }
  if (!is_read) next_beat_ = Instant::never();
  if (is_read && next_beat_.is_never()) next_beat_ = loop_.now() + options_.beat;
  next = std::min(next, next_beat_);
  if (next.is_never()) return clock_.disarm();
  loop_.executor().arm(clock_, next);
}

void McpPages::close() {
  for (auto& [id, session] : std::exchange(sessions_, {})) session->end();
  clock_.disarm();
}

}  // namespace parley::hub
