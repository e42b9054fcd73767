#include "cli/hub_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "core/policy/policy.h"
#include "io/stream.h"
#include "os/place.h"
#include "os/user.h"

namespace parley::cli {

namespace {

std::optional<std::string> said(const Environment& environment, const std::string& variable) {
  const auto found = environment.find(variable);
  if (found == environment.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

std::optional<std::string> default_file(const Environment& environment) {
  if (const auto base = said(environment, "XDG_CONFIG_HOME")) return *base + "/parley/hub.toml";
  if (const auto home = said(environment, "HOME")) return *home + "/.config/parley/hub.toml";
  return std::nullopt;
}

constexpr std::size_t file_bytes_max = std::size_t{1} << 20;
constexpr std::size_t bytes_max = std::size_t{1} << 40;

// It says who may do what, so nobody else may say something in it.
std::optional<std::string> writable_by_others(const std::string& path) {
  const os::Place place = os::look_at(path);
  if (place.kind != os::Place::Kind::other) return std::nullopt;  // a link leads to a file that somebody chose
  if (place.uid != os::user_id() && place.uid != 0) return fmt::format("{} belongs to user {}", path, place.uid);
  if ((place.mode & 0022) == 0) return std::nullopt;
  return fmt::format("{} can be written by others: chmod go-w {}", path, path);
}

// A limit that cannot work is a mistake of whoever wrote it, not of the first peer that comes to it.
template <std::unsigned_integral T>
std::uint64_t count_of(T field) {
  return field;
}
std::uint64_t count_of(Duration field) { return static_cast<std::uint64_t>(field.count()); }

class Refusing {
 public:
  Refusing(const Setting& written, SettingsReader& reader, std::string group)
      : at_(written.find(group)), reader_(reader), group_(std::move(group)) {}
  void operator()(std::string_view name, std::string_view why) const {
    const Setting* const at = at_ ? at_->find(name) : nullptr;
    reader_.add_mistake(fmt::format("{}: {}.{} {}", at ? at->where : "", group_, name, why));
  }

 private:
  const Setting* at_;
  SettingsReader& reader_;
  std::string group_;
};

template <class Field>
void check_bound(const Field& field, std::string_view name, const Refusing& refuse) {
  if constexpr (requires { count_of(field); }) {
    if (!std::same_as<Field, bool> && field == Field() && name != "descriptors_max") refuse(name, "is more than 0");
    if (std::cmp_greater(count_of(field), bytes_max) && name.contains("bytes")) refuse(name, "is at most 1 TiB");
  }
}

template <class T>
void check_bounds(const T& group, const Refusing& refuse) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    codec::with_fields(group,
                       [&](const auto&... fields) { (check_bound(fields, codec::field_name<T, I>, refuse), ...); });
  }(std::make_index_sequence<codec::field_count<T>>());
}

void check(const Limits& limits, const Setting& written, SettingsReader& reader) {
  const Refusing refuse(written, reader, "limits");
  check_bounds(limits, refuse);
  if (limits.descriptors_max > io::descriptors_per_write_max) refuse("descriptors_max", "is at most 8");
  if (limits.frame_bytes_max > 0xffffffff) refuse("frame_bytes_max", "is below 4 GiB: a length has four bytes");
  if (limits.opening_bytes_max > (std::size_t{64} << 10)) {
    refuse("opening_bytes_max", "is at most 64 KiB, or openings of several protocols look alike");
  }
  if (limits.depth_max > 1024) refuse("depth_max", "is at most 1024, or values use up the stack");
}

void check(const BusOptions& bus, const Setting& written, SettingsReader& reader) {
  const Refusing refuse(written, reader, "bus");
  check_bounds(bus, refuse);
  if (bus.frame_bytes_max > (std::size_t{16} << 20)) {
    refuse("frame_bytes_max", "is at most 16 MiB, or openings of several protocols look alike");
  }
  if (bus.opening_bytes_max > bus.frame_bytes_max) refuse("opening_bytes_max", "is at most frame_bytes_max");
}

void check(const HostpipeOptions& hostpipe, const Setting& written, SettingsReader& reader) {
  const Refusing refuse(written, reader, "hostpipe");
  check_bounds(hostpipe, refuse);
  for (const auto& [option, why] : mistakes_in(hostpipe)) refuse(option, why);
}

void check_rules(const Setting& written, const HubSettings& settings, SettingsReader& reader) {
  const Setting* const allow = written.find("allow");
  for (std::size_t i = 0; i < settings.allow.size(); ++i) {
    const auto rule = core::Rule::parse(settings.allow[i]);
    const Setting& at = allow->items.empty() ? *allow : allow->items[i];
    if (!rule)
      reader.add_mistake(
          fmt::format("{}: {}", allow->is_from_environment ? allow->where : at.where, rule.error().note));
  }
}

using Clients = io::TlsOptions::Clients;
constexpr std::pair<std::string_view, Clients> words_of_clients[] = {
    {"not_asked", Clients::not_asked}, {"optional", Clients::optional}, {"required", Clients::required}};

void check(const TlsFiles& tls, const Setting& written, SettingsReader& reader) {
  const Refusing refuse(written, reader, "tls");
  const bool is_known =
      std::ranges::any_of(words_of_clients, [&](const auto& word) { return word.first == tls.clients; });
  if (!is_known) refuse("clients", "is one of not_asked, optional, required");
  if (tls.certificate.empty() && !tls.key.empty()) refuse("key", "needs tls.certificate");
  if (tls.clients != "not_asked" && tls.authorities.empty()) {
    refuse("clients", "needs tls.authorities, which says whose certificates are accepted");
  }
}

void put_map(std::string& out, const std::map<std::string, std::string>& map, const Setting* written,
             const std::string& group) {
  out += fmt::format("\n[{}]\n", group);
  for (const auto& [name, value] : map) {
    const Setting* const at = written->find(name);
    out += fmt::format("{} = {}  # {}\n", to_toml(name), to_toml(value), at->where);
  }
}

template <class T>
void put_fields(std::string& out, const T& value, const Setting* written, const std::string& group) {
  if (!group.empty()) out += fmt::format("\n[{}]\n", group);
  const auto put = [&](std::string_view name, const auto& field) {
    using Field = std::remove_cvref_t<decltype(field)>;
    const Setting* const at = written ? written->find(name) : nullptr;
    if constexpr (requires { to_toml(field); }) {
      out += fmt::format("{} = {}  # {}\n", name, to_toml(field), at ? at->where : "default");
    } else if constexpr (requires { typename Field::mapped_type; }) {
      put_map(out, field, at, SettingsReader::below(group, name));
    } else {
      static_assert(std::is_aggregate_v<Field>);
      put_fields(out, field, at, SettingsReader::below(group, name));
    }
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    codec::with_fields(value, [&](const auto&... fields) { (put(codec::field_name<T, I>, fields), ...); });
  }(std::make_index_sequence<codec::field_count<T>>());
}

}  // namespace

std::variant<WrittenSettings, Mistakes> read_hub_settings(std::string_view text, const std::optional<std::string>& file,
                                                          const Environment& environment) {
  WrittenSettings read;
  SettingsReader reader;
  read.file = file;
  if (auto parsed = parse_toml(text, file.value_or("the configuration"))) {
    read.written = *std::move(parsed);
  } else {
    reader.add_mistake(parsed.error().note);
  }
  reader.overlay<HubSettings>(read.written, environment);
  reader.read(read.written, read.settings);
  if (reader.mistakes().empty()) {
    check(read.settings.limits, read.written, reader);
    check(read.settings.tls, read.written, reader);
    check_bounds(read.settings.commands, Refusing(read.written, reader, "commands"));
    check_bounds(read.settings.http, Refusing(read.written, reader, "http"));
    check(read.settings.bus, read.written, reader);
    check(read.settings.hostpipe, read.written, reader);
    check_rules(read.written, read.settings, reader);
  }
  if (!reader.mistakes().empty()) return reader.mistakes();
  return read;
}

std::variant<WrittenSettings, Mistakes> load_hub_settings(const std::optional<std::string>& file,
                                                          const Environment& environment) {
  const std::optional<std::string> named = file ? file : said(environment, "PARLEY_CONFIG");
  const std::optional<std::string> path = named ? named : default_file(environment);
  std::ifstream in;
  if (path) in.open(*path, std::ios::binary);
  if (!in.is_open()) {
    if (!named && (!path || errno == ENOENT || errno == ENOTDIR)) {
      return read_hub_settings({}, std::nullopt, environment);
    }
    return Mistakes{fmt::format("{} cannot be read: {}", *path, std::strerror(errno))};
  }
  if (auto mistake = writable_by_others(*path)) return Mistakes{*std::move(mistake)};
  std::string text;
  for (std::array<char, 4096> piece{}; in.read(piece.data(), piece.size()) || in.gcount() != 0;) {
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > file_bytes_max) return Mistakes{fmt::format("{} has more than {} bytes", *path, file_bytes_max)};
  }
  if (in.bad()) return Mistakes{fmt::format("{} cannot be read: {}", *path, std::strerror(errno))};
  return read_hub_settings(text, path, environment);
}

LoopOptions loop_options(const HubSettings& settings) {
  const auto* const found = std::ranges::find(words_of_clients, std::string_view(settings.tls.clients),
                                              [](const auto& pair) { return pair.first; });
  PARLEY_ASSERT(found != std::end(words_of_clients));
  return {.tls = {.certificate = settings.tls.certificate,
                  .key = settings.tls.key,
                  .authorities = settings.tls.authorities,
                  .clients = found->second},
          .websocket = {.hosts = settings.websocket.hosts,
                        .origins = settings.websocket.origins,
                        .opening_bytes_max = settings.limits.opening_bytes_max,
                        .message_bytes_max = settings.limits.frame_bytes_max}};
}

RegistryOptions registry_options(const HubSettings& settings) {
  const CommandSettings& said = settings.commands;
  static_assert(codec::field_count<CommandSettings> == codec::field_count<core::RegistryLimits> + 2);
  RegistryOptions options;
  options.handlers_max = said.handlers_max;
  options.listeners_max = said.listeners_max;
  options.limits = {.carriers_max = said.carriers_max,
                    .requests_max = said.requests_max,
                    .requests_per_carrier_max = said.requests_per_carrier_max,
                    .registrations_per_carrier_max = said.registrations_per_carrier_max,
                    .announcements_max = said.announcements_max,
                    .seen_events_max = said.seen_events_max,
                    .seen_events_for = said.seen_events_for,
                    .answer_max = said.answer_max};
  return options;
}

std::string to_toml(const WrittenSettings& settings) {
  std::string text = settings.file ? fmt::format("# {}\n", *settings.file) : "# no file\n";
  put_fields(text, settings.settings, &settings.written, {});
  return text;
}

}  // namespace parley::cli
