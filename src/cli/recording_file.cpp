#include "cli/recording_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "cli/input_file.h"
#include "cli/terminal.h"
#include "codec/json_text.h"
#include "runtime/builtin.h"
#include "runtime/describe.h"
#include "runtime/description_service.h"
#include "wire/roam/dissector.h"

namespace parley::cli {

namespace {

using namespace wire::records;

constexpr std::size_t methods_shown_max = 10;

// What a provider says of itself comes first.
void add_builtin(wire::roam::Catalog& catalog) {
  catalog.add(std::string(builtin::directory_name), describe<builtin::Directory>()).value();
  catalog.add(std::string(builtin::hub_name), describe<builtin::Hub>()).value();
  catalog.add("parley.Describe", describe<Describe>()).value();
  catalog.add("parley.Introductions", describe<builtin::Introductions>()).value();
}

void take(LoadedRecording& loaded, Record record) {
  if (auto* began = std::get_if<Began>(&record)) {
    loaded.began = std::move(*began);
  } else if (auto* described = std::get_if<Described>(&record)) {
    const auto added = loaded.catalog.add(described->name, std::move(described->service));
    if (!added) loaded.faults.push_back(fmt::format("the description of {}: {}", described->name, added.error().note));
  } else {
    loaded.records.push_back(std::move(record));
  }
}

}  // namespace

std::optional<LoadedRecording> load_recording(const std::string& path, int& exit) {
  const Result<std::string> bytes = read_input(path);
  if (!bytes) {
    complain(bytes.error().note, "say the file that `parley record` wrote", &bytes.error());
    exit = exit_of(bytes.error());
    return std::nullopt;
  }
  auto reader = RecordingReader::open(as_bytes(*bytes));
  if (!reader) {
    const bool is_version = reader.error().code == Code::version;
    complain(fmt::format("{} is no recording that can be read: {}", path, reader.error().note),
             is_version ? "use the `parley` that wrote it" : "`parley record FILE --listen ADDRESS` writes recordings",
             &reader.error());
    exit = exit_of(reader.error());
    return std::nullopt;
  }
  std::optional<LoadedRecording> loaded(std::in_place);
  for (;;) {
    auto record = reader->next();
    if (!record) {
      loaded->faults.push_back(record.error().note);
    } else if (*record) {
      take(*loaded, std::move(**record));
    } else {
      break;
    }
  }
  if (reader->cut_off_bytes() != 0) {
    loaded->faults.push_back(fmt::format("the last record was not written to its end: {} bytes of it are left out",
                                         reader->cut_off_bytes()));
  }
  add_builtin(loaded->catalog);
  return loaded;
}

void Contents::add(const wire::roam::Dissected& one) {
  if (!one.method.empty()) methods.insert(one.method);
  if (one.session != 0) sessions.insert(one.session);
}

Contents contents_of(const LoadedRecording& recording) {
  Contents contents;
  wire::roam::Dissector dissector(recording.catalog);
  for (const Record& record : recording.records) {
    if (const auto one = dissector.dissect(record)) contents.add(*one);
  }
  return contents;
}

std::string method_hint(const std::string& pattern, const std::set<std::string>& methods) {
  if (methods.empty()) return "no method is called in it";
  const std::vector<std::string_view> names(methods.begin(), methods.end());
  const std::string_view near = codec::nearest_name(pattern, names.data(), names.size());
  if (!near.empty()) return fmt::format("did you mean {}?", near);
  const std::size_t shown = std::min(names.size(), methods_shown_max);
  const std::string more = names.size() > shown ? fmt::format(", and {} more", names.size() - shown) : std::string();
  return fmt::format("there are {}{}",
                     fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "), more);
}

}  // namespace parley::cli
