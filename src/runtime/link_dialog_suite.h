#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "io/stream_end_suite.h"
#include "runtime/framed_link.h"
#include "runtime/link_log_suite.h"

// Two links that talk with each other, whatever their streams do.
namespace parley::runtime::suite {

// What went each way, with an answer to each message and control messages between.
struct Dialog {
  explicit Dialog(io::Loop& loop, io::suite::StreamPair streams, const Limits& limits = {})
      : a(std::make_unique<FramedLink>(loop, std::move(streams.first), limits)),
        b(std::make_unique<FramedLink>(loop, std::move(streams.second), limits)) {
    log_b.at_message = [this](ByteView message) { send(*b, "re: " + std::string(as_text(message))); };
    a->start(log_a);
    b->start(log_b);
  }
  void talk() {
    for (int i = 0; i < count; ++i) send(*a, name(i));
  }
  // Each end has a beginning of what was sent to it, in order; of the answers, one for each question that came.
  void check() const {
    ASSERT_LE(log_b.messages.size(), static_cast<std::size_t>(count));
    ASSERT_LE(log_a.messages.size(), log_b.messages.size());
    for (std::size_t i = 0; i < log_b.messages.size(); ++i) ASSERT_EQ(log_b.messages[i], name(static_cast<int>(i)));
    for (std::size_t i = 0; i < log_a.messages.size(); ++i) {
      ASSERT_EQ(log_a.messages[i], "re: " + name(static_cast<int>(i)));
    }
  }
  static std::string name(int i) { return std::string(static_cast<std::size_t>(i * 7 % 40), '.') + std::to_string(i); }
  static constexpr int count = 30;

  LinkLog log_a;
  LinkLog log_b;
  std::unique_ptr<FramedLink> a;
  std::unique_ptr<FramedLink> b;
};

}  // namespace parley::runtime::suite
