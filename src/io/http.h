#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/instant.h"
#include "io/stream.h"

namespace parley::io {

// HTTP/1.1 as its users see it. Who listens calls Loop::accept_http() for a stream that opened with HTTP; who asks
// calls Loop::http_client(). Bodies are bytes as they were sent: nothing is compressed, and nobody is asked to.

struct HttpField {
  std::string name;
  std::string value;
  friend bool operator==(const HttpField&, const HttpField&) = default;
};

// The value of the first field of that name, in whatever case; null if there is none.
const std::string* find_field(const std::vector<HttpField>& fields, std::string_view name);

struct HttpRequest {
  std::string method = "GET";
  std::string target = {};  // path and query as they were sent. A client's empty one is that of its URL
  std::vector<HttpField> fields = {};
  std::string body = {};

  const std::string* find(std::string_view name) const { return find_field(fields, name); }
  // The target without its query.
  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
};

// Content-Length, Transfer-Encoding and Connection are the connection's: in `fields` of what is sent they are left out.
// Bytes that would end a line of the head are sent as `?`.
struct HttpResponse {
  unsigned status = 200;
  std::vector<HttpField> fields = {};
  std::string body = {};

  const std::string* find(std::string_view name) const { return find_field(fields, name); }
};

// "Not Found". A status that nobody has named gives the name of its class.
std::string_view http_reason(unsigned status);

// --- the side that answers

class HttpExchangeEvents {
 public:
  // The peer has stopped listening, or at least sending, before it had the whole answer. Once; never from inside a call
  // of the exchange. Whatever is answered afterwards still goes to one who has only stopped sending, and to nobody
  // else.
  virtual void on_peer_gone() = 0;

 protected:
  ~HttpExchangeEvents() = default;
};

// One request that waits for its answer. Owned by whom it was handed to, who answers now or later, on the same loop,
// and then lets it go: after respond() or finish() there is nothing more to do with it. It may outlive its connection:
// what is answered then goes nowhere, quietly. Letting it go unanswered answers 500; within a stream of parts it cuts
// the connection, so that the peer does not take what it has for the whole. Answering twice is a bug.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  virtual const HttpRequest& request() const = 0;
  // With what TLS has proved of it.
  virtual const Peer& peer() const = 0;
  // `events` outlives the exchange or is replaced by null. It is told of what has happened before, too.
  virtual void set_events(HttpExchangeEvents* events) = 0;

  // The whole answer: head and body leave in one write, if the stream takes them.
  virtual void respond(HttpResponse response) = 0;

  // An answer whose end is not known yet (text/event-stream, for one): a head without a body, any number of parts, the
  // end. Parts that are sent within one turn of the loop leave together.
  virtual void begin_stream(HttpResponse head) = 0;
  // An empty part is none. Whoever does not read is cut off once more than HttpLimits::unsent_bytes_max wait for it.
  virtual void send(std::string_view part) = 0;
  virtual void finish() = 0;
};

class HttpConnection;

// Answers the requests of any number of connections, on their loop. Outlives them. What it is asked has an acceptable
// Host and Origin and a body within its bound; it may answer, and destroy the connection, from inside of every call but
// takes_upgrade() and on_head().
class HttpHandler {
 public:
  // The head of a request has come, and nothing of its body is kept yet. Who may not ask it is given this answer,
  // behind which the connection ends; without one, on_request() follows when the body has come. A WebSocket that is
  // taken is asked about by takes_upgrade() alone.
  virtual std::optional<HttpResponse> on_head(const HttpRequest& head, const Peer& peer) {
    static_cast<void>(head);
    static_cast<void>(peer);
    return std::nullopt;
  }
  // The next one of the same connection comes once this one was answered.
  virtual void on_request(std::unique_ptr<HttpExchange> exchange) = 0;
  // Whether a request to open a WebSocket is to be handed over; else it is asked as any other.
  virtual bool takes_upgrade(const HttpRequest& request) {
    static_cast<void>(request);
    return false;
  }
  // The stream of such a request, which reads as if nobody had read the request: for Loop::accept_websocket(), to be
  // started or destroyed at once. The connection is over.
  virtual void on_upgrade(HttpConnection& connection, const HttpRequest& request, std::unique_ptr<Stream> stream) {
    static_cast<void>(connection);
    static_cast<void>(request);
    static_cast<void>(stream);
  }
  // It has nothing more to do: once, never from inside a call of it, and it may be destroyed at once.
  virtual void on_http_over(HttpConnection& connection) = 0;

 protected:
  ~HttpHandler() = default;
};

struct HttpLimits {
  std::size_t head_bytes_max = std::size_t{16} << 10;
  std::size_t body_bytes_max = std::size_t{4} << 20;
  // Requests that come while an answer is awaited: whoever sends more of them, and more than one read brings, is cut
  // off.
  std::size_t ahead_bytes_max = std::size_t{256} << 10;
  // What may wait for a peer that does not read a stream of parts.
  std::size_t unsent_bytes_max = std::size_t{1} << 20;
  Duration request_max = std::chrono::seconds(30);  // from the first byte of a request to its last; then 408
  Duration idle_max = std::chrono::seconds(75);     // without a request
  Duration unsent_max = std::chrono::seconds(30);   // in which a peer takes nothing of an answer; then it is cut off
  Duration linger_max = std::chrono::seconds(2);    // until a peer that was told of the end says that it has seen it
};

// The answering side of one stream. Owned by whoever made it; on the stream's loop. It serves one request after
// another, in their order, and answers by itself what is no acceptable one: 400, 403, 408, 413, 417, 421, 431, 501.
// Tells its handler once when it is over; the owner destroys it then. Destroying it before cuts the stream off.
class HttpConnection {
 public:
  virtual ~HttpConnection() = default;
  // No further request: it is over once the present one was answered, at once if there is none. Idempotent.
  virtual void close() = 0;
  virtual const Peer& peer() const = 0;
};

// --- the side that asks

// An answer that is read as it comes. Owned by who asked. Letting go of it before its end closes its connection.
class HttpStream {
 public:
  virtual ~HttpStream() = default;
  // Without the body.
  virtual const HttpResponse& head() const = 0;
  // The next part of the body, in whatever portions it comes; nothing at its end. Who waits longer than until `until`
  // gets Code::deadline, and may ask again. One at a time. Parts that nobody asks for wait here, up to ahead_bytes_max;
  // behind them the stream then fails with Code::overloaded.
  virtual Task<Result<std::optional<std::string>>> next(Instant until) = 0;
  Task<Result<std::optional<std::string>>> next() { return next(Instant::never()); }
};

struct HttpClientOptions {
  std::size_t connections_max = 8;  // at once; more requests wait for one
  std::size_t head_bytes_max = std::size_t{64} << 10;
  std::size_t body_bytes_max = std::size_t{64} << 20;  // of request(); a stream has no end
  // Of a stream whose reader is slower than the peer.
  std::size_t ahead_bytes_max = std::size_t{1} << 20;
  Duration idle_max = std::chrono::seconds(30);  // for which a connection is kept for the next request
};

// Asks one server. Keeps connections for further requests, and opens as many as there are requests at once, up to a
// bound. On one loop; it dies before the loop, and tasks and streams of it may outlive it. Dropping a task closes the
// connection it waits for.
//
// A connection that was used before, and ends before any byte of an answer has come, was most likely closed by the
// server in the moment of asking: a request that changes nothing (GET, HEAD, OPTIONS), or of which nothing was sent, is
// then asked once more, on a new connection. No other request is ever sent twice.
//
// Errors come at once: those of dialling (address, permission, timed_out, ...), link_lost (the connection ended before
// the request was sent, or it was one that changes nothing: GET, HEAD, OPTIONS), sent_then_lost (any other, which may
// have been carried out), protocol (the answer is no HTTP/1.1), too_large, deadline, invalid (a request that cannot be
// written). A status is no error.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Task<Result<HttpResponse>> request(HttpRequest request, Instant until) = 0;
  Task<Result<HttpResponse>> request(HttpRequest request) {
    return this->request(std::move(request), Instant::never());
  }
  // Ends when the head has come. `until` is for that; HttpStream::next() has its own.
  virtual Task<Result<std::unique_ptr<HttpStream>>> open(HttpRequest request, Instant until) = 0;
  Task<Result<std::unique_ptr<HttpStream>>> open(HttpRequest request) {
    return this->open(std::move(request), Instant::never());
  }
  // Of its URL: "/" where that has none.
  virtual const std::string& target() const = 0;
};

}  // namespace parley::io
