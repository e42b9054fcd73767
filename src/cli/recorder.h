#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/scope.h"
#include "cli/describing.h"
#include "io/loop.h"
#include "os/private_file.h"
#include "runtime/passage.h"
#include "wire/records/scribe.h"
#include "wire/records/sessions.h"

namespace parley::cli {

// A recording as it is written: each record is with the system when add() returns, so that whoever kills the program
// leaves a file that can be read. At its bound, or when the system takes no more, it is closed, and says so once.
class RecordingWriter {
 public:
  // Errors: those of os::PrivateFile::create(), and what the system says of the first records.
  static Result<RecordingWriter> create(const std::string& path, const wire::records::Began& began,
                                        std::uint64_t bytes_max);

  void add(const wire::records::Record& record, std::uint64_t at_us);
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t records() const { return records_; }
  bool is_closed() const { return is_closed_; }

 private:
  RecordingWriter(os::PrivateFile file, std::string path, std::uint64_t bytes_max)
      : file_(std::move(file)), path_(std::move(path)), bytes_max_(bytes_max) {}
  Result<void> write(ByteView bytes);
  void close(const std::string& why);

  os::PrivateFile file_;
  std::string path_;
  std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::uint64_t records_ = 0;
  bool is_closed_ = false;
};

// Stands between clients and who they mean to talk to: lets pass what both say, byte for byte, and writes it down. What
// becomes of the recording is nothing to them. On one loop; destroying it ends all that passes.
//
// Many streams together are bounded by their number, by what waits to be read (runtime::PassageRoom), and by what is
// kept of messages that are not whole yet: beyond it these are left out of the recording.
class Recorder final : private io::ListenerEvents, private runtime::PassageEvents {
 public:
  // At once; the next one is closed and counted.
  static constexpr std::size_t streams_max = 256;
  static constexpr std::size_t pending_bytes_max = std::size_t{128} << 20;

  Recorder(io::Loop& loop, std::string to, RecordingWriter& writer);
  ~Recorder();

  void start(io::Listener& listener) { listener.start(*this); }
  Describing& describing() { return describing_; }
  std::uint64_t streams() const { return streams_; }
  std::uint64_t refused() const { return refused_; }  // streams that were too many
  const std::optional<Error>& failure() const { return failure_; }

 private:
  struct Passing {
    std::uint64_t stream = 0;
    wire::records::Scribe scribe;
    std::unique_ptr<runtime::Passage> passage;
  };
  void on_stream(std::unique_ptr<io::Stream> stream) override;
  void on_listener_failed(Error error) override;
  void on_passing(runtime::Passage& passage, bool is_from_client, ByteView bytes) override;
  void on_end_of(runtime::Passage& passage, bool is_from_client, const Error* why) override;
  void on_passed(runtime::Passage& passage) override;

  Task<void> lead_on(std::unique_ptr<io::Stream> client, std::uint64_t stream);
  // Their pending bytes are counted anew after that.
  template <class Do>
  void with_scribe(runtime::Passage& passage, Do act);
  void look_for_methods(const wire::records::Passed& passed);
  void write(const std::vector<wire::records::Record>& records);
  std::uint64_t now_us() const;

  io::Loop& loop_;
  std::string to_;
  RecordingWriter& writer_;
  Instant began_;
  std::uint64_t streams_ = 0;
  std::uint64_t refused_ = 0;
  std::size_t open_ = 0;  // streams, those that nobody has answered yet among them
  std::optional<Error> failure_;
  wire::records::KeyNumbers keys_;
  wire::records::SessionSorter sorter_;
  std::size_t pending_bytes_ = 0;  // of all scribes
  runtime::PassageRoom room_;
  std::map<const runtime::Passage*, Passing> passing_;
  Describing describing_;
  Scope scope_;
};

}  // namespace parley::cli
