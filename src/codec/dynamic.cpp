#include "codec/dynamic.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "codec/dynamic_bounds.h"
#include "codec/dynamic_value.h"
#include "codec/json_note.h"

namespace parley::codec {

namespace detail {

// The types of a description, and for each method the tuple and the struct that its arguments are.
class DynamicTypes {
 public:
  DynamicTypes(ServiceDescription description, const DynamicOptions& options)
      : description_(std::move(description)), options_(options) {}

  Result<void> build() {
    PARLEY_TRY(check(description_));
    for (const TypeDescription& type : description_.types) types_.emplace_back(type);
    for (const MethodDescription& method : description_.methods) add_arguments(method);
    for (DynamicType& type : types_) set_parts(type);
    for (DynamicType& type : types_) type.set_shape();
    for (DynamicType& type : types_) type.set_tables();
    DynamicBounds bounds;
    for (DynamicType& type : types_) set_bounds(bounds, type);
    // Defaults are whole values: while they are read, no field has one.
    for (DynamicType& type : types_) type.set_optional();
    std::size_t memory_left = defaults_memory_max;
    std::vector<Default> defaults;
    for (DynamicType& type : types_) PARLEY_TRY(read_defaults(type, memory_left, defaults));
    for (Default& one : defaults) one.type->set_default(one.index, std::move(one.value));
    return {};
  }

  const ServiceDescription& description() const { return description_; }
  const DynamicOptions& options() const { return options_; }
  const DynamicType& type(std::uint32_t index) const { return types_[index]; }
  // Of a method of this description.
  const DynamicType& positional(const MethodDescription& method) const { return argument_type(method, 0); }
  const DynamicType& named(const MethodDescription& method) const { return argument_type(method, 1); }

 private:
  // Of all defaults of a description together.
  static constexpr std::size_t defaults_memory_max = std::size_t{4} << 20;

  struct Default {
    DynamicType* type;
    std::size_t index;
    DynamicValue value;
  };

  const DynamicType& argument_type(const MethodDescription& method, std::size_t which) const {
    const auto index = static_cast<std::size_t>(&method - description_.methods.data());
    PARLEY_ASSERT(index < description_.methods.size(), "a method of another description");
    return types_[description_.types.size() + 2 * index + which];
  }

  void add_arguments(const MethodDescription& method) {
    TypeDescription tuple{.kind = DescribedKind::tuple};
    for (const ArgumentDescription& argument : method.arguments) {
      tuple.parts.push_back({.name = {}, .type = argument.type, .default_json = {}, .description = {}});
    }
    TypeDescription structure = tuple;
    structure.kind = DescribedKind::structure;
    for (std::size_t i = 0; i < method.arguments.size(); ++i) structure.parts[i].name = method.arguments[i].name;
    types_.emplace_back(argument_tuples_.emplace_back(std::move(tuple)));
    types_.emplace_back(argument_tuples_.emplace_back(std::move(structure)));
  }

  void set_parts(DynamicType& type) {
    if (type.kind() == DescribedKind::enumeration) return;
    for (const PartDescription& part : type.description->parts) {
      type.wire_parts.push_back(part.type ? &types_[*part.type] : nullptr);
    }
  }

  static void set_bounds(DynamicBounds& bounds, DynamicType& type) {
    constexpr std::size_t bounded_bytes_max = 4096;
    type.bytes_min = bounds.least(type);
    using enum DescribedKind;
    type.is_level = type.kind() == set || type.kind() == map || type.kind() == boxed ||
                    (type.kind() == list && bounds.most(*type.wire_parts[0]) > bounded_bytes_max);
  }

  Result<void> read_defaults(DynamicType& type, std::size_t& memory_left, std::vector<Default>& defaults) const {
    if (type.shape != JsonShape::structure) return {};
    for (std::size_t i = 0; i < type.count; ++i) {
      const PartDescription& part = type.description->parts[type.wire_index[i]];
      if (!part.default_json) continue;
      DynamicValue value(*type.wire_parts[type.wire_index[i]]);
      JsonOptions options = options_.json;
      options.memory_max = std::min(options.memory_max, memory_left);
      if (auto read = read_json(*part.default_json, value.type(), &value, options); !read) {
        return fail(Code::response, fmt::format("a description that is none: the default of {}.{}: {}",
                                                type.description->name, part.name, read.error().note));
      }
      memory_left -= std::min(memory_left, value.memory());
      defaults.push_back({&type, i, std::move(value)});
    }
    return {};
  }

  ServiceDescription description_;
  DynamicOptions options_;
  std::deque<TypeDescription> argument_tuples_;
  std::deque<DynamicType> types_;
};

}  // namespace detail

namespace {

// Collects the channels of a value, in the order in which for_each_channel visits those of a typed one.
class Channels {
 public:
  void visit(const DynamicValue& value, const std::string& path) {
    const DynamicType& type = value.type();
    if (type.is_channel()) return add(type, path);
    using enum DescribedKind;
    switch (type.kind()) {
      case option:
      case newtype: return visit_all(value, [&](std::size_t) { return path; });
      case tuple: return visit_all(value, [&](std::size_t i) { return step(path, i); });
      case structure:
        return visit_all(value, [&](std::size_t i) { return step(path, type.description->parts[i].name); });
      case variant:
        return visit_all(value,
                         [&](std::size_t) { return step(path, type.description->parts[value.position()].name); });
      case either:
        return visit_all(value, [&](std::size_t) { return step(path, value.position() == 0 ? "ok" : "error"); });
      default: return;
    }
  }
  std::vector<DynamicChannel> take() { return std::move(channels_); }

 private:
  static std::string step(std::string path, std::size_t index) {
    put_step(path, index);
    return path;
  }
  static std::string step(std::string path, std::string_view name) {
    put_step(path, name);
    return path;
  }
  template <class PathOf>
  void visit_all(const DynamicValue& value, PathOf path_of) {
    if (!value.type().has_content()) return;
    for (std::size_t i = 0; i < value.parts().size(); ++i) visit(value.parts()[i], path_of(i));
  }
  void add(const DynamicType& type, const std::string& path) {
    const auto way = type.kind() == DescribedKind::tx ? Direction::tx : Direction::rx;
    channels_.push_back({path, way, *type.description->parts[0].type, type.description->count});
  }

  std::vector<DynamicChannel> channels_;
};

bool is_object(std::string_view json) {
  const std::size_t first = json.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && json[first] == '{';
}

}  // namespace

Transcoder::Transcoder(std::unique_ptr<const detail::DynamicTypes> types) : types_(std::move(types)) {}
Transcoder::Transcoder(Transcoder&&) noexcept = default;
Transcoder& Transcoder::operator=(Transcoder&&) noexcept = default;
Transcoder::~Transcoder() = default;

Result<Transcoder> Transcoder::make(ServiceDescription description, DynamicOptions options) {
  auto types = std::make_unique<detail::DynamicTypes>(std::move(description), options);
  PARLEY_TRY(types->build());
  return Transcoder(std::move(types));
}

const ServiceDescription& Transcoder::description() const { return types_->description(); }

const MethodDescription* Transcoder::find(std::string_view method) const {
  const std::vector<MethodDescription>& methods = description().methods;
  const auto found = std::ranges::find(methods, method, &MethodDescription::name);
  return found == methods.end() ? nullptr : &*found;
}

Result<DynamicArguments> Transcoder::arguments(const MethodDescription& method, std::string_view json) const {
  const DynamicType& positional = types_->positional(method);
  const bool is_by_name = is_object(json) && has_named_arguments(method);
  DynamicValue arguments(is_by_name ? types_->named(method) : positional);
  const bool is_one = !is_by_name && is_object(json) && positional.count == 1;
  const DynamicType* const only = is_one ? positional.wire_parts[positional.wire_index[0]] : nullptr;
  if (only && only->kind() == DescribedKind::structure) {
    arguments.reset();
    PARLEY_TRY(read_json(json, *only, positional.part(&arguments, 0), types_->options().json));
  } else {
    PARLEY_TRY(read_json(json, arguments.type(), &arguments, types_->options().json));
  }
  DynamicArguments made;
  PARLEY_TRY(made.bytes, dynamic_bytes(arguments));
  Channels channels;
  channels.visit(arguments, "$");
  made.channels = channels.take();
  return made;
}

Result<DynamicCall> Transcoder::read_arguments(const MethodDescription& method, ByteView postcard) const {
  const DynamicOptions& options = types_->options();
  Reader reader(postcard, nullptr, options.depth_max, options.json.memory_max);
  DynamicValue value(has_named_arguments(method) ? types_->named(method) : types_->positional(method));
  if (!decode_dynamic(reader, value) || !reader.finish()) return fail(reader.error(Code::response));
  DynamicCall call;
  PARLEY_TRY(write_json(call.json, value.type().writing, &value, JsonStyle::compact, options.json.text_bytes_max));
  Channels channels;
  channels.visit(value, "$");
  call.channels = channels.take();
  return call;
}

Result<std::vector<std::uint8_t>> Transcoder::to_postcard(std::uint32_t type, std::string_view json) const {
  DynamicValue value(types_->type(type));
  PARLEY_TRY(read_json(json, value.type(), &value, types_->options().json));
  return dynamic_bytes(value);
}

Result<std::string> Transcoder::to_json(std::uint32_t type, ByteView postcard, JsonStyle style) const {
  const DynamicOptions& options = types_->options();
  Reader reader(postcard, nullptr, options.depth_max, options.json.memory_max);
  DynamicValue value(types_->type(type));
  if (!decode_dynamic(reader, value) || !reader.finish()) return fail(reader.error(Code::response));
  std::string text;
  PARLEY_TRY(write_json(text, value.type().writing, &value, style, options.json.text_bytes_max));
  return text;
}

}  // namespace parley::codec
