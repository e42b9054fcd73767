#include "cli/recording_file.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cli/terminal.h"
#include "runtime/builtin.h"
#include "runtime/describe.h"
#include "runtime/description_service.h"

namespace parley::cli {

namespace {

using namespace wire::records;

// A directory can be opened, and not read.
Result<std::string> read_all(const std::string& path) {
  const auto cannot = [&] {
    return fail(Code::not_found, fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  };
  const auto close = [](std::FILE* file) { std::fclose(file); };
  std::unique_ptr<std::FILE, decltype(close)> opened(path == "-" ? nullptr : std::fopen(path.c_str(), "rb"));
  if (path != "-" && !opened) return cannot();
  std::FILE* const input = opened ? opened.get() : stdin;
  std::string bytes;
  std::array<char, std::size_t{1} << 16> piece{};
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), input)) bytes.append(piece.data(), size);
  if (std::ferror(input) != 0) return cannot();
  return bytes;
}

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
  const Result<std::string> bytes = read_all(path);
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

}  // namespace parley::cli
