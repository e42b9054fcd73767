#include "net/tls_stream.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "net/tls_names.h"

namespace parley::net {

using Status = io::Transfer::Status;

namespace {

constexpr std::size_t record_bytes_max = 16384;
constexpr std::size_t write_bytes_max = 4 * record_bytes_max;
// Answers to a peer that asks much and reads nothing.
constexpr std::size_t waiting_bytes_max = 4 * write_bytes_max;
// A record of half the size or more is probably one of many, the next of which may be there.
constexpr std::size_t large_record_bytes = record_bytes_max / 2;
// From the stream below, in one call: others have their turn, too.
constexpr int reads_max = 16;

}  // namespace

// What OpenSSL reads from and writes to.
struct TlsBio {
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const bio = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "parley stream");
      PARLEY_ASSERT(bio);
      ::BIO_meth_set_read(bio, &TlsBio::read);
      ::BIO_meth_set_write(bio, &TlsBio::write);
      ::BIO_meth_set_ctrl(bio, &TlsBio::control);
      return bio;
    }();
    return made;
  }
  static TlsStream& stream_of(BIO* bio) { return *static_cast<TlsStream*>(::BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) {
    TlsStream& stream = stream_of(bio);
    ::BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    // A peer may send without end what is no data.
    if (stream.reads_left_-- <= 0) {
      stream.go_on_later();
      ::BIO_set_retry_read(bio);
      return -1;
    }
    const io::Transfer transfer =
        stream.inner().read_some({reinterpret_cast<std::uint8_t*>(into), static_cast<std::size_t>(size)});
    stream.below_ = transfer.status;
    if (transfer.status == Status::moved) return static_cast<int>(transfer.bytes);
    if (transfer.status == Status::would_block) ::BIO_set_retry_read(bio);
    return transfer.status == Status::ended ? 0 : -1;
  }

  static int write(BIO* bio, const char* from, int size) {
    TlsStream& stream = stream_of(bio);
    ::BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    if (stream.out().size() > waiting_bytes_max) {
      stream.has_too_many_answers_ = true;
      return -1;
    }
    std::uint8_t* const room = stream.out().room(static_cast<std::size_t>(size));
    std::memcpy(room, from, static_cast<std::size_t>(size));
    stream.out().commit(room + size);
    return size;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return stream_of(bio).below_ == Status::ended ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
};

TlsStream::TlsStream(io::Loop& loop, std::unique_ptr<io::Stream> inner, SslHandle ssl, std::string expected)
    : CodedStream(loop, std::move(inner)), ssl_(std::move(ssl)), expected_(std::move(expected)) {
  BIO* const bio = ::BIO_new(TlsBio::method());
  PARLEY_ASSERT(bio);
  ::BIO_set_data(bio, this);
  ::BIO_set_init(bio, 1);
  ::SSL_set_bio(ssl_.get(), bio, bio);
  std::string& address = peer_to_change().address;
  if (address.starts_with("tcp:")) address.replace(0, 3, "tls");
}

bool TlsStream::open() {
  reads_left_ = reads_max;
  ::ERR_clear_error();
  const int result = ::SSL_do_handshake(ssl_.get());
  if (result != 1) {
    explain(result);
    return false;
  }
  peer_to_change().certificate = subject_of_peer(ssl_.get());
  return true;
}

io::Transfer TlsStream::decode(std::span<std::uint8_t> into) {
  reads_left_ = reads_max;
  std::size_t size = 0;
  std::size_t record = large_record_bytes;
  while (size < into.size() && record >= large_record_bytes) {
    ::ERR_clear_error();
    const int result = ::SSL_read_ex(ssl_.get(), into.data() + size, into.size() - size, &record);
    if (result != 1) {
      const io::Transfer transfer = explain(result);
      if (size == 0) return transfer;
      break;
    }
    size += record;
  }
  return {Status::moved, size};
}

// The end may have come behind what was just decoded.
bool TlsStream::has_undecoded() const {
  return ::SSL_has_pending(ssl_.get()) == 1 || (::SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

std::size_t TlsStream::encode(ByteView from) {
  reads_left_ = reads_max;
  from = from.first(std::min(from.size(), write_bytes_max));
  std::size_t size = 0;
  while (size < from.size()) {
    std::size_t written = 0;
    ::ERR_clear_error();
    const int result =
        ::SSL_write_ex(ssl_.get(), from.data() + size, std::min(from.size() - size, record_bytes_max), &written);
    if (result != 1) {
      explain(result);
      break;
    }
    size += written;
  }
  return size;
}

// A few bytes before many would be a record of their own: they share one with the first of the others.
io::Transfer TlsStream::write_both(ByteView first, ByteView second) {
  PARLEY_ASSERT(!first.empty() && !second.empty());
  if (first.size() >= record_bytes_max) return write_some(first);
  if (const auto refused = refuse_write({})) return *refused;
  return write_encoded([&] {
    std::array<std::uint8_t, record_bytes_max> record;
    const ByteView beginning = second.first(std::min(second.size(), record.size() - first.size()));
    std::ranges::copy(beginning, std::ranges::copy(first, record.begin()).out);
    const std::size_t size = first.size() + beginning.size();
    const std::size_t taken = encode(ByteView(record).first(size));
    const ByteView rest = second.subspan(beginning.size());
    if (taken < size || rest.empty()) return taken;
    return taken + encode(rest.first(std::min(rest.size(), write_bytes_max - record_bytes_max)));
  });
}

void TlsStream::encode_end() {
  ::ERR_clear_error();
  static_cast<void>(::SSL_shutdown(ssl_.get()));
}

// What a result that is no success means.
io::Transfer TlsStream::explain(int result) {
  switch (::SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return {};
    case SSL_ERROR_ZERO_RETURN: return {Status::ended, 0};
    default: break;
  }
  if (has_too_many_answers_) {
    return fail_both({Code::outbound_full, "answers of TLS that the peer asked for and does not read"});
  }
  if (below_ == Status::failed) return fail_as_inner();
  if (below_ == Status::ended) {
    return fail_both({Code::link_lost, is_open() ? "the stream ended without the end that TLS has: it was cut off"
                                                 : "the peer ended the stream during the handshake of TLS"});
  }
  return fail_both(tls_failure(ssl_.get(), expected_));
}

}  // namespace parley::net
