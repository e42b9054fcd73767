#include "codec/json_reader.h"

#include <memory>
#include <string>

#include "base/assert.h"
#include "codec/json_note.h"
#include "codec/json_parser.h"
#include "codec/json_scalar.h"
#include "codec/json_text.h"

namespace parley::codec {
namespace {

constexpr JsonReadType pair_type = {.shape = JsonShape::pair, .count = 2};

// Turns the events of a parser into a value. What is open in the text, an array or object each, is a frame; a frame
// knows where its next value goes. Lives for one text; after a false it has a note and nothing more is told to it.
class JsonReader final : public JsonEvents {
 public:
  JsonReader(const JsonReadType& type, void* value, const JsonOptions& options)
      : root_{&type, value},
        depth_max_(options.depth_max),
        memory_left_(options.memory_max),
        ignores_unknown_(options.ignores_unknown_fields) {}

  const std::string& note() const { return note_; }
  std::string path() const;

  bool on_null() override;
  bool on_bool(bool value) override;
  bool on_number(std::string_view number) override;
  bool on_string(std::string_view text) override;
  bool on_array_begin() override;
  bool on_array_end() override;
  bool on_object_begin() override;
  bool on_key(std::string_view key) override;
  bool on_object_end() override;

 private:
  // A value that is to be read: what and whereto.
  struct Place {
    const JsonReadType* type = nullptr;
    void* value = nullptr;
  };
  using Staged = std::unique_ptr<void, void (*)(void*)>;
  struct Frame {
    const JsonReadType* type;
    JsonShape shape;
    void* value;
    Place next;               // objects: where the value of the last key goes
    std::size_t index = 0;    // of the element or part being read, or of the next one
    std::size_t count = 0;    // that have been read
    std::uint64_t seen = 0;   // fields, a bit each
    std::size_t keys_before;  // where the key of this frame begins in keys_
    bool is_inside = false;   // from a key or the begin of an element to its end
    Staged staged{nullptr, nullptr};
  };

  // Where the value goes that begins now, through everything that has no form of its own in the text.
  bool take(Place& place, bool is_null);
  bool take_element(Frame& frame, Place& place);
  bool open(const Place& place, JsonShape shape);
  bool close();
  // A value is complete.
  bool finish();
  bool settle(Frame& frame);

  bool read_name(const Place& place, std::string_view text);

  bool take_field(Frame& frame, std::string_view key);
  bool take_alternative(Frame& frame, std::string_view key);
  bool take_entry(Frame& frame, std::string_view key);
  bool finish_fields(Frame& frame);

  // Inside of a field that nobody knows and that is ignored. True where it has dealt with the event.
  bool skips(int deeper) {
    if (!is_skipping_) return false;
    skipped_depth_ += static_cast<std::size_t>(deeper);
    if (skipped_depth_ == 0) is_skipping_ = false;
    return true;
  }

  bool charge(std::size_t memory) {
    if (memory > memory_left_) return stop("the value would take more memory than is allowed");
    memory_left_ -= memory;
    return true;
  }
  // What comes back from the functions that store scalars.
  bool is_good(std::string note) { return note.empty() || stop(std::move(note)); }
  bool stop(std::string note) {
    note_ = std::move(note);
    return false;
  }

  Place root_;
  std::vector<Frame> frames_;
  std::string keys_;  // of the entries of maps that are being read, one behind the other
  std::size_t depth_max_;
  std::size_t memory_left_;
  bool ignores_unknown_;
  bool is_skipping_ = false;
  std::size_t skipped_depth_ = 0;
  std::string note_;
};

std::string JsonReader::path() const {
  std::string path = "$";
  for (std::size_t i = 0; i < frames_.size(); ++i) {
    const Frame& frame = frames_[i];
    if (!frame.is_inside) break;
    switch (frame.shape) {
      case JsonShape::structure:
      case JsonShape::variant:
      case JsonShape::either: put_step(path, frame.type->names[frame.index]); break;
      case JsonShape::optional: put_step(path, "some"); break;
      case JsonShape::map: {
        const std::size_t end = i + 1 < frames_.size() ? frames_[i + 1].keys_before : keys_.size();
        put_step(path, std::string_view(keys_).substr(frame.keys_before, end - frame.keys_before));
        break;
      }
      default: put_step(path, frame.index);
    }
  }
  return shortened_path(std::move(path));
}

// --- where values go -------------------------------------------------------------------------------------

bool JsonReader::take(Place& place, bool is_null) {
  if (frames_.empty()) {
    place = root_;
  } else if (!take_element(frames_.back(), place)) {
    return false;
  }
  for (;;) {
    const JsonReadType& type = *place.type;
    const bool is_plain = type.shape == JsonShape::optional && !is_null && !type.parts[0]->may_be_null;
    if (!is_plain && type.shape != JsonShape::holder && type.shape != JsonShape::newtype) return true;
    if (!charge(type.memory_each)) return false;
    place = {type.parts[0], type.part(place.value, 0)};
  }
}

bool JsonReader::take_element(Frame& frame, Place& place) {
  const JsonReadType& type = *frame.type;
  switch (frame.shape) {
    case JsonShape::list:
      if (!charge(type.memory_each)) return false;
      place = {type.parts[0], type.add ? type.add(frame.value) : frame.staged.get()};
      break;
    case JsonShape::array:
    case JsonShape::tuple:
      if (frame.index == type.count) return stop(expected_in_json(type) + " is expected, and there are more");
      place = {type.parts[frame.shape == JsonShape::array ? 0 : frame.index], type.part(frame.value, frame.index)};
      break;
    case JsonShape::pairs: place = {&pair_type, frame.value}; break;
    case JsonShape::pair:
      if (frame.index == 2) return stop(expected_in_json(pair_type) + " is expected, and there are more");
      place = frame.next;
      break;
    default:  // an object: its key has been read
      place = frame.next;
      return true;
  }
  frame.is_inside = true;
  return true;
}

bool JsonReader::open(const Place& place, JsonShape shape) {
  PARLEY_ASSERT(frames_.size() < depth_max_);  // the parser counts
  const JsonReadType& type = *place.type;
  Frame frame{.type = &type, .shape = shape, .value = place.value, .keys_before = keys_.size()};
  if (shape == JsonShape::pair) {
    Frame& map = frames_.back();
    frame.type = map.type;
    frame.next = {map.type->parts[0], map.staged.get()};
  } else {
    if (!charge(type.memory_own)) return false;
    if (type.clear) type.clear(place.value);
    if (type.make_staged) frame.staged = Staged(type.make_staged(type), type.drop_staged);
  }
  frames_.push_back(std::move(frame));
  return true;
}

bool JsonReader::close() {
  frames_.pop_back();
  return finish();
}

bool JsonReader::finish() {
  if (frames_.empty()) return true;
  Frame& frame = frames_.back();
  ++frame.count;
  switch (frame.shape) {
    case JsonShape::list:
      if (frame.staged && !frame.type->settle(frame.value, frame.staged.get())) {
        return stop("this element is in the set already");
      }
      ++frame.index;
      break;
    case JsonShape::pair:
      if (frame.index == 0) {
        if (!settle(frame)) return false;
      }
      ++frame.index;
      break;
    case JsonShape::array:
    case JsonShape::tuple:
    case JsonShape::pairs: ++frame.index; break;
    default: keys_.resize(frame.keys_before);
  }
  frame.is_inside = false;
  return true;
}

// The key of a pair is complete: its entry is made, and the value goes there.
bool JsonReader::settle(Frame& frame) {
  const Frame& map = frames_[frames_.size() - 2];
  if (!charge(map.type->memory_each)) return false;
  void* const entry = map.type->settle(map.value, map.staged.get());
  if (!entry) return stop("this key is in the map already");
  frame.next = {map.type->parts[1], entry};
  return true;
}

// --- scalars ---------------------------------------------------------------------------------------------

bool JsonReader::on_null() {
  if (skips(0)) return true;
  Place place;
  if (!take(place, true)) return false;
  switch (place.type->shape) {
    case JsonShape::null: return finish();
    case JsonShape::optional: place.type->clear(place.value); return finish();
    default: return stop(mismatch(*place.type, "null"));
  }
}

bool JsonReader::on_bool(bool value) {
  if (skips(0)) return true;
  Place place;
  if (!take(place, false)) return false;
  if (place.type->shape != JsonShape::boolean) return stop(mismatch(*place.type, value ? "true" : "false"));
  *static_cast<bool*>(place.value) = value;
  return finish();
}

bool JsonReader::on_number(std::string_view number) {
  if (skips(0)) return true;
  Place place;
  if (!take(place, false)) return false;
  return is_good(store_number(*place.type, place.value, number)) && finish();
}

bool JsonReader::on_string(std::string_view text) {
  if (skips(0)) return true;
  Place place;
  if (!take(place, false)) return false;
  if (place.type->shape == JsonShape::variant) return read_name(place, text) && finish();
  return is_good(store_string(*place.type, place.value, text)) && finish();
}

bool JsonReader::read_name(const Place& place, std::string_view text) {
  const JsonReadType& type = *place.type;
  const std::size_t index = index_of_name(type, text, 0);
  if (index == type.count) return stop(mismatch(type, quoted_start(text) + meant_instead(type, text)));
  if (type.parts[index]) {
    return stop("the fields of " + std::string(type.names[index]) + " are expected, as in {" + quoted_start(text) +
                ": ...}");
  }
  type.part(place.value, index);
  return true;
}

// --- arrays ----------------------------------------------------------------------------------------------

bool JsonReader::on_array_begin() {
  if (skips(1)) return true;
  Place place;
  if (!take(place, false)) return false;
  const JsonShape shape = place.type->shape;
  switch (shape) {
    case JsonShape::list:
    case JsonShape::array:
    case JsonShape::tuple:
    case JsonShape::pairs:
    case JsonShape::pair: return open(place, shape);
    default: return stop(mismatch(*place.type, "an array"));
  }
}

bool JsonReader::on_array_end() {
  if (skips(-1)) return true;
  const Frame& frame = frames_.back();
  const bool is_pair = frame.shape == JsonShape::pair;
  if (is_pair || frame.shape == JsonShape::array || frame.shape == JsonShape::tuple) {
    const JsonReadType& type = is_pair ? pair_type : *frame.type;
    if (frame.count != type.count) {
      return stop(expected_in_json(type) + " is expected, and there " + (frame.count == 1 ? "is " : "are ") +
                  std::to_string(frame.count));
    }
  }
  return close();
}

// --- objects ---------------------------------------------------------------------------------------------

bool JsonReader::on_object_begin() {
  if (skips(1)) return true;
  Place place;
  if (!take(place, false)) return false;
  const JsonShape shape = place.type->shape;
  switch (shape) {
    case JsonShape::empty:
    case JsonShape::structure:
    case JsonShape::map:
    case JsonShape::variant:
    case JsonShape::either:
    case JsonShape::optional: return open(place, shape);
    default: return stop(mismatch(*place.type, "an object"));
  }
}

bool JsonReader::on_key(std::string_view key) {
  if (is_skipping_) return true;
  Frame& frame = frames_.back();
  switch (frame.shape) {
    case JsonShape::map: return take_entry(frame, key);
    case JsonShape::empty:
    case JsonShape::structure: return take_field(frame, key);
    default: return take_alternative(frame, key);
  }
}

bool JsonReader::take_field(Frame& frame, std::string_view key) {
  const JsonReadType& type = *frame.type;
  // Fields mostly come in their order.
  const std::size_t index = index_of_name(type, key, frame.count == 0 ? 0 : frame.index + 1);
  if (index == type.count) {
    if (!ignores_unknown_) return stop(no_such_field(type, key));
    is_skipping_ = true;
    skipped_depth_ = 0;
    return true;
  }
  if ((frame.seen >> index & 1) != 0) return stop("the field " + quoted_start(key) + " is there twice");
  frame.seen |= std::uint64_t{1} << index;
  frame.index = index;
  frame.is_inside = true;
  frame.next = {type.parts[index], type.part(frame.value, index)};
  return true;
}

bool JsonReader::take_alternative(Frame& frame, std::string_view key) {
  const JsonReadType& type = *frame.type;
  if (frame.count != 0) return stop(expected_in_json(type) + " is expected, and " + quoted_start(key) + " follows");
  if (frame.shape == JsonShape::optional) {
    if (key != "some") return stop(mismatch(type, "{" + quoted_start(key) + ": ...}"));
  } else {
    frame.index = index_of_name(type, key, 0);
    if (frame.index == type.count) {
      return stop(mismatch(type, "{" + quoted_start(key) + ": ...}" + meant_instead(type, key)));
    }
    if (!type.parts[frame.index]) return stop(quoted_start(key) + " has no fields and is written as this string alone");
  }
  frame.is_inside = true;
  frame.next = {type.parts[frame.shape == JsonShape::optional ? 0 : frame.index], type.part(frame.value, frame.index)};
  return true;
}

bool JsonReader::take_entry(Frame& frame, std::string_view key) {
  const JsonReadType& type = *frame.type;
  if (!is_good(store_key(*type.parts[0], frame.staged.get(), key))) return false;
  if (!charge(type.memory_each)) return false;
  void* const entry = type.settle(frame.value, frame.staged.get());
  if (!entry) return stop("the key " + quoted_start(key) + " is in the map already");
  keys_.append(key);
  frame.is_inside = true;
  frame.next = {type.parts[1], entry};
  return true;
}

bool JsonReader::on_object_end() {
  if (skips(-1)) return true;
  Frame& frame = frames_.back();
  switch (frame.shape) {
    case JsonShape::structure:
      if (!finish_fields(frame)) return false;
      break;
    case JsonShape::variant:
    case JsonShape::either:
    case JsonShape::optional:
      if (frame.count == 0) return stop(mismatch(*frame.type, "an empty object"));
      break;
    default: break;
  }
  return close();
}

bool JsonReader::finish_fields(Frame& frame) {
  const JsonReadType& type = *frame.type;
  std::uint64_t missing = 0;
  for (std::size_t i = 0; i < type.count; ++i) {
    if ((frame.seen >> i & 1) != 0) continue;
    switch (type.presence[i]) {
      case JsonPresence::required: missing |= std::uint64_t{1} << i; break;
      case JsonPresence::optional: type.parts[i]->clear(type.part(frame.value, i)); break;
      case JsonPresence::has_default: type.set(frame.value, i); break;
    }
  }
  return missing == 0 || stop(missing_fields(type, missing));
}

}  // namespace

Result<void> read_json(std::string_view text, const JsonReadType& type, void* value, const JsonOptions& options) {
  if (text.size() > options.text_bytes_max) {
    return fail(Code::json, "a text of " + std::to_string(text.size()) + " bytes is longer than the limit of " +
                                std::to_string(options.text_bytes_max));
  }
  JsonReader reader(type, value, options);
  const JsonParse parse = parse_json(text, reader, options.depth_max);
  if (parse.end == JsonParse::End::finished) return {};
  std::string note = "at " + reader.path() + ": ";
  note += parse.end == JsonParse::End::stopped ? reader.note() : what_ends(parse, text, options.depth_max);
  const JsonPosition position = position_in(text, parse.at);
  note += " (line " + std::to_string(position.line) + ", column " + std::to_string(position.column) + ")";
  return fail(Code::json, std::move(note));
}

}  // namespace parley::codec
