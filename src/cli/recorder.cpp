#include "cli/recorder.h"

#include <fmt/format.h>

#include <utility>

#include "cli/terminal.h"
#include "cli/trusted.h"
#include "wire/roam/message.h"

namespace parley::cli {

using namespace wire::records;

Result<RecordingWriter> RecordingWriter::create(const std::string& path, const Began& began, std::uint64_t bytes_max) {
  PARLEY_TRY(auto file, os::PrivateFile::create(path));
  RecordingWriter writer(std::move(file), path, bytes_max);
  PARLEY_TRY(writer.write(recording_head()));
  PARLEY_TRY(writer.write(encode(began)));
  return writer;
}

Result<void> RecordingWriter::write(ByteView bytes) {
  PARLEY_TRY(file_.append(bytes));
  bytes_ += bytes.size();
  return {};
}

void RecordingWriter::add(const Record& record, std::uint64_t at_us) {
  if (is_closed_) return;
  const std::vector<std::uint8_t> bytes = encode(record);
  if (bytes_ + bytes.size() > bytes_max_) {
    const std::string why = fmt::format("the recording has reached its bound of {} bytes", bytes_max_);
    static_cast<void>(write(encode(Stopped{at_us, why})));
    return close(fmt::format("{}: {}; what passes from now on is not in it", path_, why));
  }
  if (const auto written = write(bytes); !written) return close(to_string(written.error()));
  ++records_;
}

void RecordingWriter::close(const std::string& why) {
  is_closed_ = true;
  warn(why, "--max MIB says how much a recording may take; clients and servers are not disturbed");
}

Recorder::Recorder(io::Loop& loop, std::string to, RecordingWriter& writer)
    : loop_(loop),
      to_(std::move(to)),
      writer_(writer),
      began_(loop.clock().now()),
      describing_(loop, [this](const std::string& name,
                               const codec::ServiceDescription& service) { write({Described{name, service}}); }),
      scope_(loop.executor()) {}

Recorder::~Recorder() = default;

std::uint64_t Recorder::now_us() const {
  return static_cast<std::uint64_t>((loop_.clock().now() - began_) / std::chrono::microseconds(1));
}

void Recorder::write(const std::vector<Record>& records) {
  for (const Record& record : records) writer_.add(record, now_us());
}

void Recorder::on_stream(std::unique_ptr<io::Stream> stream) {
  if (open_ >= streams_max) {
    if (refused_++ == 0) {
      warn(fmt::format("{} streams are open, so the next ones are closed at once", streams_max),
           "record fewer clients, or with more recorders");
    }
    return;
  }
  ++open_;
  const std::uint64_t number = ++streams_;
  write({Opened{number, now_us(), stream->peer().address}});
  scope_.spawn(lead_on(std::move(stream), number));
}

void Recorder::on_listener_failed(Error error) {
  failure_ = std::move(error);
  loop_.stop();
}

Task<void> Recorder::lead_on(std::unique_ptr<io::Stream> client, std::uint64_t stream) {
  auto server = co_await dial_trusted(loop_, to_);
  if (!server) {
    write({Ended{stream, From::server, now_us(), fmt::format("nobody at {}: {}", to_, to_string(server.error()))}});
    --open_;
    warn(fmt::format("stream {} leads nowhere: {}", stream, to_string(server.error())), "is what it leads to there?");
    co_return;
  }
  runtime::PassageEvents& events = *this;
  auto passage = std::make_unique<runtime::Passage>(std::move(client), std::move(*server), room_, events);
  runtime::Passage& started = *passage;
  passing_.emplace(&started, Passing{stream, Scribe(stream, keys_), std::move(passage)});
  started.start();
}

void Recorder::on_passing(runtime::Passage& passage, bool is_from_client, ByteView bytes) {
  if (writer_.is_closed()) return;
  const From from = is_from_client ? From::client : From::server;
  std::vector<Record> records;
  with_scribe(passage, [&](Scribe& scribe) { scribe.take(from, bytes, now_us(), records); });
  if (pending_bytes_ > pending_bytes_max) {
    with_scribe(passage, [&](Scribe& scribe) { scribe.leave_out_begun(from, now_us(), records); });
  }
  write(records);
  for (const Record& record : records) {
    if (const auto* passed = std::get_if<Passed>(&record)) look_for_methods(*passed);
  }
}

template <class Do>
void Recorder::with_scribe(runtime::Passage& passage, Do act) {
  Scribe& scribe = passing_.at(&passage).scribe;
  pending_bytes_ -= scribe.pending_bytes();
  act(scribe);
  pending_bytes_ += scribe.pending_bytes();
}

void Recorder::look_for_methods(const Passed& passed) {
  static const Limits limits;
  const Sorted sorted = sorter_.sort(passed);
  if (sorted.what != Sorted::What::message) return;
  const auto message = wire::roam::decode_message(sorted.message, limits);
  if (!message) return;
  if (const auto* call = std::get_if<wire::roam::Call>(&message->payload)) describing_.on_method(call->method);
}

void Recorder::on_end_of(runtime::Passage& passage, bool is_from_client, const Error* why) {
  std::vector<Record> records;
  with_scribe(passage, [&](Scribe& scribe) {
    scribe.end(is_from_client ? From::client : From::server, why ? to_string(*why) : std::string(), now_us(), records);
  });
  write(records);
}

void Recorder::on_passed(runtime::Passage& passage) {
  --open_;
  auto over = passing_.extract(&passage);
  loop_.executor().bury(std::move(over.mapped().passage));
}

}  // namespace parley::cli
