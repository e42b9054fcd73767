#include "wire/records/sessions.h"

#include <utility>

namespace parley::wire::records {

namespace {

void malformed(Sorted& sorted, const Error& error) {
  sorted.what = Sorted::What::malformed;
  sorted.note = error.note;
}

}  // namespace

Sorted SessionSorter::sort(const Passed& passed) {
  Stream& stream = streams_[passed.stream];
  Sorted sorted;
  sorted.message = passed.message;
  bool& has_spoken = stream.has_spoken[static_cast<std::size_t>(passed.from)];
  const bool is_first = !std::exchange(has_spoken, true);
  if (is_first && passed.from == From::client && roam::stable::is_client_hello(passed.message)) {
    stream.is_stable = true;
    read_client_hello(passed, stream, sorted);
  }
  if (stream.session == 0) stream.session = ++sessions_;
  sorted.session = stream.session;
  sorted.is_stable = stream.is_stable;
  if (!stream.is_stable) return sorted;
  if (!is_first) {
    read_frame(passed, sorted);
  } else if (passed.from == From::server) {
    read_server_hello(passed, stream, sorted);
  }
  return sorted;
}

std::uint64_t SessionSorter::session_of(std::uint64_t stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? 0 : found->second.session;
}

void SessionSorter::read_client_hello(const Passed& passed, Stream& stream, Sorted& sorted) {
  const auto hello = roam::stable::read_client_hello(passed.message);
  if (!hello) return malformed(sorted, hello.error());
  sorted.what = Sorted::What::client_hello;
  sorted.acknowledged = hello->last_received;
  if (!hello->key) return;
  const auto known = by_key_.find(*hello->key);
  if (known != by_key_.end()) {
    sorted.goes_on = true;
    stream.session = known->second;
  } else {
    // It began before the recording did.
    stream.session = ++sessions_;
    if (*hello->key != roam::stable::Key{}) by_key_.emplace(*hello->key, stream.session);
  }
}

void SessionSorter::read_server_hello(const Passed& passed, Stream& stream, Sorted& sorted) {
  const auto hello = roam::stable::read_server_hello(passed.message);
  if (!hello) return malformed(sorted, hello.error());
  sorted.what = Sorted::What::server_hello;
  sorted.acknowledged = hello->last_received;
  sorted.is_rejected = hello->is_rejected;
  if (!hello->is_rejected && hello->key != roam::stable::Key{}) by_key_[hello->key] = stream.session;
}

void SessionSorter::read_frame(const Passed& passed, Sorted& sorted) {
  if (passed.message.empty()) {
    sorted.what = Sorted::What::farewell;
    return;
  }
  const auto frame = roam::stable::read_frame(passed.message);
  if (!frame) return malformed(sorted, frame.error());
  sorted.number = frame->number;
  sorted.acknowledged = frame->acknowledged;
  sorted.message = frame->message;
  auto& last = stable_[sorted.session].last[static_cast<std::size_t>(passed.from)];
  // Newer is what is less than half of all numbers ahead.
  sorted.is_again = last && static_cast<std::int32_t>(frame->number - *last) <= 0;
  if (!sorted.is_again) last = frame->number;
}

}  // namespace parley::wire::records
