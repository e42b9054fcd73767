#include <parley/parley.h>
#include <cstdio>

class Files {
 public:
  virtual parley::Task<std::uint64_t> store(parley::Rx<std::string> lines) = 0;
  virtual parley::Task<void> read(parley::Tx<std::string, 4> lines) = 0;  // 4: so many may be under way at first
};
PARLEY_SERVICE(Files, (store, args(lines)), (read, args(lines)));

struct FilesService final : Files {
  std::vector<std::string> kept;

  parley::Task<std::uint64_t> store(parley::Rx<std::string> lines) override {
    std::vector<std::string> come;
    while (auto line = co_await lines.recv()) come.push_back(*std::move(line));
    if (!lines.error()) kept = std::move(come);  // the writer came to its end, and did not die on the way
    co_return kept.size();
  }
  parley::Task<void> read(parley::Tx<std::string, 4> lines) override {
    for (std::size_t at = 0; at < kept.size(); ++at) {
      if (auto sent = co_await lines.send(kept[at]); !sent) {
        std::printf("stopped behind %zu lines: %s\n", at, to_string(sent.error()).c_str());
        co_return;
      }
    }
    lines.close({{"lines", std::uint64_t{kept.size()}}});
  }
};

parley::Task<parley::Result<void>> write(parley::Client<Files> files, bool finish) {
  auto [tx, rx] = parley::channel<std::string>();
  auto stored = files.call<&Files::store>(std::move(rx));
  for (int number = 1; number <= 100; ++number) co_await co_await tx.send("line " + std::to_string(number));
  if (finish) tx.close();
  {
    auto gone = std::move(tx);
  }  // without close() the reader is told that the writer was dropped
  std::printf("%lu lines are kept\n", co_await co_await stored);
  co_return {};
}

parley::Task<parley::Result<void>> read(parley::Client<Files> files, int lines_max) {
  auto [tx, rx] = parley::channel<std::string, 4>();
  auto done = files.call<&Files::read>(std::move(tx));
  int lines = 0;
  while (lines < lines_max && co_await rx.recv()) ++lines;
  if (lines == lines_max) rx.reset();
  co_await co_await done;
  std::printf("%d lines read\n", lines);
  if (lines < lines_max) std::printf("the writer says %lu\n", *rx.close_metadata().find_number("lines"));
  co_return {};
}

parley::Task<parley::Result<void>> use(parley::Loop& loop) {
  auto session = co_await co_await parley::connect(loop, "mem:files");
  auto files = session->client<Files>("Files");
  co_await co_await write(files, true);
  co_await co_await write(files, false);
  co_await co_await read(files, 1000);
  co_return co_await read(files, 10);
}

int main() {
  FilesService service;
  parley::Loop loop;
  auto server = parley::listen(loop, "mem:files").value();
  server.serve<Files>("Files", service).value();
  auto used = loop.run_until(use(loop));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
