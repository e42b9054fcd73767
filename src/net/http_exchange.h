#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "async/executor.h"
#include "net/http_connection.h"

namespace parley::net {

// A request on its way to being answered. It knows its connection until it was answered or the connection is over.
class HttpConnection::Exchange final : public io::HttpExchange {
 public:
  Exchange(HttpConnection& connection, io::HttpRequest request);
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const io::HttpRequest& request() const override { return request_; }
  const io::Peer& peer() const override { return peer_; }
  void set_events(io::HttpExchangeEvents* events) override;
  void respond(io::HttpResponse response) override;
  void begin_stream(io::HttpResponse head) override;
  void send(std::string_view part) override;
  void finish() override;

  // Of its connection.
  void on_peer_gone();
  void leave() { connection_ = nullptr; }

 private:
  enum class Phase : std::uint8_t { asked, streaming, answered };
  struct Node final : Ready {
    Node(Run run, Exchange& owner) : Ready(run), exchange(owner) {}
    Exchange& exchange;
  };
  void end();
  void tell_gone();

  Executor& executor_;
  HttpConnection* connection_;
  const io::HttpRequest request_;
  const io::Peer peer_;
  Phase phase_ = Phase::asked;
  HttpAnswerForm form_;
  bool is_gone_ = false;
  bool has_told_gone_ = false;
  io::HttpExchangeEvents* events_ = nullptr;
  Node gone_{[](Ready& node) { static_cast<Node&>(node).exchange.tell_gone(); }, *this};
};

}  // namespace parley::net
