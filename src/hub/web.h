#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/counters.h"
#include "hub/gate.h"
#include "io/http.h"
#include "io/loop.h"

namespace parley::hub {

// Who asks, for one request: as whom the gate knows him.
struct WebCaller {
  core::Principal principal;
  std::shared_ptr<const core::Rights> rights;
};

// What a page of the hub does with a request that has come in: Host, Origin, the token and the method are good. It
// answers by the exchange, now or later, and is dropped where the peer goes first.
using WebPage = std::move_only_function<Task<void>(io::HttpExchange& exchange, WebCaller caller) const>;

// What everybody is told who reaches the hub, whoever he is.
using OpenPage = std::move_only_function<io::HttpResponse() const>;

class WebEvents {
 public:
  virtual const Gate& gate() const = 0;
  virtual void on_web_refused(const std::optional<core::Principal>& seen, const io::Peer& peer, const Error& why) = 0;
  // A WebSocket is opened at that path by one who may.
  virtual void on_web_upgrade(std::unique_ptr<io::Stream> stream, const io::HttpRequest& request,
                              std::optional<core::Principal> seen, Instant until) = 0;
  // Who was given to accept() as a newcomer was let in, or is gone.
  virtual void on_web_newcomer_over(std::uint64_t newcomer) { static_cast<void>(newcomer); }

 protected:
  ~WebEvents() = default;
};

// HTTP at the door of a hub: pages by path and method. On the hub's loop. Destroying it cuts all connections off.
class Web final {
 public:
  Web(io::Loop& loop, WebEvents& events, io::HttpLimits limits, std::size_t connections_max);
  ~Web();
  Web(const Web&) = delete;
  Web& operator=(const Web&) = delete;

  // `path` as it stands in requests.
  void add(std::string method, std::string path, WebPage page);
  // Answered to everybody, with GET, before it is known who asks; his connection ends behind it.
  void add_open(std::string path, OpenPage page) { open_pages_.emplace(std::move(path), std::move(page)); }
  // Paths where WebSockets are opened.
  void add_upgrade(std::string path) { upgrades_.push_back(std::move(path)); }

  // Serves what opened with HTTP; false, and the stream stays, where this loop knows no HTTP or there is no room. It is
  // let in with the head of its first request, at the latest at `until`, when it is cut off; until then it is this
  // newcomer, beside those for whom there is room. 0: none that anybody counts.
  bool accept(std::unique_ptr<io::Stream>& stream, std::optional<core::Principal> seen, Instant until,
              std::uint64_t newcomer = 0);
  // Cuts it off, if it still is one.
  void push_out(std::uint64_t newcomer);
  std::size_t connection_count() const { return visits_.size(); }
  const WebCounters& counters() const { return counters_; }
  void close();

 private:
  class Visit;
  class Answering;
  std::expected<core::Principal, io::HttpResponse> enter(const io::HttpRequest& head, const io::Peer& peer,
                                                         const std::optional<core::Principal>& seen);
  void serve(std::unique_ptr<io::HttpExchange> exchange, core::Principal principal);
  const WebPage* find(io::HttpExchange& exchange);
  std::optional<io::HttpResponse> answer_open(const io::HttpRequest& head);
  void end(Answering& answering);
  void end(Visit& visit);

  io::Loop& loop_;
  WebEvents& events_;
  const io::HttpLimits limits_;
  const std::size_t connections_max_;
  WebCounters counters_;
  std::map<std::string, std::map<std::string, WebPage>, std::less<>> pages_;  // by path, then by method
  std::map<std::string, OpenPage, std::less<>> open_pages_;
  std::vector<std::string> upgrades_;
  std::map<Visit*, std::unique_ptr<Visit>> visits_;
  std::unordered_map<std::uint64_t, Visit*> newcomers_;  // of these, by their numbers at the door
  std::map<Answering*, std::unique_ptr<Answering>> answering_;
};

// The secret of `Authorization: Bearer …`.
std::optional<std::string_view> bearer_of(const io::HttpRequest& request);
// A media type or range, without its parameters and in small letters.
std::string media_type(std::string_view text);
// Whether its body says that it is application/json.
bool is_json_request(const io::HttpRequest& request);

io::HttpResponse json_response(unsigned status, std::string json);
// {"error":why} and the end of the line.
io::HttpResponse error_response(unsigned status, std::string_view why);

}  // namespace parley::hub
