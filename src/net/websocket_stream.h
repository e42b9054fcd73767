#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/websocket_options.h"
#include "net/coded_stream.h"
#include "net/http_head.h"
#include "net/websocket_frames.h"
#include "net/websocket_upgrade.h"

namespace parley::net {

// A WebSocket, either end. Its bytes are messages, each behind a length of four bytes, little-endian, as framed links
// write and read them; below, each is one binary frame. Nothing else may be written to it. What a peer sends in
// fragments is put together here, up to the longest message; everything else passes in whatever portions it comes in:
// short frames are copied once, of long ones nothing but what has to be masked. Pings are answered, the last one of
// several; who is silent is pinged. finish() says goodbye with 1000; a stream that ends without a goodbye was cut off,
// and that is a failure.
//
// Of text lines (WebSocketOptions::is_text_lines) its bytes are lines instead: each that is written, but for empty
// ones, leaves as one text message, of several frames where it is long or written in parts; each message that comes, of
// either kind, is read once it is whole, with a newline behind it unless it ends with one.
class WebSocketStream final : public CodedStream {
 public:
  // The dialer.
  WebSocketStream(io::Loop& loop, std::unique_ptr<io::Stream> inner, UpgradeTarget target,
                  const io::WebSocketOptions& options);
  // The acceptor; it answers a request that is refused with the reason, and then the stream has failed.
  WebSocketStream(io::Loop& loop, std::unique_ptr<io::Stream> inner, io::WebSocketOptions options);

 private:
  static constexpr std::size_t length_bytes = 4;

  struct Keepalive final : Timer {
    explicit Keepalive(WebSocketStream& owner)
        : Timer([](Timer& timer) { static_cast<Keepalive&>(timer).stream.on_keepalive(); }), stream(owner) {}
    WebSocketStream& stream;
  };

  bool open() override;
  io::Transfer decode(std::span<std::uint8_t> into) override;
  bool has_undecoded() const override;
  std::size_t encode(ByteView from) override;
  std::size_t uncoded(ByteView rest) override;
  void passed_on(std::size_t size) override;
  void encode_end() override;
  bool encode_more() override;
  void drop_input() override;
  void on_started() override;

  void name_peer();
  bool answer(std::string_view head);
  bool check(std::string_view head);
  void on_keepalive();

  ByteView undecoded() const;
  io::Transfer::Status fill();
  bool reads_past_block(std::size_t room) const;
  io::Transfer read_payload(std::span<std::uint8_t> into);
  void take(std::size_t size);
  std::size_t produce(std::span<std::uint8_t> into);
  std::size_t produce_length(std::span<std::uint8_t> into);
  std::size_t produce_payload(std::span<std::uint8_t> into);
  std::size_t produce_assembled(std::span<std::uint8_t> into);
  void assemble();
  bool next_frame();
  bool begin_data(const WebSocketHead& head);
  void take_control(const WebSocketHead& head, std::span<std::uint8_t> payload);
  void take_close(ByteView payload);
  bool refuse(std::uint16_t close_code, Error why);

  std::size_t encode_lines(ByteView from);
  bool end_line();

  void begin_frame(WebSocketOpcode opcode, std::uint64_t size, bool is_last = true);
  void put(ByteView payload, std::uint64_t at);
  void put_control(WebSocketOpcode opcode, ByteView payload);

  const bool is_client_;
  const UpgradeTarget target_;
  const io::WebSocketOptions options_;
  std::string nonce_;  // of our request, once it was sent
  HttpHeadEnd head_end_;

  // in
  BlockHandle block_;
  std::size_t parsed_ = 0;
  std::size_t filled_ = 0;
  std::array<std::uint8_t, length_bytes> length_{};
  std::size_t length_left_ = 0;     // to be read
  std::uint64_t payload_left_ = 0;  // of the frame, still to come or to be read
  std::uint64_t payload_at_ = 0;
  WebSocketMask mask_in_{};
  bool is_below_over_ = false;  // which was learned while there was something to show
  bool is_frame_long_ = false;  // the last that began, of a message
  bool is_assembling_ = false;  // a message of several frames has begun
  bool is_last_ = true;         // the frame ends its message
  bool is_text_ = false;        // it says that it is UTF-8
  std::vector<std::uint8_t> assembled_;
  std::size_t assembled_at_ = 0;
  bool is_assembled_ = false;      // whole, to be read
  std::size_t message_bytes_max_;  // of a fragmented one: an opening is shorter
  bool has_closed_ = false;        // the peer has said goodbye
  bool has_said_goodbye_ = false;
  bool has_heard_ = false;

  // out
  std::array<std::uint8_t, length_bytes> length_out_{};
  std::size_t length_out_size_ = 0;  // of it is there
  std::uint64_t left_ = 0;           // of the frame that was begun
  bool is_line_begun_ = false;       // and some of it has been put into frames
  std::uint64_t at_ = 0;
  WebSocketMask mask_out_{};
  std::array<std::uint8_t, websocket_control_bytes_max> pong_{};
  std::size_t pong_size_ = 0;
  bool wants_pong_ = false;
  bool wants_ping_ = false;
  bool awaits_pong_ = false;
  Keepalive keepalive_{*this};
};

}  // namespace parley::net
