#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "sim/coverage.h"
#include "sim/trace.h"
#include "sim/verdicts.h"

namespace parley::sim {

// The life of every channel of a run as its sender, the wire and its receiver see it, and whether these agree. Channels
// are known by the number of their flow, which travels in the arguments of their call and in each item.
class FlowBook {
 public:
  FlowBook(Verdicts& verdicts, Coverage& coverage, Trace& trace)
      : verdicts_(verdicts), coverage_(coverage), trace_(trace) {}

  // Toward a foreign peer a dropped sender looks like a closed one.
  std::uint64_t open(bool is_foreign = false);

  // --- the sender
  void on_sending(std::uint64_t flow) { flows_[flow].is_in_doubt = true; }
  void on_sent(std::uint64_t flow);
  void on_not_sent(std::uint64_t flow, const Error& error);
  enum class SenderEnd : std::uint8_t { open, closed, dropped, stopped };  // stopped: it was told that it is over
  void end_sender(std::uint64_t flow, SenderEnd end);

  // --- the wire
  void on_close_read(std::uint64_t flow, bool is_clean);

  // --- the receiver
  void begin_receiver(std::uint64_t flow) { flows_[flow].has_receiver = true; }
  void on_item(std::uint64_t flow, std::uint64_t item_flow, std::uint64_t index, bool is_whole);
  // Where the link died, what had arrived may be lost with it, and the reader is told.
  enum class Link : std::uint8_t { lived, died };
  void end_receiver(std::uint64_t flow, const Error* error, Link link);
  void drop_receiver(std::uint64_t flow);
  std::uint64_t received(std::uint64_t flow) { return flows_[flow].received; }

  // Nothing will happen any more.
  void check_end();
  std::uint64_t size() const { return flows_.size(); }

 private:
  enum class ReceiverEnd : std::uint8_t { open, clean, failed, dropped };
  struct Record {
    bool is_foreign = false;
    std::uint64_t sent = 0;
    bool is_in_doubt = false;  // a send was begun and nobody knows whether it came to anything
    SenderEnd sender = SenderEnd::open;
    bool has_receiver = false;  // there is none when no handler took its call
    std::uint64_t received = 0;
    ReceiverEnd receiver = ReceiverEnd::open;
    Code code = Code::bug;  // of a receiver that failed
    bool is_close_read = false;
    bool is_clean_close_read = false;
  };
  void fail(std::string_view checker, std::uint64_t flow, std::string_view what);

  Verdicts& verdicts_;
  Coverage& coverage_;
  Trace& trace_;
  std::map<std::uint64_t, Record> flows_;
  std::uint64_t next_flow_ = 1;
};

}  // namespace parley::sim
