#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/link.h"
#include "sim/wire_model.h"
#include "wire/roam/stable.h"

namespace parley::sim {

// Reads along at all links of one stable session and keeps account of its numbers: what is sent again is what was sent,
// nothing is left out, nothing is acknowledged that did not come, and the session at each end is given what the other
// one said, each message once and in order. Hands every message to the model of the wire, as if there were one link.
class StableModel {
 public:
  // `first`: the number of the first message in each direction.
  StableModel(WireModel& wire, Verdicts& verdicts, Coverage& coverage, std::uint32_t first);
  ~StableModel();
  StableModel(const StableModel&) = delete;
  StableModel& operator=(const StableModel&) = delete;

  // Who reads along at the next link; stays as long as the model.
  LinkTap& next_link();
  // The link of one end's session, read along at. The model outlives it.
  std::unique_ptr<io::Link> watch(std::unique_ptr<io::Link> link, std::size_t side);

 private:
  class Tap;
  class Watch;
  // What one end has said.
  struct Said {
    std::vector<std::uint64_t> frames;    // hashes of these, in their order
    std::vector<std::uint64_t> messages;  // and of the messages in them
    std::uint64_t arrived = 0;            // at the other end, over any link
    std::uint64_t given = 0;              // to the session there
  };
  void fail(std::string_view checker, std::size_t side, std::string what);
  void on_frame_written(std::size_t side, std::uint64_t& at, ByteView bytes);
  void on_frame_read(std::size_t side, ByteView bytes);
  void on_given(std::size_t side, ByteView message);
  std::uint64_t index_of(std::uint32_t number, std::uint64_t near) const;

  WireModel& wire_;
  Verdicts& verdicts_;
  Coverage& coverage_;
  const std::uint32_t first_;
  std::array<Said, 2> said_;
  std::vector<std::unique_ptr<Tap>> taps_;
  std::optional<wire::roam::stable::Key> key_brought_;  // by the last hello of the client
  std::uint64_t joined_count_ = 0;
};

}  // namespace parley::sim
