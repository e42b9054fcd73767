#include "cli/feed.h"

#include <fmt/format.h>

#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <mutex>
#include <semaphore>
#include <thread>

namespace parley::cli {

namespace {

constexpr std::ptrdiff_t lines_ahead_max = 64;

}  // namespace

struct Feed::Shared {
  // On the loop's thread.
  std::deque<std::optional<std::string>> lines;
  Event arrived;
  bool is_whole = true;  // nothing went wrong so far
  // On the reader's.
  std::ifstream file;
  std::istream* input = nullptr;
  // Between them.
  std::counting_semaphore<> room{lines_ahead_max};
  std::mutex mutex;
  bool is_over = false;  // and the loop perhaps gone
};

Result<std::unique_ptr<Feed>> Feed::open(io::Loop& loop, const std::string& path) {
  auto shared = std::make_shared<Shared>();
  if (path == "-") {
    shared->input = &std::cin;
  } else {
    shared->file.open(path);
    if (!shared->file) return fail(Code::not_found, fmt::format("{} cannot be read", path));
    shared->input = &shared->file;
  }
  // It may wait for a line for ever, so it is left to itself: what it holds is shared, and the program ends without it.
  std::thread([shared, &loop] {
    for (bool is_more = true; is_more;) {
      shared->room.acquire();
      std::optional<std::string> line(std::in_place);
      if (!std::getline(*shared->input, *line)) line.reset();
      is_more = line.has_value();
      // std::cin calls an error of its file an end.
      const bool is_end = shared->input->eof() && !(shared->input == &std::cin && std::ferror(stdin) != 0);
      const bool is_whole = is_more || is_end;
      const std::lock_guard lock(shared->mutex);
      if (shared->is_over) return;
      loop.post([shared, is_whole, line = std::move(line)]() mutable {
        shared->is_whole = is_whole;
        shared->lines.push_back(std::move(line));
        shared->arrived.set();
      });
    }
  }).detach();
  // tidy: allow new the constructor is private
  return std::unique_ptr<Feed>(new Feed(std::move(shared)));
}

Feed::~Feed() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->is_over = true;
  }
  shared_->room.release();
}

bool Feed::is_whole() const { return shared_->is_whole; }

Task<std::optional<std::string>> Feed::next() {
  const std::shared_ptr<Shared> shared = shared_;
  while (shared->lines.empty()) {
    shared->arrived.reset();
    co_await shared->arrived.wait();
  }
  if (!shared->lines.front()) co_return std::nullopt;
  std::optional<std::string> line = std::move(shared->lines.front());
  shared->lines.pop_front();
  shared->room.release();
  co_return line;
}

}  // namespace parley::cli
