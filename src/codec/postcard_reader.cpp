#include "codec/postcard_reader.h"

namespace parley::codec {

Error Reader::error(Code code) const {
  std::string note(to_string(fault_));
  note += " (at byte ";
  note += std::to_string(position());
  note += " of ";
  note += std::to_string(static_cast<std::size_t>(end_ - begin_));
  note += ')';
  return {code, std::move(note)};
}

Reader::LongVarint Reader::get_more_varint() {
  const VarintRead read = read_varint(cursor_, end_);
  if (!read.next) return {0, fail_varint()};
  cursor_ = read.next;
  return {read.value, true};
}

bool Reader::fail_varint() {
  std::size_t size = 0;
  while (size < remaining() && size < varint_bytes_max && (cursor_[size] & 0x80) != 0) ++size;
  return fail(size == remaining() ? Fault::cut_off : Fault::varint);
}

bool Reader::get_wide_varint(unsigned __int128& value) {
  constexpr unsigned last_shift = 126;
  unsigned __int128 sum = 0;
  const std::uint8_t* at = cursor_;
  for (unsigned shift = 0; shift <= last_shift; shift += 7) {
    if (at == end_) return fail(Fault::cut_off);
    const std::uint8_t byte = *at++;
    if (shift == last_shift && byte > 3) break;
    sum |= static_cast<unsigned __int128>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      value = sum;
      cursor_ = at;
      return true;
    }
  }
  return fail(Fault::varint);
}

namespace detail {

bool decode_character(Reader& reader, char32_t& value) {
  ByteView bytes;
  if (!reader.get_bytes(bytes)) return false;
  const std::uint8_t* const end = bytes.data() + bytes.size();
  return get_scalar(bytes.data(), end, value) == end || reader.fail(Fault::char_value);
}

}  // namespace detail

}  // namespace parley::codec
