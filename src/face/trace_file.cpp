#include "face/trace_file.h"

#include <mutex>
#include <utility>

#include "codec/json.h"
#include "os/line_file.h"

namespace parley {

class TraceFile::Impl {
 public:
  explicit Impl(std::unique_ptr<os::LineFile> file) : file_(std::move(file)) {}
  bool add(const std::string& line) {
    const std::lock_guard lock(mutex_);
    return file_->add(line);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<os::LineFile> file_;
};

Result<std::shared_ptr<TraceFile>> TraceFile::open(std::string path, std::uint64_t bytes_max) {
  PARLEY_TRY(auto file, os::LineFile::open(std::move(path), bytes_max));
  // tidy: allow new the constructor is private
  return std::shared_ptr<TraceFile>(new TraceFile(std::make_unique<Impl>(std::move(file))));
}

TraceFile::TraceFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TraceFile::~TraceFile() = default;

bool TraceFile::take(const Span& span) { return impl_->add(codec::to_json(span)); }

}  // namespace parley
