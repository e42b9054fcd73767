#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "async/executor.h"
#include "base/bytes.h"
#include "base/error.h"
#include "io/descriptor_inbox.h"
#include "io/stream.h"

namespace parley::runtime {

class Passage;

// What all passages of one owner may keep together.
struct PassageRoom {
  std::size_t bytes_max = std::size_t{256} << 20;
  std::size_t bytes = 0;  // that wait to be read by somebody
};

// Sees what passes, before it goes on.
class PassageEvents {
 public:
  virtual void on_passing(Passage& passage, bool is_from_client, ByteView bytes) = 0;
  // One end says nothing more; the reason is null where it ended in good order.
  virtual void on_end_of(Passage& passage, bool is_from_client, const Error* why) = 0;
  // The last event; the passage is the owner's to destroy, though not from here.
  virtual void on_passed(Passage& passage) = 0;

 protected:
  ~PassageEvents() = default;
};

// Two streams joined: what one end says the other one hears, byte for byte, descriptors with the bytes that they came
// with, and the end of each direction. Reads do not wait for writes: a side that is too far behind ends the passage,
// and so do bytes for which there is no room. On the loop of both streams; destroying it closes them.
class Passage final : public Mortal {
 public:
  // That wait for one side to read them; of descriptors, as many as may wait to be claimed.
  static constexpr std::size_t waiting_bytes_max = std::size_t{64} << 20;
  static constexpr std::size_t waiting_descriptors_max = io::DescriptorInbox::unclaimed_max;

  // The room outlives it.
  Passage(std::unique_ptr<io::Stream> client, std::unique_ptr<io::Stream> server, PassageRoom& room,
          PassageEvents& events);
  ~Passage();
  void start();

 private:
  struct End final : io::StreamEvents {
    End(Passage& passage, std::unique_ptr<io::Stream> stream, bool is_client)
        : passage(passage), stream(std::move(stream)), is_client(is_client) {}
    void on_readable() override { passage.read(*this); }
    void on_writable() override { passage.write(*this); }

    Passage& passage;
    std::unique_ptr<io::Stream> stream;
    bool is_client;
    std::size_t waiting_bytes() const { return waiting.size() - written; }
    std::size_t waiting_descriptors() const;

    std::uint64_t descriptors_taken = 0;
    bool is_read_over = false;
    // What it is to hear.
    struct Attached {
      std::size_t at;  // in `waiting`
      std::vector<io::Descriptor> descriptors;
    };
    std::vector<std::uint8_t> waiting;
    std::size_t written = 0;  // of it
    std::deque<Attached> attached;
    bool is_finishing = false;  // nothing comes behind it
    bool is_written_over = false;
  };
  End& other(const End& end) { return &end == &client_ ? server_ : client_; }
  void read(End& from);
  void end_reading(End& from, const Error* why);
  void pass_on(End& from, ByteView bytes);
  void write(End& to);
  std::optional<Error> has_no_room(const End& to, std::size_t bytes, std::size_t descriptors) const;
  void stop_writing(End& to);
  void break_off(const Error& why);
  void tell_if_over();

  PassageEvents& events_;
  End client_;
  End server_;
  PassageRoom& room_;
  std::vector<std::uint8_t> read_;
  bool is_over_ = false;
};

}  // namespace parley::runtime
