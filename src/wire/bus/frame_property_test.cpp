#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/bus/random_frame_suite.h"

namespace parley::wire::bus {
namespace {

RC_GTEST_PROP(BusFrame, any_of_them_comes_back_as_it_was, ()) {
  FrameMaker maker;
  const Frame frame = maker.any();
  const Octets bytes = encoded(frame);
  RC_ASSERT(bytes.size() == encoded_size(frame));
  const auto read = read_frame(bytes, default_bounds);
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == frame);
  RC_ASSERT(encoded(*read) == bytes);
}

RC_GTEST_PROP(BusFrame, every_part_of_it_that_is_missing_is_noticed, ()) {
  FrameMaker maker;
  const Frame frame = maker.any();
  const Octets bytes = encoded(frame);
  const auto size = *rc::gen::inRange<std::size_t>(0, bytes.size());
  const Octets part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  RC_ASSERT(fault_of(part).code == Code::frame_truncated);
  if (size < head_bytes || std::holds_alternative<Unknown>(frame.body)) return;
  const ByteView body = ByteView(part).subspan(head_bytes);
  if (const auto* worker = std::get_if<WorkerRegister>(&frame.body)) {
    // Without all of what newer clients put behind it, it is what older ones send.
    WorkerRegister older = *worker;
    older.activities.reset();
    if (size == encoded_size({frame.stream, older})) {
      RC_ASSERT(read_frame(framed(bytes[0], bytes[1], 0, body), default_bounds).value() == (Frame{0, older}));
      return;
    }
  }
  RC_ASSERT(fault_of(framed(bytes[0], bytes[1], frame.stream, body)).fault == Fault::field_cut_off);
}

// What decodes can be passed on: it is encoded to bytes that say the same.
void can_be_read_by_all(const Octets& bytes) {
  const auto read = read_frame(bytes, default_bounds);
  if (!read) {
    RC_ASSERT(kind(read.error()) == Kind::protocol);
    RC_ASSERT(!read.error().note.empty());
    return;
  }
  const Octets again = encoded(*read);
  RC_ASSERT(again.size() == bytes.size());
  const auto second = read_frame(again, default_bounds);
  RC_ASSERT(second.has_value());
  RC_ASSERT(*second == *read);
}

RC_GTEST_PROP(BusFrame, damaged_ones_are_refused_or_read_as_something_else, ()) {
  FrameMaker maker;
  Octets bytes = encoded(maker.any());
  const int damages = *rc::gen::inRange(1, 4);
  for (int i = 0; i < damages; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::element<std::uint8_t>(0, 1, 2, 0x7f, 0x80, 0xff, static_cast<std::uint8_t>(bytes[at] ^ 1));
  }
  can_be_read_by_all(bytes);
}

RC_GTEST_PROP(BusFrame, any_body_is_refused_or_read_and_never_read_beyond, ()) {
  const auto type = *rc::gen::inRange<std::uint8_t>(0, type_max + 2);
  Octets body = *rc::gen::arbitrary<Octets>();
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (i % 4 != 3) body[i] %= 2;  // lengths that often fit
  }
  const std::uint32_t stream = is_of_session(type) ? 0 : 1;
  can_be_read_by_all(framed(type, *rc::gen::arbitrary<std::uint8_t>(), stream, body));
}

}  // namespace
}  // namespace parley::wire::bus
