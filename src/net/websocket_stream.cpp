#include "net/websocket_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

namespace parley::net {

using Status = io::Transfer::Status;

namespace {

// So much of one frame is not copied; less costs less than one more call of the system.
constexpr std::size_t long_bytes = std::size_t{32} << 10;
// What is read behind a long frame, to see whether another one follows.
constexpr std::size_t look_bytes = std::size_t{4} << 10;
// Reads from below, in one call, that came to nothing for the reader: others have their turn, too.
constexpr int fills_max = 4;

}  // namespace

WebSocketStream::WebSocketStream(io::Loop& loop, std::unique_ptr<io::Stream> inner, UpgradeTarget target,
                                 const io::WebSocketOptions& options)
    : CodedStream(loop, std::move(inner)),
      is_client_(true),
      target_(std::move(target)),
      options_(options),
      message_bytes_max_(options_.opening_bytes_max) {
  name_peer();
}

WebSocketStream::WebSocketStream(io::Loop& loop, std::unique_ptr<io::Stream> inner, io::WebSocketOptions options)
    : CodedStream(loop, std::move(inner)),
      is_client_(false),
      options_(std::move(options)),
      message_bytes_max_(options_.opening_bytes_max) {
  name_peer();
}

void WebSocketStream::name_peer() {
  std::string& address = peer_to_change().address;
  if (address.starts_with("tcp:")) address.replace(0, 3, "ws");
  if (address.starts_with("tls:")) address.replace(0, 3, "wss");
}

// --- the handshake

bool WebSocketStream::open() {
  if (is_client_ && nonce_.empty()) {
    nonce_ = upgrade_nonce(loop().random().next(), loop().random().next());
    const std::string request = upgrade_request(target_, nonce_);
    out().commit(std::ranges::copy(as_bytes(request), out().room(request.size())).out);
  }
  for (;;) {
    const ByteView bytes = undecoded();
    if (const auto size = head_end_.find(as_text(bytes).substr(0, upgrade_head_bytes_max))) {
      const std::string head(as_text(bytes.first(*size)));
      take(*size);
      return is_client_ ? check(head) : answer(head);
    }
    if (bytes.size() >= upgrade_head_bytes_max) {
      if (!is_client_) return answer({});
      fail_both({Code::protocol, "the head of the peer's answer does not end"});
      return false;
    }
    switch (fill()) {
      case Status::moved: break;
      case Status::would_block: return false;
      case Status::ended:
        fail_both({Code::link_lost, "the peer ended the stream during the handshake of the WebSocket"});
        return false;
      case Status::failed: fail_as_inner(); return false;
    }
  }
}

bool WebSocketStream::answer(std::string_view head) {
  UpgradeAnswer answer = head.empty() ? refuse_long_head() : answer_upgrade(head, options_);
  out().commit(std::ranges::copy(as_bytes(answer.bytes), out().room(answer.bytes.size())).out);
  if (answer.refusal) fail_both(*std::move(answer.refusal));
  return !answer.refusal;
}

bool WebSocketStream::check(std::string_view head) {
  const auto checked = check_upgrade(head, as_text(undecoded()), nonce_);
  if (!checked) fail_both(checked.error());
  return checked.has_value();
}

void WebSocketStream::drop_input() {
  block_.reset();
  assembled_ = {};
}

void WebSocketStream::on_started() {
  if (options_.keepalive > Duration::zero()) loop().executor().arm(keepalive_, loop().now() + options_.keepalive);
}

// Whoever takes nothing is not pinged: the system will say when he has gone.
void WebSocketStream::on_keepalive() {
  if (is_reading_over() || has_closed_) return;
  if (!std::exchange(has_heard_, false) && is_open()) {
    if (awaits_pong_ && out().empty()) {
      fail_both({Code::silence, "it was asked with a ping"});
      flush();
      return report_later();
    }
    wants_ping_ = true;
    flush();
  }
  loop().executor().arm(keepalive_, loop().now() + options_.keepalive);
}

// --- in

ByteView WebSocketStream::undecoded() const {
  return block_ ? ByteView(block_->data() + parsed_, filled_ - parsed_) : ByteView();
}

void WebSocketStream::take(std::size_t size) {
  parsed_ += size;
  if (parsed_ == filled_) block_.reset();
}

// There is always room: what has to lie together is much shorter than a block.
Status WebSocketStream::fill() {
  if (!block_) {
    block_ = loop().blocks().take();
    parsed_ = filled_ = 0;
  } else if (parsed_ != 0) {
    std::memmove(block_->data(), block_->data() + parsed_, filled_ - parsed_);
    filled_ -= std::exchange(parsed_, 0);
  }
  const std::size_t room = block_->capacity() - filled_;
  const io::Transfer transfer =
      inner().read_some({block_->data() + filled_, is_frame_long_ ? std::min(room, look_bytes) : room});
  if (transfer.status == Status::moved) {
    filled_ += transfer.bytes;
    has_heard_ = true;
    awaits_pong_ = false;
  } else if (filled_ == 0) {
    block_.reset();
  }
  return transfer.status;
}

bool WebSocketStream::has_undecoded() const {
  return has_closed_ || is_below_over_ || length_left_ != 0 || is_assembled_ || block_;
}

io::Transfer WebSocketStream::decode(std::span<std::uint8_t> into) {
  for (int fills = 0; fills < fills_max; ++fills) {
    const std::size_t size = produce(into);
    std::optional<io::Transfer> past;
    if (reads_past_block(into.size() - size)) {
      past = read_payload(into.subspan(size));
      if (past->status == Status::moved) return {Status::moved, size + past->bytes};
    }
    if (size != 0) return {Status::moved, size};
    if (has_closed_) return {Status::ended, 0};
    if (is_reading_over()) return {Status::failed, 0};
    switch (past ? past->status : fill()) {
      case Status::moved: break;
      case Status::would_block: return {};
      case Status::ended:
        return fail_both({Code::link_lost, "the stream ended without the goodbye of a WebSocket: it was cut off"});
      case Status::failed: return fail_as_inner();
    }
  }
  go_on_later();
  return {};
}

// A long payload goes where it is wanted.
bool WebSocketStream::reads_past_block(std::size_t room) const {
  return !block_ && length_left_ == 0 && !is_assembling_ && !is_reading_over() &&
         std::min<std::uint64_t>(payload_left_, room) >= look_bytes;
}

io::Transfer WebSocketStream::read_payload(std::span<std::uint8_t> into) {
  into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), payload_left_)));
  const io::Transfer transfer = inner().read_some(into);
  is_below_over_ = transfer.status == Status::ended || transfer.status == Status::failed;
  if (transfer.status != Status::moved) return transfer;
  has_heard_ = true;
  awaits_pong_ = false;
  if (!is_client_) apply_websocket_mask(into.first(transfer.bytes), mask_in_, payload_at_);
  payload_at_ += transfer.bytes;
  payload_left_ -= transfer.bytes;
  return transfer;
}

// From what has come; none when more has to come.
std::size_t WebSocketStream::produce(std::span<std::uint8_t> into) {
  std::size_t size = 0;
  while (size < into.size()) {
    const std::span<std::uint8_t> room = into.subspan(size);
    if (length_left_ != 0) {
      size += produce_length(room);
    } else if (is_assembled_) {
      size += produce_assembled(room);
    } else if (payload_left_ != 0) {
      if (!block_) break;
      if (is_assembling_) {
        assemble();
      } else {
        size += produce_payload(room);
      }
    } else if (!next_frame()) {
      break;
    }
  }
  return size;
}

std::size_t WebSocketStream::produce_length(std::span<std::uint8_t> into) {
  const std::size_t size = std::min(into.size(), length_left_);
  std::copy_n(length_.end() - static_cast<std::ptrdiff_t>(length_left_), size, into.begin());
  length_left_ -= size;
  return size;
}

std::size_t WebSocketStream::produce_payload(std::span<std::uint8_t> into) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>({into.size(), undecoded().size(), payload_left_}));
  std::memcpy(into.data(), undecoded().data(), size);
  if (!is_client_) apply_websocket_mask(into.first(size), mask_in_, payload_at_);
  payload_at_ += size;
  payload_left_ -= size;
  take(size);
  return size;
}

// Memory grows with what comes, not with what is announced.
void WebSocketStream::assemble() {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(undecoded().size(), payload_left_));
  const std::size_t before = assembled_.size();
  assembled_.insert(assembled_.end(), undecoded().begin(), undecoded().begin() + static_cast<std::ptrdiff_t>(size));
  if (!is_client_) apply_websocket_mask(std::span(assembled_).subspan(before), mask_in_, payload_at_);
  payload_at_ += size;
  payload_left_ -= size;
  take(size);
}

std::size_t WebSocketStream::produce_assembled(std::span<std::uint8_t> into) {
  const std::size_t size = std::min(into.size(), assembled_.size() - assembled_at_);
  std::copy_n(assembled_.begin() + static_cast<std::ptrdiff_t>(assembled_at_), size, into.begin());
  assembled_at_ += size;
  if (assembled_at_ == assembled_.size()) {
    assembled_ = {};
    assembled_at_ = 0;
    is_assembled_ = false;
  }
  return size;
}

// Begins the next frame, or deals with one that is no message's; false when more has to come, or nothing will.
bool WebSocketStream::next_frame() {
  if (is_assembling_ && is_last_) {
    is_assembling_ = false;
    if (options_.is_text_lines) return end_line();
    is_assembled_ = !assembled_.empty();
    const auto length = static_cast<std::uint32_t>(assembled_.size());
    std::memcpy(length_.data(), &length, sizeof length);
    length_left_ = length_bytes;
    return true;
  }
  if (has_closed_ || is_reading_over()) return false;
  const WebSocketHeadRead read = read_websocket_head(undecoded());
  if (read.status == WebSocketHeadRead::Status::wrong) {
    return refuse(websocket_close::protocol_error, {Code::protocol, fmt::format("a WebSocket frame: {}", read.wrong)});
  }
  if (read.status == WebSocketHeadRead::Status::cut_off) return false;
  const WebSocketHead& head = read.head;
  if (head.is_masked == is_client_) {
    return refuse(websocket_close::protocol_error,
                  {Code::protocol, is_client_ ? "a WebSocket frame of a server is masked"
                                              : "a WebSocket frame of a client is not masked"});
  }
  if (head.is_control()) {
    if (undecoded().size() < read.bytes + head.size) return false;
    take_control(head, {block_->data() + parsed_ + read.bytes, static_cast<std::size_t>(head.size)});
    take(read.bytes + static_cast<std::size_t>(head.size));
    return !has_closed_ && !is_reading_over();
  }
  if (!begin_data(head)) return false;
  take(read.bytes);
  return true;
}

bool WebSocketStream::begin_data(const WebSocketHead& head) {
  if (head.opcode == WebSocketOpcode::text && !options_.is_text_lines) {
    return refuse(websocket_close::unsupported_data, {Code::protocol, "a text frame: messages are binary frames"});
  }
  if ((head.opcode == WebSocketOpcode::more) != is_assembling_) {
    return refuse(websocket_close::protocol_error,
                  {Code::protocol, is_assembling_ ? "a message begins inside a fragmented one"
                                                  : "a fragment goes on with a message that has not begun"});
  }
  const bool is_whole = head.is_last && !is_assembling_ && !options_.is_text_lines;
  if (head.opcode != WebSocketOpcode::more) is_text_ = head.opcode == WebSocketOpcode::text;
  // Behind our goodbye nobody needs much any more.
  if (options_.is_let_in && *options_.is_let_in) message_bytes_max_ = options_.message_bytes_max;
  const std::size_t bytes_max = has_said_goodbye_ ? options_.opening_bytes_max : message_bytes_max_;
  const std::uint64_t size_max =
      is_whole ? std::numeric_limits<std::uint32_t>::max() : bytes_max - std::min(bytes_max, assembled_.size());
  if (head.size > size_max) {
    return refuse(websocket_close::too_big,
                  {Code::frame_too_large, fmt::format("{} bytes announced, {} allowed", head.size, size_max)});
  }
  mask_in_ = head.mask;
  payload_at_ = 0;
  payload_left_ = head.size;
  is_frame_long_ = is_whole && head.size >= long_bytes;
  is_last_ = head.is_last;
  is_assembling_ = !is_whole;
  if (is_whole) {
    const auto length = static_cast<std::uint32_t>(head.size);
    std::memcpy(length_.data(), &length, sizeof length);
    length_left_ = length_bytes;
  }
  if (head.is_last && !options_.is_let_in) message_bytes_max_ = options_.message_bytes_max;
  return true;
}

void WebSocketStream::take_control(const WebSocketHead& head, std::span<std::uint8_t> payload) {
  if (head.is_masked) apply_websocket_mask(payload, head.mask, 0);
  if (head.opcode == WebSocketOpcode::close) return take_close(payload);
  if (head.opcode != WebSocketOpcode::ping) return;
  std::ranges::copy(payload, pong_.begin());
  pong_size_ = payload.size();
  wants_pong_ = true;
}

void WebSocketStream::take_close(ByteView payload) {
  if (payload.empty() && !is_assembling_) {
    has_closed_ = true;
    return;
  }
  const auto code = payload.size() < 2 ? std::uint16_t{} : static_cast<std::uint16_t>(payload[0] << 8 | payload[1]);
  if (!websocket_close::may_be_sent(code)) {
    refuse(websocket_close::protocol_error,
           {Code::protocol, "a WebSocket was closed with a code that nobody may send"});
    return;
  }
  if (is_assembling_) {
    fail_both({Code::link_lost, "the peer closed the WebSocket inside a message"});
    return;
  }
  if (code == websocket_close::normal || code == websocket_close::going_away) {
    has_closed_ = true;
    return;
  }
  const std::string reason = shown_in_line(as_text(payload.subspan(2)));
  refuse(websocket_close::normal, {Code::reported, fmt::format("the peer closed the WebSocket with {}{}{}", code,
                                                               reason.empty() ? "" : ": ", reason)});
}

// Says why on the wire, unless a frame of ours is on its way.
bool WebSocketStream::refuse(std::uint16_t close_code, Error why) {
  if (left_ == 0 && can_write()) {
    std::array<std::uint8_t, websocket_control_bytes_max> payload{static_cast<std::uint8_t>(close_code >> 8),
                                                                  static_cast<std::uint8_t>(close_code)};
    const std::size_t size = std::min(why.note.size(), payload.size() - 2);
    std::copy_n(why.note.begin(), size, payload.begin() + 2);
    put_control(WebSocketOpcode::close, ByteView(payload).first(2 + size));
  }
  fail_both(std::move(why));
  return false;
}

// --- out

void WebSocketStream::begin_frame(WebSocketOpcode opcode, std::uint64_t size, bool is_last) {
  if (is_client_) {
    const std::uint64_t random = loop().random().next();
    std::memcpy(mask_out_.data(), &random, mask_out_.size());
  }
  std::uint8_t* const room = out().room(websocket_head_bytes_max);
  out().commit(write_websocket_head(
      room, {.opcode = opcode, .is_last = is_last, .is_masked = is_client_, .mask = mask_out_, .size = size}));
}

void WebSocketStream::put(ByteView payload, std::uint64_t at) {
  std::uint8_t* const room = out().room(payload.size());
  if (is_client_) {
    copy_websocket_masked(room, payload, mask_out_, at);
  } else {
    std::ranges::copy(payload, room);
  }
  out().commit(room + payload.size());
}

void WebSocketStream::put_control(WebSocketOpcode opcode, ByteView payload) {
  begin_frame(opcode, payload.size());
  put(payload, 0);
}

std::size_t WebSocketStream::encode(ByteView from) {
  if (options_.is_text_lines) return encode_lines(from);
  std::size_t taken = 0;
  while (taken < from.size() && out().size() < websocket_write_bytes_max) {
    const ByteView rest = from.subspan(taken);
    if (left_ != 0) {
      if (uncoded(rest) != 0) break;
      const auto size = static_cast<std::size_t>(
          std::min<std::uint64_t>({rest.size(), left_, websocket_write_bytes_max - out().size()}));
      put(rest.first(size), at_);
      at_ += size;
      left_ -= size;
      taken += size;
      continue;
    }
    const std::size_t size = std::min(rest.size(), length_bytes - length_out_size_);
    std::copy_n(rest.begin(), size, length_out_.begin() + static_cast<std::ptrdiff_t>(length_out_size_));
    length_out_size_ += size;
    taken += size;
    if (length_out_size_ < length_bytes) break;
    length_out_size_ = 0;
    std::uint32_t length = 0;
    std::memcpy(&length, length_out_.data(), sizeof length);
    left_ = length;
    at_ = 0;
    begin_frame(WebSocketOpcode::binary, left_);
  }
  return taken;
}

std::size_t WebSocketStream::uncoded(ByteView rest) {
  if (is_client_ || !gathers()) return 0;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), left_));
  return size >= long_bytes ? size : 0;
}

void WebSocketStream::passed_on(std::size_t size) {
  at_ += size;
  left_ -= size;
}

bool WebSocketStream::encode_more() {
  if (left_ != 0) return false;
  if (std::exchange(wants_pong_, false)) {
    put_control(WebSocketOpcode::pong, ByteView(pong_).first(pong_size_));
    return true;
  }
  if (!std::exchange(wants_ping_, false)) return false;
  awaits_pong_ = true;
  put_control(WebSocketOpcode::ping, {});
  loop().executor().arm(keepalive_, loop().now() + options_.keepalive);  // it may have waited for a frame of ours
  return true;
}

void WebSocketStream::encode_end() {
  has_said_goodbye_ = true;
  if (left_ != 0) return;
  if (std::exchange(is_line_begun_, false)) begin_frame(WebSocketOpcode::more, 0);
  const std::array<std::uint8_t, 2> code{websocket_close::normal >> 8, websocket_close::normal & 0xff};
  put_control(WebSocketOpcode::close, code);
}

}  // namespace parley::net
