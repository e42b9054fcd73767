#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/http.h"
#include "io/memory_stream.h"
#include "io/statistics_stream.h"
#include "io/stream_end_suite.h"
#include "net/http_connection.h"

// What the tests of HTTP are written with.
namespace parley::net::suite {

// Keeps what it is asked, and answers it at once if told how.
struct HttpListenerHandler final : io::HttpHandler {
  void on_request(std::unique_ptr<io::HttpExchange> exchange) override {
    requests.push_back(exchange->request());
    if (answer) return answer(std::move(exchange));
    waiting.push_back(std::move(exchange));
  }
  std::optional<io::HttpResponse> on_head(const io::HttpRequest& head, const io::Peer&) override {
    ++heads;
    EXPECT_TRUE(head.body.empty());
    return refuses ? refuses(head) : std::nullopt;
  }
  bool takes_upgrade(const io::HttpRequest& request) override { return takes && takes(request); }
  void on_upgrade(io::HttpConnection&, const io::HttpRequest& request, std::unique_ptr<io::Stream> stream) override {
    upgrades.emplace_back(request, std::move(stream));
  }
  void on_http_over(io::HttpConnection& connection) override {
    ++over;
    std::erase_if(connections, [&](const auto& owned) { return owned.get() == &connection; });
  }
  void answer_with(std::string body) {
    answer = [body](std::unique_ptr<io::HttpExchange> exchange) { exchange->respond({.body = body}); };
  }
  void answer_with_target() {
    answer = [](std::unique_ptr<io::HttpExchange> exchange) {
      exchange->respond({.body = exchange->request().target});
    };
  }
  io::HttpExchange& last() { return *waiting.back(); }

  std::vector<io::HttpRequest> requests;
  std::vector<std::unique_ptr<io::HttpExchange>> waiting;
  std::vector<std::pair<io::HttpRequest, std::unique_ptr<io::Stream>>> upgrades;
  std::vector<std::unique_ptr<io::HttpConnection>> connections;
  std::size_t heads = 0;
  int over = 0;
  std::move_only_function<std::optional<io::HttpResponse>(const io::HttpRequest&)> refuses;
  std::move_only_function<void(std::unique_ptr<io::HttpExchange>)> answer;
  std::move_only_function<bool(const io::HttpRequest&)> takes;
};

struct HttpWatcher final : io::HttpExchangeEvents {
  void on_peer_gone() override {
    ++gone;
    if (at_gone) at_gone();
  }
  int gone = 0;
  std::move_only_function<void()> at_gone;
};

// Serves every stream that a listener gives.
struct HttpServing final : io::ListenerEvents {
  HttpServing(io::Loop& loop, HttpListenerHandler& handler, io::HttpLimits limits = {})
      : loop(loop), handler(handler), limits(limits) {}
  void on_stream(std::unique_ptr<io::Stream> stream) override {
    ++streams;
    if (wrap) stream = wrap(std::move(stream));
    handler.connections.push_back(
        std::make_unique<HttpConnection>(loop, std::move(stream), handler, HttpAccess{}, limits));
  }
  void on_listener_failed(Error) override {}
  io::Loop& loop;
  HttpListenerHandler& handler;
  const io::HttpLimits limits;
  int streams = 0;
  std::move_only_function<std::unique_ptr<io::Stream>(std::unique_ptr<io::Stream>)> wrap;
};

}  // namespace parley::net::suite
